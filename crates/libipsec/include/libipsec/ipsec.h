/*
 * The numbers in PF_KEY policies: <linux/ipsec.h>, or what it defines where Linux no longer has it.
 * With LIBIPSEC_OWN_DEFINITIONS they are always those below.
 */
#ifndef LIBIPSEC_IPSEC_H
#define LIBIPSEC_IPSEC_H

#include <libipsec/pfkeyv2.h>

#if !defined(LIBIPSEC_OWN_DEFINITIONS) && defined(__has_include)
#if __has_include(<linux/ipsec.h>)
#define LIBIPSEC_LINUX_IPSEC_H
#endif
#endif

#ifdef LIBIPSEC_LINUX_IPSEC_H
#include <linux/ipsec.h>
#else

#define IPSEC_PORT_ANY 0
#define IPSEC_ULPROTO_ANY 255
#define IPSEC_PROTO_ANY 255

enum {
	IPSEC_MODE_ANY = 0,
	IPSEC_MODE_TRANSPORT = 1,
	IPSEC_MODE_TUNNEL = 2,
	IPSEC_MODE_BEET = 3
};

enum {
	IPSEC_DIR_ANY = 0,
	IPSEC_DIR_INBOUND = 1,
	IPSEC_DIR_OUTBOUND = 2,
	IPSEC_DIR_FWD = 3,
	IPSEC_DIR_MAX = 4,
	IPSEC_DIR_INVALID = 5
};

enum {
	IPSEC_POLICY_DISCARD = 0,
	IPSEC_POLICY_NONE = 1,
	IPSEC_POLICY_IPSEC = 2,
	IPSEC_POLICY_ENTRUST = 3,
	IPSEC_POLICY_BYPASS = 4
};

enum {
	IPSEC_LEVEL_DEFAULT = 0,
	IPSEC_LEVEL_USE = 1,
	IPSEC_LEVEL_REQUIRE = 2,
	IPSEC_LEVEL_UNIQUE = 3
};

/* The largest number that unique may be given; the kernel gives larger ones. */
#define IPSEC_MANUAL_REQID_MAX 0x3fff

#define IPSEC_REPLAYWSIZE 32

#endif

/* Options of setsockopt(2): a policy of the socket's own, at SOL_IP and at SOL_IPV6. */
#ifndef IP_IPSEC_POLICY
#define IP_IPSEC_POLICY 16
#endif
#ifndef IPV6_IPSEC_POLICY
#define IPV6_IPSEC_POLICY 34
#endif

#endif
