/* Makes a socket, and has a command list the sockets with policies. */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s != 3 || argc != 2 || vfork() == 0) {
		execl(argv[1], "ipsecctl", "socket", "list", (char *)0);
		_exit(1);
	}
	sleep(2);
	return 0;
}
