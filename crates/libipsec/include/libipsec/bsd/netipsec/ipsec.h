/* <netipsec/ipsec.h> of the BSDs, for programs that include it. */
#ifndef LIBIPSEC_BSD_NETIPSEC_IPSEC_H
#define LIBIPSEC_BSD_NETIPSEC_IPSEC_H

#include <libipsec/libpfkey.h>

#endif
