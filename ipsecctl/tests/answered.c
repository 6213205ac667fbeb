/*
 * PF_KEY as AF_KEY has it: what was sent is answered when the call returns. The service is a
 * stand-in (peeking/mod.rs) that sends every message back after a while.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/pfkeyv2.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { SLOW = 1000, END = 2000 };

static struct sadb_msg message(unsigned seq)
{
	return (struct sadb_msg){ PF_KEY_V2, SADB_DUMP, 0, 0, 2, 0, seq, 7 };
}

static int pfkey(int flags)
{
	int s = socket(PF_KEY, SOCK_RAW | flags, PF_KEY_V2);

	CHECK(s >= 0 && s < FD_SETSIZE);
	return s;
}

/* The answer is there. */
static void answered(int s, unsigned seq)
{
	struct pollfd ready = { s, POLLIN, 0 };
	struct sadb_msg m;
	ssize_t length;

	CHECK(poll(&ready, 1, 0) == 1);
	/* A signal may come before the supervisor has received the call (ipsecctl(8), CAVEATS). */
	do
		length = recv(s, &m, sizeof m, MSG_DONTWAIT);
	while (length == -1 && errno == EINTR);
	CHECK(length == sizeof m && m.sadb_msg_seq == seq);
}

static void round_trip(int s, unsigned seq)
{
	struct sadb_msg m = message(seq);

	CHECK(send(s, &m, sizeof m, 0) == sizeof m);
	answered(s, seq);
}

static void calls(void)
{
	struct sadb_msg m = message(5), n = message(6);
	struct iovec halves[2] = { { &m, 7 }, { (char *)&m + 7, 9 } }, other = { &n, 16 };
	struct mmsghdr both[2] = { { { .msg_iov = halves, .msg_iovlen = 2 }, 0 },
				   { { .msg_iov = &other, .msg_iovlen = 1 }, 0 } };
	struct sockaddr nobody = { .sa_family = AF_INET };
	int flags[2] = { 0, SOCK_NONBLOCK };

	for (int i = 0; i < 2; i++) {
		int s = pfkey(flags[i]);

		CHECK(send(s, &m, 16, 0) == 16);
		answered(s, 5);
		CHECK(sendto(s, &m, 16, MSG_DONTWAIT, &nobody, sizeof nobody) == 16);
		answered(s, 5);
		CHECK(write(s, &m, 16) == 16);
		answered(s, 5);
		CHECK(writev(s, halves, 2) == 16);
		answered(s, 5);
		CHECK(sendmsg(s, &both[0].msg_hdr, MSG_DONTWAIT) == 16);
		answered(s, 5);
		CHECK(sendmmsg(s, both, 2, 0) == 2);
		CHECK(both[0].msg_len == 16 && both[1].msg_len == 16);
		answered(s, 5);
		answered(s, 6);
		close(s);
	}
}

static void errors(void)
{
	static char large[1 << 20];
	static struct iovec many[1025];
	struct msghdr header = { .msg_iov = many, .msg_iovlen = 1025 };
	struct sadb_msg m = message(1);
	struct iovec none = { &m, 0 }, wild = { 0, 16 };
	struct mmsghdr two[2] = { { { .msg_iov = &(struct iovec){ &m, 16 }, .msg_iovlen = 1 }, 0 },
				  { { .msg_iov = &wild, .msg_iovlen = 1 }, 0 } };
	int s = pfkey(0);

	FAILS(send(s, &m, 15, 0), EMSGSIZE);
	FAILS(send(s, &m, 0, 0), EMSGSIZE);
	FAILS(send(s, large, sizeof large, 0), EMSGSIZE);
	FAILS(send(s, &m, 16, MSG_OOB), EOPNOTSUPP);
	FAILS(send(s, 0, 16, 0), EFAULT);
	FAILS(sendmsg(s, 0, 0), EFAULT);
	FAILS(sendmsg(s, &header, 0), EMSGSIZE);
	FAILS(writev(s, many, 1025), EINVAL);
	CHECK(writev(s, &none, 1) == 0);
	CHECK(sendmmsg(s, two, 2, 0) == 1);
	answered(s, 1);
	m.sadb_msg_len = 3;
	FAILS(write(s, &m, 16), EMSGSIZE);
	m = message(1);
	m.sadb_msg_version = 1;
	FAILS(write(s, &m, 16), EINVAL);
	m = message(1);
	m.sadb_msg_type = 99;
	FAILS(write(s, &m, 16), EINVAL);

	/* A long message is one. */
	m = message(1);
	m.sadb_msg_len = 100000 / 8;
	memcpy(large, &m, sizeof m);
	CHECK(write(s, large, 100000) == 100000);
	CHECK(recv(s, large, sizeof large, MSG_DONTWAIT) == 100000);
}

static void duplicates(void)
{
	int s = pfkey(SOCK_CLOEXEC), d[4];

	CHECK(fcntl(s, F_GETFD) == FD_CLOEXEC);
	CHECK((d[0] = dup(s)) >= 0 && fcntl(d[0], F_GETFD) == 0);
	CHECK((d[1] = fcntl(s, F_DUPFD, 3)) > s && fcntl(d[1], F_GETFD) == 0);
	CHECK((d[2] = fcntl(s, F_DUPFD_CLOEXEC, d[1] + 3)) == d[1] + 3);
	CHECK(fcntl(d[2], F_GETFD) == FD_CLOEXEC);
	CHECK((d[3] = dup2(s, d[2] + 2)) == d[2] + 2);
	FAILS(fcntl(s, F_DUPFD, -1), EINVAL);
	close(s);
	for (int i = 0; i < 4; i++)
		round_trip(d[i], i);

	/* Other files have the calls as they are, whatever their number is. */
	CHECK((s = open("/dev/null", O_WRONLY)) >= 0 && dup2(s, d[0]) == d[0]);
	CHECK(write(d[0], "x", 1) == 1 && dup(d[0]) < d[0]);
	FAILS(send(d[0], "x", 1, 0), ENOTSOCK);
	close(d[1]);
	FAILS(write(d[1], "x", 1), EBADF);
	FAILS(dup(d[1]), EBADF);
}

static void children(void)
{
	int s = pfkey(0), status;

	if (fork() == 0) {
		round_trip(s, 1);
		round_trip(pfkey(0), 2);
		exit(0);
	}
	CHECK(wait(&status) > 0 && status == 0);
	round_trip(s, 3);
}

/* More than there are numbers: what has another number works, too. */
static void many(void)
{
	struct sadb_msg m = message(9);

	for (int i = 0; i < 40; i++) {
		int s = pfkey(0);

		CHECK(send(s, &m, 16, 0) == 16 && recv(s, &m, 16, 0) == 16);
	}
}

static void *thread(void *number)
{
	int s = pfkey(0);

	for (int i = 0; i < 10; i++)
		round_trip(s, 10 * *(int *)number + i);
	*(int *)number = s;
	return 0;
}

static void threads(void)
{
	pthread_t all[8];
	int numbers[8];

	for (int i = 0; i < 8; i++) {
		numbers[i] = i;
		CHECK(pthread_create(&all[i], 0, thread, &numbers[i]) == 0);
	}
	for (int i = 0; i < 8; i++) {
		CHECK(pthread_join(all[i], 0) == 0);
		for (int j = 0; j < i; j++)
			CHECK(numbers[i] != numbers[j]);
	}
}

static void *slow_thread(void *unused)
{
	round_trip(pfkey(0), SLOW);
	return unused;
}

/* A slow answer holds up nobody else. */
static void slow(void)
{
	pthread_t other;
	struct timespec start, end;

	CHECK(pthread_create(&other, 0, slow_thread, 0) == 0);
	usleep(200000);
	clock_gettime(CLOCK_MONOTONIC, &start);
	round_trip(pfkey(0), 1);
	clock_gettime(CLOCK_MONOTONIC, &end);
	CHECK(end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9 < 1);
	CHECK(pthread_join(other, 0) == 0);
}

static volatile sig_atomic_t alarms;

static void count(int number)
{
	(void)number;
	alarms++;
}

/* A signal either comes before anything was sent, or does not end the call. */
static void signals(void)
{
	struct sigaction action = { .sa_handler = count };
	struct itimerval often = { { 0, 7000 }, { 0, 7000 } }, never = { 0 };
	int s = pfkey(0), sent = 0;
	struct sadb_msg m;

	CHECK(sigaction(SIGALRM, &action, 0) == 0 && setitimer(ITIMER_REAL, &often, 0) == 0);
	for (int i = 0; i < 20; i++) {
		m = message(i);
		if (send(s, &m, 16, 0) == 16) {
			sent++;
			answered(s, i);
		} else {
			CHECK(errno == EINTR);
		}
	}
	CHECK(setitimer(ITIMER_REAL, &never, 0) == 0 && alarms > 0 && sent > 0);
	FAILS(recv(s, &m, 16, MSG_DONTWAIT), EAGAIN);
}

/* A service that goes is an error, and no SIGPIPE. */
static void dies(void)
{
	struct sadb_msg m = message(END);
	int s = pfkey(0);

	FAILS(send(s, &m, 16, 0), ECONNRESET);
	CHECK(write(s, &m, 16) == -1 && (errno == EPIPE || errno == ECONNRESET));
}

/* One that may have few descriptors. */
static void few(void)
{
	struct sadb_msg m = message(1);
	struct rlimit limit;
	int s = pfkey(0);

	CHECK(send(s, &m, 16, 0) == 16 && recv(s, &m, 16, 0) == 16);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur <= 64);
}

/* One that wants fewer later on. */
static void lower_limit(void)
{
	struct rlimit limit;

	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = 16;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0 && pfkey(0) < 16);
}

static const struct {
	const char *name;
	void (*test)(void);
} tests[] = {
	{ "calls", calls },	{ "errors", errors },	  { "duplicates", duplicates },
	{ "children", children }, { "many", many },	  { "threads", threads },
	{ "slow", slow },	{ "signals", signals },	  { "dies", dies },
	{ "few", few },		{ "lower_limit", lower_limit },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		if (argc == 2 && strcmp(argv[1], tests[i].name) == 0) {
			tests[i].test();
			return 0;
		}
	return 2;
}
