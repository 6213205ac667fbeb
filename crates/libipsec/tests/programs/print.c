/* Prints with the library and with stdio, in turn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libipsec/libpfkey.h>

int
main(void)
{
	struct {
		struct sadb_msg message;
		struct sadb_sa sa;
		struct sadb_key key;
		char bytes[8];
	} get = {
		.message = { .sadb_msg_version = PF_KEY_V2, .sadb_msg_type = SADB_GET,
			.sadb_msg_satype = SADB_SATYPE_ESP, .sadb_msg_len = PFKEY_UNIT64(sizeof(get)),
			.sadb_msg_seq = 1, .sadb_msg_pid = 2 },
		.sa = { .sadb_sa_len = 2, .sadb_sa_exttype = SADB_EXT_SA, .sadb_sa_spi = htonl(0x1001) },
		.key = { .sadb_key_len = 2, .sadb_key_exttype = SADB_EXT_KEY_AUTH, .sadb_key_bits = 64 },
		.bytes = "eight by",
	};
	char bytes[34] = "a\0b";

	printf("hexdump:");
	ipsec_hexdump(bytes, sizeof(bytes));
	printf("\nbindump: ");
	ipsec_bindump(bytes, 3);
	printf("\nnothing:");
	ipsec_hexdump(NULL, 4);
	ipsec_bindump(bytes, -1);
	printf("\n");
	kdebug_sadb(&get.message);
	pfkey_sadump(&get.message);
	pfkey_spdump(&get.message);
	get.message.sadb_msg_satype = SADB_SATYPE_UNSPEC;
	pfkey_sadump_withports(&get.message);
	get.sa.sadb_sa_len = 0;
	kdebug_sadb(&get.message);
	pfkey_spdump_withports(&get.message);
	kdebug_sadb(NULL);
	printf("options: %d\n", libipsec_opt);
	return 0;
}
