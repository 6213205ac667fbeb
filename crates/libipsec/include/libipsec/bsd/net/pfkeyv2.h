/* <net/pfkeyv2.h> of the BSDs, for programs that include it. */
#ifndef LIBIPSEC_BSD_NET_PFKEYV2_H
#define LIBIPSEC_BSD_NET_PFKEYV2_H

#include <libipsec/pfkeyv2.h>

#endif
