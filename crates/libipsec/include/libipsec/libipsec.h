/* All of libipsec. */
#ifndef LIBIPSEC_LIBIPSEC_H
#define LIBIPSEC_LIBIPSEC_H

#include <libipsec/ipsec_strerror.h>
#include <libipsec/libpfkey.h>

#endif
