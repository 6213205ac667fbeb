/* Makes every error of the library that a program can make, and prints its number and text. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libipsec/libipsec.h>

static void
report(const char *what)
{
	const char *text = ipsec_strerror();

	printf("%d %s: %s\n", __ipsec_errcode, what, text);
}

static void
refuse(const char *text)
{
	char *policy = ipsec_set_policy(text, strlen(text));

	if (policy != NULL)
		printf("taken: ");
	free(policy);
	report(text);
}

/* A policy with one byte of it changed. */
static void
refuse_bytes(const char *what, size_t at, unsigned char byte)
{
	const char text[] = "out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require";
	char *policy = ipsec_set_policy(text, sizeof(text) - 1), *dumped;

	policy[at] = byte;
	dumped = ipsec_dump_policy(policy, NULL);
	if (dumped != NULL)
		printf("taken: ");
	free(dumped);
	free(policy);
	report(what);
}

static void
check(const char *what, int version, int type, int satype)
{
	struct sadb_msg message = {
		.sadb_msg_version = version, .sadb_msg_type = type, .sadb_msg_satype = satype,
		.sadb_msg_len = PFKEY_UNIT64(sizeof(message))
	};
	char *table[SADB_EXT_MAX + 1];

	if (pfkey_align(&message, table) == 0 && pfkey_check(table) == 0)
		printf("taken: ");
	report(what);
}

/* After an answer to REGISTER: AES with 128 to 256 bits. Both count bytes here. */
static void
check_key(const char *what, unsigned int bits)
{
	struct {
		struct sadb_msg message;
		struct sadb_supported supported;
		struct sadb_alg algorithm;
	} answer = {
		.message = { .sadb_msg_len = sizeof(answer) },
		.supported = { .sadb_supported_len = 2,
			.sadb_supported_exttype = SADB_EXT_SUPPORTED_ENCRYPT },
		.algorithm = { .sadb_alg_id = 12, .sadb_alg_minbits = 128, .sadb_alg_maxbits = 256 },
	};

	if (pfkey_set_supported(&answer.message, sizeof(answer)) == -1)
		printf("not taken: ");
	if (ipsec_check_keylen2(SADB_SATYPE_ESP, 12, bits) != -1)
		printf("taken: ");
	report(what);
}

/* A datagram that is shorter than the header of a message. */
static void
receive_half(const char *what)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0 || send(pair[0], what, 8, 0) != 8)
		exit(2);
	if (pfkey_recv(pair[1]) != NULL)
		printf("taken: ");
	close(pair[0]);
	close(pair[1]);
	report(what);
}

static struct sockaddr_in v4 = { .sin_family = AF_INET };
static struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
static struct sockaddr local = { .sa_family = AF_UNIX };

static void
get(const char *what, void *src, void *dst)
{
	if (pfkey_send_get(-1, SADB_SATYPE_ESP, 0, src, dst, htonl(1)) != -1)
		printf("taken: ");
	report(what);
}

static void
spdadd(const char *what, unsigned int prefix, char *policy, int length)
{
	struct sockaddr *any = (struct sockaddr *)&v4;

	if (pfkey_send_spdadd(-1, any, prefix, any, 0, 255, policy, length, 0) != -1)
		printf("taken: ");
	report(what);
}

int
main(void)
{
	struct sockaddr *any = (struct sockaddr *)&v4;
	char *bare = ipsec_set_policy("out none", 8), *huge = calloc(1, 1 << 20);
	struct pfkey_send_sa_args sa = { .src = any, .dst = any, .satype = SADB_SATYPE_ESP };
	struct { struct sadb_msg message; struct sadb_address src; struct sockaddr_in src_address;
		struct sadb_address dst; struct sockaddr_in dst_address; } two = {
		.message = { .sadb_msg_version = PF_KEY_V2, .sadb_msg_type = SADB_GET,
			.sadb_msg_satype = SADB_SATYPE_ESP, .sadb_msg_len = PFKEY_UNIT64(sizeof(two)) },
		.src = { .sadb_address_exttype = SADB_EXT_ADDRESS_SRC, .sadb_address_len = 3, .sadb_address_proto = 6 },
		.dst = { .sadb_address_exttype = SADB_EXT_ADDRESS_DST, .sadb_address_len = 3, .sadb_address_proto = 17 },
		.src_address = { .sin_family = AF_INET }, .dst_address = { .sin_family = AF_INET },
	};
	char *table[SADB_EXT_MAX + 1];

	if (bare == NULL || huge == NULL)
		return 2;
	report("a policy");

	refuse("");
	refuse("out");
	refuse("sideways none");
	refuse("out none;");
	refuse("out ipsec esp");
	refuse("out ipsec esp/any");
	refuse("out ipsec esp/tunnel");
	refuse("out ipsec esp/tunnel//require");
	refuse("out ipsec esp/tunnel/me-any/require");
	refuse("in ipsec esp/transport/me-any/require");
	refuse("fwd ipsec esp/transport/any-me/require");
	refuse("out ipsec esp/tunnel/192.0.2.1-2001:db8::1/require");
	refuse("out ipsec esp/tunnel/host.example-192.0.2.1/require");
	refuse("out ipsec esp/tunnel/192.0.2.1[65536]-192.0.2.1[1]/require");
	refuse("out ipsec esp/transport//unique:4294967296");
	refuse("out prio 2147483649 none");
	refuse("out prio low - 1073741824 none");
	refuse("out prio low");
	ipsec_set_policy(NULL, 0);
	report("no policy");

	refuse_bytes("another extension", 2, SADB_X_EXT_SA2);
	refuse_bytes("type", 4, 5);
	refuse_bytes("direction", 6, 6);
	refuse_bytes("length of a request", 16, 15);
	refuse_bytes("protocol", 18, 6);
	refuse_bytes("mode", 20, 4);
	refuse_bytes("level", 21, 4);
	refuse_bytes("address", 32, AF_UNIX);

	check("version", 1, SADB_GET, SADB_SATYPE_ESP);
	check("message type", PF_KEY_V2, SADB_MAX + 1, SADB_SATYPE_ESP);
	check("SA type", PF_KEY_V2, SADB_GET, SADB_SATYPE_UNSPEC);
	check("RSVP", PF_KEY_V2, SADB_GET, SADB_SATYPE_RSVP);
	pfkey_align(&two.message, table);
	pfkey_check(table);
	report("upper-layer protocols");

	get("no address", NULL, &v4);
	get("families", &v4, &v6);
	get("a family", &local, &local);
	get("no socket", &v4, &v4);

	spdadd("prefix length", 33, bare, 16);
	spdadd("room", 0, huge, 1 << 20);
	spdadd("a length", 0, bare, -1);
	if (pfkey_send_spddelete(-1, any, 0, any, 0, 255, huge, 64, 0) == -1)
		report("requests to be deleted");

	if (pfkey_send_getspi(-1, SADB_SATYPE_ESP, 0, any, any, 255, 300, 0, 0) == -1)
		report("SPI");
	if (pfkey_send_add2(&sa) == -1)
		report("no cipher");
	sa.satype = SADB_SATYPE_AH;
	sa.e_type = SADB_EALG_NULL;
	if (pfkey_send_add2(&sa) == -1)
		report("a cipher for AH");

	if (ipsec_check_keylen(SADB_EXT_SUPPORTED_AUTH, 2, 128) == -1)
		report("nothing registered");
	if (ipsec_check_keylen(SADB_EXT_SA, 2, 128) == -1)
		report("no kind of algorithm");
	if (pfkey_set_softrate(4, 50) == 1)
		report("no kind of limit");

	check_key("length of a key", 64);
	receive_half("half a header");

	/* Nothing in the library makes these, as nothing in ipsec-tools for Linux did. */
	__ipsec_set_strerror("what the program says");
	report("a text of the program's");
	__ipsec_errcode = EIPSEC_NO_PROTO;
	report("set by the program");
	__ipsec_errcode = EIPSEC_PRIORITY_NOT_COMPILED;
	report("set by the program");
	__ipsec_errcode = EIPSEC_MAX;
	report("set by the program");
	__ipsec_errcode = -7;
	report("out of range");
	return 0;
}
