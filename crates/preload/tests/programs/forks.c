/* Policies of sockets in children of a program with threads, and in signal handlers. What hangs is ended by SIGALRM. */
#include <errno.h>
#include <linux/pfkeyv2.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYPASS = 4, OUT = 2, SECONDS = 20 };

static int shared;

/* Sets a policy of the socket and gets it back. */
static int works(int s)
{
	struct sadb_x_policy set = { 2, SADB_X_EXT_POLICY, BYPASS, OUT, 0, 0, 1u << 31 };
	struct sadb_x_policy got = { 2, SADB_X_EXT_POLICY, 0, OUT, 0, 0, 0 };
	socklen_t length = sizeof got;

	return setsockopt(s, IPPROTO_IP, IP_IPSEC_POLICY, &set, sizeof set) == 0 &&
	       getsockopt(s, IPPROTO_IP, IP_IPSEC_POLICY, &got, &length) == 0 && length == sizeof got;
}

static void *loop(void *unused)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	for (;;) {
		free(malloc(100));
		if (!works(s))
			_exit(3);
	}
	return unused;
}

static void handler(int signal)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	(void)signal;
	if (!works(s))
		_exit(4);
	close(s);
	/* The call that it interrupts may be about the same socket, which may be unknown then. */
	works(shared);
}

static int children(int count)
{
	int hung = 0, failed = 0, status;
	pthread_t thread;

	for (int i = 0; i < 4; i++)
		pthread_create(&thread, 0, loop, 0);
	for (int i = 0; i < count; i++) {
		pid_t child = fork();

		if (child == 0) {
			alarm(SECONDS);
			int s = socket(AF_INET, SOCK_DGRAM, 0);
			_exit(!works(s));
		}
		if (waitpid(child, &status, 0) != child)
			failed++;
		else if (WIFSIGNALED(status))
			hung++;
		else if (WEXITSTATUS(status))
			failed++;
	}
	printf("%d children, %d hung, %d failed\n", count, hung, failed);
	return hung || failed;
}

static void *idle(void *unused)
{
	pause();
	return unused;
}

static int handlers(int count)
{
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } };
	pthread_t thread;

	/* With one thread, malloc(3) takes no lock. */
	pthread_create(&thread, 0, idle, 0);
	shared = socket(AF_INET, SOCK_DGRAM, 0);
	signal(SIGVTALRM, handler);
	alarm(3 * SECONDS);
	setitimer(ITIMER_VIRTUAL, &often, 0);
	for (int i = 0; i < count; i++) {
		for (int j = 0; j < 500; j++)
			free(malloc(100000));
		works(shared);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[2]) : 0;

	return strcmp(argv[1], "children") ? handlers(count) : children(count);
}
