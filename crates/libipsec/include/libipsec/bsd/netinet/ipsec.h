/* <netinet/ipsec.h> of old BSDs and of ipsec-tools, for programs that include it. */
#ifndef LIBIPSEC_BSD_NETINET_IPSEC_H
#define LIBIPSEC_BSD_NETINET_IPSEC_H

#include <libipsec/libpfkey.h>

#endif
