/*
 * kernel requests: asks AF_KEY for everything that the library can ask for, and prints the answers:
 * type, errno, and the types of the extensions.
 * kernel -D | -Dp | -DP | -DPp: prints the SAD or the SPD as setkey does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libipsec/libpfkey.h>

static int so;

static int
is_waiting(void)
{
	char byte;

	return recv(so, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

/* AF_KEY has answered when send(2) returns. */
static struct sadb_msg *
answer(const char *name, int sent)
{
	static struct sadb_msg *last;
	char *table[SADB_EXT_MAX + 1];
	int i;

	if (sent < 0)
		printf("%s: not sent, %s\n", name, ipsec_strerror());
	while (is_waiting()) {
		free(last);
		last = pfkey_recv(so);
		if (last == NULL) {
			printf("%s: no answer, %s\n", name, ipsec_strerror());
			return NULL;
		}
		if (pfkey_align(last, table) < 0 || pfkey_check(table) < 0) {
			printf("%s: %s\n", name, ipsec_strerror());
			continue;
		}
		printf("%s: type %d, %s,", name, last->sadb_msg_type,
		    last->sadb_msg_errno == 0 ? "done" : strerrorname_np(last->sadb_msg_errno));
		for (i = 1; i <= SADB_EXT_MAX; i++)
			if (table[i] != NULL)
				printf(" %d", i);
		printf("\n");
	}
	return last;
}

#define ANSWER(call) answer(#call, pfkey_send_##call)

static void
algorithms(void)
{
	struct sadb_alg algorithm;
	int answer = pfkey_send_register(so, SADB_SATYPE_ESP);

	printf("register: %d %d\n", answer, pfkey_recv_register(so));
	printf("hmac-sha1 160: %d\n", ipsec_check_keylen(SADB_EXT_SUPPORTED_AUTH, SADB_AALG_SHA1HMAC, 160));
	printf("aes-cbc 192: %d\n", ipsec_check_keylen2(SADB_SATYPE_ESP, SADB_X_EALG_AESCBC, 192));
	printf("aes-cbc 264: %d", ipsec_check_keylen2(SADB_SATYPE_ESP, SADB_X_EALG_AESCBC, 264));
	printf(" %s\n", ipsec_strerror());
	printf("rc5: %d", ipsec_check_keylen2(SADB_SATYPE_ESP, 4, 128));
	printf(" %s\n", ipsec_strerror());
	answer = ipsec_get_keylen(SADB_EXT_SUPPORTED_ENCRYPT, SADB_EALG_3DESCBC, &algorithm);
	printf("3des-cbc: %d %d %d %d %d\n", answer, algorithm.sadb_alg_id, algorithm.sadb_alg_ivlen,
	    algorithm.sadb_alg_minbits, algorithm.sadb_alg_maxbits);
}

static struct sockaddr_in src4 = { .sin_family = AF_INET }, dst4 = { .sin_family = AF_INET };
static struct sockaddr *src = (struct sockaddr *)&src4, *dst = (struct sockaddr *)&dst4;

static void
sas(void)
{
	struct pfkey_send_sa_args sa = {
		.so = so, .satype = SADB_SATYPE_ESP, .mode = IPSEC_MODE_TUNNEL, .src = src, .dst = dst,
		.reqid = 7, .wsize = 32, .keymat = "sixteen byte keytwenty bytes of secret",
		.e_type = SADB_X_EALG_AESCBC, .e_keylen = 16, .a_type = SADB_AALG_SHA1HMAC, .a_keylen = 20,
		.l_addtime = 3600, .seq = 9,
	};
	struct sadb_msg *larval =
	    ANSWER(getspi(so, SADB_SATYPE_ESP, IPSEC_MODE_TUNNEL, src, dst, 0x1001, 0x1001, 7, 9));
	char *table[SADB_EXT_MAX + 1];

	pfkey_align(larval, table);
	sa.spi = ((struct sadb_sa *)table[SADB_EXT_SA])->sadb_sa_spi;
	printf("SPI: 0x%x\n", ntohl(sa.spi));
	ANSWER(update2(&sa));
	ANSWER(add2(&sa));
	ANSWER(get(so, SADB_SATYPE_ESP, 0, src, dst, sa.spi));
	sa.satype = SADB_SATYPE_AH;
	sa.e_type = 0;
	sa.e_keylen = 0;
	ANSWER(add2(&sa));
	ANSWER(add_nat(so, SADB_SATYPE_ESP, IPSEC_MODE_TRANSPORT, src, dst, htonl(0x1002), 0, 0, "", SADB_EALG_NULL, 0,
	    SADB_X_AALG_NULL, 0, 0, 0, 0, 0, 0, 0, 2, 4500, 4500, src, 0));
	ANSWER(dump(so, SADB_SATYPE_UNSPEC));
	ANSWER(dump(so, SADB_X_SATYPE_IPCOMP));
	ANSWER(delete(so, SADB_SATYPE_AH, 0, src, dst, sa.spi));
	ANSWER(delete(so, SADB_SATYPE_AH, 0, src, dst, sa.spi));
	ANSWER(delete_all(so, SADB_SATYPE_ESP, 0, src, dst));
	ANSWER(flush(so, SADB_SATYPE_ESP));
	ANSWER(dump(so, SADB_SATYPE_UNSPEC));
}

static void
policies(void)
{
	char *policy = ipsec_set_policy("out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require", 0);
	char *migrate = ipsec_set_policy("out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require"
	    " esp/tunnel/192.0.2.3-192.0.2.2/require", 0);
	char *bare = ipsec_set_policy("out", 0), *forward = ipsec_set_policy("in bypass", 0), *text;
	char *table[SADB_EXT_MAX + 1];
	int length = ipsec_get_policylen(policy);
	uint32_t id;

	ANSWER(spdadd(so, src, 32, dst, 32, 6, policy, length, 1));
	ANSWER(spdadd(so, src, 32, dst, 32, 6, policy, length, 2));
	pfkey_align(ANSWER(spdupdate(so, src, 32, dst, 32, 6, policy, length, 3)), table);
	id = ((struct sadb_x_policy *)table[SADB_X_EXT_POLICY])->sadb_x_policy_id;
	text = ipsec_dump_policy(table[SADB_X_EXT_POLICY], NULL);
	printf("policy: %s\n", text);
	free(text);
	ANSWER(spdadd2(so, src, 24, dst, 24, 255, 60, 30, policy, length, 4));
	ANSWER(spdupdate2(so, src, 24, dst, 24, 255, 60, 30, policy, length, 4));
	ANSWER(spdadd(so, src, 32, dst, 32, 17, forward, ipsec_get_policylen(forward), 5));
	ANSWER(spdsetidx(so, src, 32, dst, 32, 1, bare, 16, 6));
	ANSWER(spddump(so));
	ANSWER(migrate(so, src, dst, src, 32, dst, 32, 6, migrate, ipsec_get_policylen(migrate), 7));
	ANSWER(spdget(so, id));
	ANSWER(spddelete2(so, id));
	ANSWER(spdget(so, id));
	ANSWER(spddelete(so, src, 24, dst, 24, 255, bare, 16, 8));
	ANSWER(spddelete(so, src, 24, dst, 24, 255, bare, 16, 8));
	ANSWER(spdflush(so));
	ANSWER(spddump(so));
}

/* What the library sends and what a program makes itself. */
static void
others(void)
{
	struct sadb_msg message = {
		.sadb_msg_version = PF_KEY_V2, .sadb_msg_type = SADB_X_PCHANGE, .sadb_msg_len = 2
	};

	answer("PCHANGE", pfkey_send(so, &message, sizeof(message)));
	message.sadb_msg_version = 1;
	answer("version 1", pfkey_send(so, &message, sizeof(message)));
	answer("8 bytes", pfkey_send(so, &message, 8));
	ANSWER(promisc_toggle(so, 1));
	ANSWER(promisc_toggle(so, 0));
}

/* The next message of a dump; NULL after the last one. */
static struct sadb_msg *
next(void)
{
	static int done;
	struct sadb_msg *message;

	if (done || (message = pfkey_recv(so)) == NULL || message->sadb_msg_errno != 0)
		return NULL;
	done = message->sadb_msg_seq == 0;
	return message;
}

static void
dump(const char *option)
{
	int spd = strchr(option, 'P') != NULL, ports = strchr(option, 'p') != NULL;
	struct sadb_msg *message;

	if (spd)
		pfkey_send_spddump(so);
	else
		pfkey_send_dump(so, SADB_SATYPE_UNSPEC);
	while ((message = next()) != NULL) {
		if (spd && ports)
			pfkey_spdump_withports(message);
		else if (spd)
			pfkey_spdump(message);
		else if (ports)
			pfkey_sadump_withports(message);
		else
			pfkey_sadump(message);
		free(message);
	}
}

int
main(int argc, char **argv)
{
	inet_pton(AF_INET, "192.0.2.1", &src4.sin_addr);
	inet_pton(AF_INET, "192.0.2.2", &dst4.sin_addr);
	so = pfkey_open();
	if (so < 0) {
		printf("pfkey_open: %s, %s\n", ipsec_strerror(), strerrorname_np(errno));
		return 1;
	}
	if (argc < 2 || argv[1][0] == '-') {
		dump(argc < 2 ? "-D" : argv[1]);
		return 0;
	}
	printf("buffer: %s\n", pfkey_set_buffer_size(so, 256) >= 256 ? "at least 256 KiB" : "small");
	algorithms();
	sas();
	policies();
	others();
	pfkey_close(so);
	return 0;
}
