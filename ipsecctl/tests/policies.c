/* IP_IPSEC_POLICY, without the C library's help, and with less and less privilege. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/pfkeyv2.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { DISCARD = 0, NONE = 1, ENTRUST = 3, BYPASS = 4, IN = 1, OUT = 2 };

static struct sadb_x_policy policy(int type, int direction)
{
	return (struct sadb_x_policy){ 2, SADB_X_EXT_POLICY, type, direction, 0, 0, 1u << 31 };
}

static int set(int s, int type, int direction)
{
	struct sadb_x_policy p = policy(type, direction);

	return setsockopt(s, IPPROTO_IP, IP_IPSEC_POLICY, &p, sizeof p);
}

static int get(int s, int direction)
{
	struct sadb_x_policy p = policy(0, direction);
	socklen_t length = sizeof p;

	CHECK(getsockopt(s, IPPROTO_IP, IP_IPSEC_POLICY, &p, &length) == 0);
	CHECK(length == sizeof p && p.sadb_x_policy_dir == direction);
	return p.sadb_x_policy_type;
}

/* In a child. */
static void unprivileged(int s, int user, int namespaces)
{
	int status;

	if (fork() == 0) {
		CHECK(user == 0 || setuid(user) == 0);
		CHECK(namespaces == 0 || unshare(namespaces) == 0);
		FAILS(set(s, BYPASS, OUT), EPERM);
		FAILS(setsockopt(s, IPPROTO_IP, IP_IPSEC_POLICY, 0, 0), EPERM);
		CHECK(get(s, OUT) == DISCARD);
		exit(0);
	}
	CHECK(wait(&status) > 0 && status == 0);
}

int main(void)
{
	static char long_value[5000];
	struct sadb_x_policy p = policy(DISCARD, OUT);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = 9,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_DGRAM, 0), d = dup(s), status;

	CHECK(system("ip link set lo up") == 0);
	CHECK(get(s, OUT) == ENTRUST);
	CHECK(sendto(s, "x", 1, 0, (struct sockaddr *)&to, sizeof to) == 1);
	CHECK(set(s, DISCARD, OUT) == 0 && get(s, OUT) == DISCARD && get(d, OUT) == DISCARD);
	CHECK(sendto(s, "x", 1, 0, (struct sockaddr *)&to, sizeof to) == -1);
	CHECK(get(s, IN) == ENTRUST);

	FAILS(setsockopt(s, IPPROTO_IPV6, IPV6_IPSEC_POLICY, &p, sizeof p), EOPNOTSUPP);
	FAILS(setsockopt(s, IPPROTO_IP, IP_IPSEC_POLICY, long_value, sizeof long_value), EMSGSIZE);
	FAILS(setsockopt(s, IPPROTO_IP, IP_IPSEC_POLICY, &p, 0x7fffffff), EMSGSIZE);
	FAILS(setsockopt(s, IPPROTO_IP, IP_IPSEC_POLICY, &p, -1), EINVAL);
	FAILS(setsockopt(s, IPPROTO_IP, IP_IPSEC_POLICY, &p, 0), EMSGSIZE);
	FAILS(setsockopt(s, IPPROTO_IP, IP_IPSEC_POLICY, (void *)8, 16), EFAULT);
	FAILS(getsockopt(s, IPPROTO_IP, IP_IPSEC_POLICY, &p, 0), EFAULT);
	FAILS(getsockopt(99, IPPROTO_IP, IP_IPSEC_POLICY, &p, (socklen_t *)&status), EBADF);

	unprivileged(s, 65534, 0);
	unprivileged(s, 0, CLONE_NEWUSER);
	unprivileged(s, 0, CLONE_NEWUSER | CLONE_NEWNET);
	/* Another network namespace takes nothing away. */
	if (fork() == 0) {
		CHECK(unshare(CLONE_NEWNET) == 0);
		CHECK(set(s, BYPASS, OUT) == 0);
		exit(0);
	}
	CHECK(wait(&status) > 0 && status == 0 && get(s, OUT) == BYPASS);

	CHECK(setsockopt(s, IPPROTO_IP, IP_IPSEC_POLICY, 0, 0) == 0 && get(s, OUT) == ENTRUST);
	CHECK(sendto(s, "x", 1, 0, (struct sockaddr *)&to, sizeof to) == 1);
	return 0;
}
