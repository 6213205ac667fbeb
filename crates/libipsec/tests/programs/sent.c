/*
 * Sends every message of the library into a socket pair and prints what comes out, in hexadecimal.
 * The process number, which is not the same twice, is checked and not printed. Then takes answers
 * from the other end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>

#include <libipsec/libpfkey.h>

static int pair[2];

static void
show(const char *name, int sent)
{
	unsigned char message[4096];
	int length = recv(pair[1], message, sizeof(message), MSG_DONTWAIT), i;
	uint32_t pid;

	printf("%s:", name);
	if (length < 16 || sent != length) {
		printf(" %d, %s\n", sent, ipsec_strerror());
		return;
	}
	memcpy(&pid, message + 12, 4);
	if (pid != (uint32_t)getpid())
		printf(" of another process");
	memset(message + 12, 0, 4);
	for (i = 0; i < length; i++)
		printf("%s%02x", i % 8 == 0 ? " " : "", message[i]);
	printf("\n");
}

#define SHOW(call) show(#call, pfkey_send_##call)

static void
requests(void)
{
	static struct sockaddr_in src4 = { .sin_family = AF_INET, .sin_port = 0x5000 };
	static struct sockaddr_in dst4 = { .sin_family = AF_INET };
	static struct sockaddr_in6 six6 = { .sin6_family = AF_INET6 };
	struct sockaddr *src = (struct sockaddr *)&src4, *dst = (struct sockaddr *)&dst4;
	struct sockaddr *six = (struct sockaddr *)&six6;
	char key[] = "sixteen byte keytwenty bytes of secret";
	char *policy = ipsec_set_policy("out prio 1 ipsec esp/transport//use", 0);
	int length = ipsec_get_policylen(policy), so = pair[0];
	struct pfkey_send_sa_args sa = {
		.so = so, .satype = SADB_SATYPE_ESP, .mode = IPSEC_MODE_TUNNEL, .src = src, .dst = dst,
		.spi = htonl(0x1001), .reqid = 7, .wsize = 32, .keymat = key,
		.e_type = SADB_X_EALG_AESCBC, .e_keylen = 16, .a_type = SADB_AALG_SHA1HMAC, .a_keylen = 20,
		.flags = SADB_SAFLAGS_NOECN, .l_alloc = 100, .l_bytes = 4000000000, .l_addtime = 3600,
		.l_usetime = 1800, .seq = 9, .l_natt_type = 2, .l_natt_sport = 4500, .l_natt_dport = 4501,
		.l_natt_oa = src, .ctxdoi = 1, .ctxalg = 2, .ctxstr = "a:b", .ctxstrlen = 4,
	};

	inet_pton(AF_INET, "192.0.2.1", &src4.sin_addr);
	inet_pton(AF_INET, "192.0.2.2", &dst4.sin_addr);
	inet_pton(AF_INET6, "2001:db8::1", &six6.sin6_addr);
	SHOW(register(so, SADB_SATYPE_ESP));
	SHOW(getspi(so, SADB_SATYPE_ESP, IPSEC_MODE_TUNNEL, src, dst, 0, 0xffffffff, 7, 9));
	SHOW(getspi(so, SADB_SATYPE_AH, IPSEC_MODE_TRANSPORT, six, six, 256, 511, 0, 0));
	SHOW(getspi_nat(so, SADB_SATYPE_ESP, IPSEC_MODE_ANY, src, dst, 2, 4500, 4501, 0, 0xffffffff, 0, 0));
	SHOW(add2(&sa));
	SHOW(update2(&sa));
	SHOW(add(so, SADB_SATYPE_AH, IPSEC_MODE_ANY, six, six, htonl(0x1002), 0, 4, key, 0, 0,
	    SADB_AALG_MD5HMAC, 16, 0, 0, 5000000000, 0, 0, 1));
	SHOW(update(so, SADB_X_SATYPE_IPCOMP, IPSEC_MODE_TRANSPORT, src, dst, htonl(0x1003), 0, 0, NULL,
	    SADB_X_CALG_DEFLATE, 0, 0, 0, 0, 0, 0, 0, 0, 1));
	SHOW(add_nat(so, SADB_SATYPE_ESP, IPSEC_MODE_TRANSPORT, src, dst, htonl(0x1004), 0, 0, NULL,
	    SADB_EALG_NULL, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4500, 4500, NULL, 0));
	SHOW(update_nat(so, SADB_SATYPE_ESP, IPSEC_MODE_TRANSPORT, src, dst, htonl(0x1004), 0, 0, NULL,
	    SADB_EALG_NULL, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, NULL, 0));
	SHOW(delete(so, SADB_SATYPE_ESP, IPSEC_MODE_ANY, src, dst, htonl(0x1001)));
	SHOW(delete_all(so, SADB_SATYPE_ESP, IPSEC_MODE_ANY, src, dst));
	SHOW(get(so, SADB_SATYPE_AH, IPSEC_MODE_ANY, six, six, htonl(0x1002)));
	SHOW(flush(so, SADB_SATYPE_UNSPEC));
	SHOW(dump(so, SADB_X_SATYPE_IPCOMP));
	SHOW(promisc_toggle(so, 5));
	SHOW(spdadd(so, src, 24, dst, 32, 6, policy, length, 9));
	SHOW(spdadd2(so, src, 24, dst, 32, 6, 3600, 5000000000, policy, length, 9));
	SHOW(spdupdate(so, six, 64, six, 0, 255, policy, length, 9));
	SHOW(spdupdate2(so, src, 24, dst, 32, 6, 1, 2, policy, length, 9));
	SHOW(spddelete(so, src, 24, dst, 32, 6, policy, 16, 9));
	SHOW(spdsetidx(so, src, 24, dst, 32, 6, policy, 16, 9));
	SHOW(spddelete2(so, 8));
	SHOW(spdget(so, 17));
	SHOW(spdflush(so));
	SHOW(spddump(so));
	SHOW(migrate(so, src, dst, src, 24, dst, 32, 255, policy, length, 9));
	free(policy);
}

/* An answer comes as it was sent; one that is cut short, or says that it is, does not. */
static void
answers(void)
{
	struct sadb_msg message = {
		.sadb_msg_version = PF_KEY_V2, .sadb_msg_type = SADB_FLUSH, .sadb_msg_len = 2, .sadb_msg_seq = 77
	}, *received;

	send(pair[1], &message, sizeof(message), 0);
	received = pfkey_recv(pair[0]);
	printf("received: %u\n", received->sadb_msg_seq);
	free(received);
	send(pair[1], &message, 15, 0);
	received = pfkey_recv(pair[0]);
	printf("15 bytes: %s, %s\n", received == NULL ? "none" : "one", ipsec_strerror());
	message.sadb_msg_len = 3;
	send(pair[1], &message, sizeof(message), 0);
	received = pfkey_recv(pair[0]);
	printf("longer than it is: %s, %s\n", received == NULL ? "none" : "one", ipsec_strerror());
	printf("sent as it is: %d\n", pfkey_send(pair[0], &message, sizeof(message)));
	close(pair[1]);
	received = pfkey_recv(pair[0]);
	printf("nobody there: %s, %s\n", received == NULL ? "none" : "one", ipsec_strerror());
	pfkey_close(pair[0]);
	received = pfkey_recv(pair[0]);
	printf("closed: %s, %s\n", received == NULL ? "none" : "one", ipsec_strerror());
}

/* What a REGISTER is answered: of AES from 128 to 256 bits. */
static void
algorithms(void)
{
	struct {
		struct sadb_msg message;
		struct sadb_supported supported;
		struct sadb_alg algorithm;
	} answer = {
		.message = { .sadb_msg_version = PF_KEY_V2, .sadb_msg_type = SADB_REGISTER,
			.sadb_msg_len = PFKEY_UNIT64(sizeof(answer)), .sadb_msg_pid = getpid() },
		.supported = { .sadb_supported_len = 2, .sadb_supported_exttype = SADB_EXT_SUPPORTED_ENCRYPT },
		.algorithm = { .sadb_alg_id = 12, .sadb_alg_minbits = 128, .sadb_alg_maxbits = 256 },
	};

	send(pair[1], &answer, sizeof(answer), 0);
	printf("registered: %d", pfkey_recv_register(pair[0]));
	printf(", 128 bits: %d", ipsec_check_keylen(SADB_EXT_SUPPORTED_ENCRYPT, 12, 128));
	printf(", others: %d", ipsec_check_keylen2(SADB_SATYPE_AH, 2, 128));
	printf(" %s\n", ipsec_strerror());
	printf("told in units: %d", pfkey_set_supported(&answer.message, sizeof(answer)));
	answer.message.sadb_msg_len = sizeof(answer);
	answer.algorithm.sadb_alg_id = 13;
	printf(", in bytes: %d", pfkey_set_supported(&answer.message, sizeof(answer)));
	printf(", 128 bits: %d", ipsec_check_keylen2(SADB_SATYPE_ESP, 13, 128));
	printf(", the first: %d\n", ipsec_check_keylen2(SADB_SATYPE_ESP, 12, 128));
	answer.supported.sadb_supported_exttype = SADB_EXT_SA;
	printf("no algorithms: %d", pfkey_set_supported(&answer.message, sizeof(answer)));
	printf(" %s\n", ipsec_strerror());
	printf("rates: %u", pfkey_get_softrate(SADB_X_LIFETIME_BYTES));
	printf(" %u", pfkey_set_softrate(SADB_X_LIFETIME_BYTES, 50));
	printf(" %u", pfkey_get_softrate(SADB_X_LIFETIME_BYTES));
	printf(" %d\n", (int)pfkey_get_softrate(4));
}

int
main(void)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		return 2;
	requests();
	algorithms();
	answers();
	return 0;
}
