/* The example of ipsec_set_policy(3) on the BSDs, with their headers; IPSEC_H is one of them. */
#include <sys/types.h>
#include <sys/socket.h>
#include <net/pfkeyv2.h>
#include <netinet/in.h>
#include IPSEC_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
main(void)
{
	char text[] = "out ipsec esp/transport//require", *policy, *dumped;
	struct sadb_x_policy *header;

	policy = ipsec_set_policy(text, strlen(text));
	if (policy == NULL)
		return 1;
	header = (struct sadb_x_policy *)policy;
	if (PFKEY_UNUNIT64(header->sadb_x_policy_len) != ipsec_get_policylen(policy))
		return 1;
	dumped = ipsec_dump_policy(policy, NULL);
	puts(dumped);
	free(dumped);
	free(policy);
	return 0;
}
