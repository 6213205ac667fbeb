/*
 * policies TABLE [set | preloaded]: compiles each policy of the table and compares its bytes; with
 * another word makes it the policy of a socket, IPv4 and IPv6, and compares what setsockopt(2)
 * answers, AF_KEY's or that of libpfkey-preload.so. Prints what differs, how many there were, and how
 * many sockets have theirs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libipsec/libpfkey.h>

static int wrong, done;

/* Replaces \n and \t by what they stand for. */
static void
unescape(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++, to++) {
		*to = *text;
		if (text[0] == '\\' && (text[1] == 'n' || text[1] == 't'))
			*to = *++text == 'n' ? '\n' : '\t';
	}
	*to = '\0';
}

static void
compare_bytes(const char *text, const char *policy, const char *expected)
{
	int length = ipsec_get_policylen((char *)policy), i;
	unsigned int byte;

	for (i = 0; i < length; i++) {
		expected += strspn(expected, " ");
		if (sscanf(expected, "%2x", &byte) != 1 || byte != (unsigned char)policy[i])
			break;
		expected += 2;
	}
	if (i != length || expected[strspn(expected, " ")] != '\0') {
		printf("%s: byte %d is not as expected\n", text, i);
		wrong = 1;
	}
}

static void
set(const char *text, char *policy, int family, int level, int option, const char *expected,
    const char *or)
{
	int so = socket(family, SOCK_DGRAM, 0);
	const char *answer = "ok";

	if (setsockopt(so, level, option, policy, ipsec_get_policylen(policy)) < 0)
		answer = strerrorname_np(errno);
	else
		done++;
	if (strcmp(answer, expected) != 0 && (or == NULL || strcmp(answer, or) != 0)) {
		printf("%s: %s for %s, not %s\n", text, answer,
		    family == AF_INET ? "IPv4" : "IPv6", expected);
		wrong = 1;
	}
	close(so);
}

int
main(int argc, char **argv)
{
	char line[4096], *text, *bytes, *answer, *other, *policy, *or;
	FILE *table = fopen(argv[1], "r");
	int count = 0;

	if (table == NULL)
		return 2;
	while (fgets(line, sizeof(line), table) != NULL) {
		if (line[0] == '#')
			continue;
		text = strtok(line, "\t\n");
		bytes = strtok(NULL, "\t\n");
		answer = strtok(NULL, "\t\n");
		other = strtok(NULL, "\t\n");
		or = NULL;
		if (argc > 2 && strcmp(argv[2], "preloaded") == 0 && other != NULL)
			answer = other;
		else if (strcmp(answer, "EOPNOTSUPP") == 0)
			or = other;
		unescape(text);
		policy = ipsec_set_policy(text, strlen(text));
		if (policy == NULL) {
			printf("%s: %s\n", text, ipsec_strerror());
			return 1;
		}
		compare_bytes(text, policy, bytes);
		if (argc > 2) {
			set(text, policy, AF_INET, SOL_IP, IP_IPSEC_POLICY, answer, or);
			set(text, policy, AF_INET6, SOL_IPV6, IPV6_IPSEC_POLICY, answer, or);
		}
		free(policy);
		count++;
	}
	printf("%d policies, %d sockets\n", count, done);
	return wrong;
}
