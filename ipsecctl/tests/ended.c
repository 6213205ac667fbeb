/*
 * The service ends, and starts again, which AF_KEY does not. It is a stand-in (restarting/mod.rs);
 * ended.rs has it stopped and started when this says a line, and answers with a line.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/pfkeyv2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { TOLD = 77, CROWD = 24 };

static struct sadb_msg message(int type, int satype, unsigned seq)
{
	return (struct sadb_msg){ PF_KEY_V2, type, 0, satype, 2, 0, seq, 7 };
}

static int pfkey(int flags)
{
	int s = socket(PF_KEY, SOCK_RAW | flags, PF_KEY_V2);

	CHECK(s >= 0 && s < FD_SETSIZE);
	return s;
}

static void round_trip(int s, int type, int satype, unsigned seq)
{
	struct sadb_msg m = message(type, satype, seq);

	CHECK(send(s, &m, sizeof m, 0) == sizeof m);
	CHECK(recv(s, &m, sizeof m, MSG_DONTWAIT) == sizeof m && m.sadb_msg_seq == seq);
}

/* Has the other side do something. */
static void say(const char *line)
{
	char answer[16];

	puts(line);
	fflush(stdout);
	CHECK(fgets(answer, sizeof answer, stdin) != NULL);
}

static double seconds(clockid_t clock)
{
	struct timespec now;

	CHECK(clock_gettime(clock, &now) == 0);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Receives until something is told; how often there was an end before it, and how often nothing. */
static void until_told(int s, int selects, int *ends, int *nothing)
{
	struct sadb_msg m = { 0 };

	*ends = *nothing = 0;
	for (;;) {
		if (selects) {
			fd_set set;

			FD_ZERO(&set);
			FD_SET(s, &set);
			CHECK(select(s + 1, &set, NULL, NULL, NULL) == 1);
		}
		ssize_t length = recv(s, &m, sizeof m, 0);

		if (length == sizeof m)
			break;
		CHECK(length == 0 || (length == -1 && (errno == EAGAIN || errno == EINTR)));
		++*(length == 0 ? ends : nothing);
	}
	CHECK(m.sadb_msg_seq == TOLD);
}

static unsigned long long cookie(int s)
{
	unsigned long long value;
	socklen_t length = sizeof value;

	CHECK(getsockopt(s, SOL_SOCKET, SO_COOKIE, &value, &length) == 0);
	return value;
}

/* All that was registered is registered again, and the socket is as it was. */
static void registers(void)
{
	int s = pfkey(SOCK_NONBLOCK | SOCK_CLOEXEC), d = dup(s), size = 100000, ends, nothing;
	unsigned long long before = cookie(s);
	socklen_t length = sizeof size;
	char byte;

	CHECK(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0);
	round_trip(s, SADB_REGISTER, SADB_SATYPE_ESP, 1);
	round_trip(d, SADB_REGISTER, SADB_SATYPE_AH, 2);
	round_trip(s, SADB_X_PROMISC, 1, 3);
	round_trip(s, SADB_DUMP, 0, 4);
	sleep(1);
	say("restart");
	FAILS(recv(s, &byte, 1, 0), EAGAIN);
	CHECK(cookie(s) != before && cookie(s) == cookie(d));
	CHECK(fcntl(s, F_GETFD) == FD_CLOEXEC && fcntl(d, F_GETFD) == 0);
	CHECK(fcntl(s, F_GETFL) & O_NONBLOCK);
	CHECK(getsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, &length) == 0 && size == 200000);
	FAILS(recv(d, &byte, 1, 0), EAGAIN);
	say("broadcast");
	until_told(d, 1, &ends, &nothing);
	CHECK(ends == 0);
	round_trip(s, SADB_DUMP, 0, 5);
}

/* By whichever call, and a call that waits does not wait for what comes next. */
static void calls(void)
{
	char byte;
	struct iovec piece = { &byte, 1 };
	struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1 };
	struct mmsghdr headers = { .msg_hdr = header };
	struct timeval time = { 0, 200000 };

	for (int call = 0; call < 6; call++) {
		int s = pfkey(0);

		if (call == 5)
			CHECK(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
		sleep(1);
		say("restart");
		switch (call) {
		case 0: FAILS(read(s, &byte, 1), EINTR); break;
		case 1: FAILS(readv(s, &piece, 1), EINTR); break;
		case 2: FAILS(recvfrom(s, &byte, 1, MSG_DONTWAIT, NULL, NULL), EAGAIN); break;
		case 3: FAILS(recvmsg(s, &header, 0), EINTR); break;
		case 4: FAILS(recvmmsg(s, &headers, 1, 0, NULL), EINTR); break;
		default:
			say("stop");
			FAILS(recv(s, &byte, 1, 0), EAGAIN);
			say("start");
		}
		round_trip(s, SADB_DUMP, 0, call);
		close(s);
	}
}

static void does_not_spin(int flags, int selects, int most_ends)
{
	int s = pfkey(flags), ends, nothing;
	double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);

	sleep(1);
	say("stop for a while");
	until_told(s, selects, &ends, &nothing);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	fprintf(stderr, "%d ends, %d times nothing, %.4f s\n", ends, nothing, cpu);
	CHECK(cpu < 0.1 && ends <= most_ends && nothing >= 1 && nothing <= 8);
}

static void event_loop(void)
{
	does_not_spin(SOCK_NONBLOCK, 1, 0);
}

static void event_loop_that_blocks(void)
{
	does_not_spin(0, 1, 0);
}

/* Whoever waited in the kernel is told of the end, once. */
static void waits(void)
{
	does_not_spin(0, 0, 1);
}

static void turned_away(void)
{
	does_not_spin(SOCK_NONBLOCK, 1, 4);
}

/* A request waits for the service. */
static void sends(void)
{
	struct sadb_msg m = message(SADB_DUMP, 0, 2);
	int s = pfkey(SOCK_NONBLOCK);
	double start;

	round_trip(s, SADB_DUMP, 0, 1);
	say("stop");
	say("start soon");
	round_trip(s, SADB_DUMP, 0, 2);
	say("stop");
	start = seconds(CLOCK_MONOTONIC);
	FAILS(send(s, &m, sizeof m, 0), ECONNREFUSED);
	CHECK(seconds(CLOCK_MONOTONIC) - start > 4.5);
	CHECK(seconds(CLOCK_MONOTONIC) - start < 6.5);
	FAILS(send(s, &m, sizeof m, 0), ECONNREFUSED);
	CHECK(seconds(CLOCK_MONOTONIC) - start < 7.5);
	say("start");
	round_trip(s, SADB_DUMP, 0, 3);
}

/* Those that wait hold up nobody else. */
static void crowd(void)
{
	int s = pfkey(0);
	pid_t children[CROWD];
	double start, longest = 0;
	char byte;

	sleep(1);
	say("stop");
	for (int i = 0; i < CROWD; i++) {
		children[i] = fork();
		while (children[i] == 0)
			CHECK(recv(s, &byte, 1, 0) == -1 && errno == EINTR);
	}
	usleep(200000);
	for (int i = 0; i < 20; i++) {
		start = seconds(CLOCK_MONOTONIC);
		FAILS(socket(PF_KEY, SOCK_RAW, PF_KEY_V2), EAFNOSUPPORT);
		start = seconds(CLOCK_MONOTONIC) - start;
		longest = start > longest ? start : longest;
	}
	for (int i = 0; i < CROWD; i++) {
		int status;

		CHECK(kill(children[i], SIGKILL) == 0);
		CHECK(waitpid(children[i], &status, 0) == children[i] && WIFSIGNALED(status));
	}
	fprintf(stderr, "at most %.3f s\n", longest);
	CHECK(longest < 1);
	say("start");
	round_trip(s, SADB_DUMP, 0, 1);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		{ "registers", registers }, { "calls", calls },
		{ "event loop", event_loop }, { "event loop that blocks", event_loop_that_blocks },
		{ "waits", waits }, { "turned away", turned_away },
		{ "sends", sends }, { "crowd", crowd },
	};

	for (size_t i = 0; argc == 2 && i < sizeof tests / sizeof *tests; i++) {
		if (strcmp(argv[1], tests[i].name) == 0) {
			tests[i].run();
			return 0;
		}
	}
	return 2;
}
