/* Sends a header to PF_KEY and receives one. */
#include <linux/pfkeyv2.h>
#include <stdio.h>
#include <sys/socket.h>

int main(void)
{
	struct sadb_msg message = { PF_KEY_V2, SADB_DUMP, 0, 0, sizeof message / 8, 0, 0, 0 };
	int s = socket(PF_KEY, SOCK_RAW, PF_KEY_V2);

	if (s < 0 || send(s, &message, sizeof message, 0) < 0) {
		perror("PF_KEY");
		return 1;
	}
	printf("%zd bytes\n", recv(s, &message, sizeof message, 0));
	return 0;
}
