/* <netinet6/ipsec.h> of the BSDs, for programs that include it. */
#ifndef LIBIPSEC_BSD_NETINET6_IPSEC_H
#define LIBIPSEC_BSD_NETINET6_IPSEC_H

#include <libipsec/libpfkey.h>

#endif
