/*
 * The C library of ipsec-tools: IPsec policies from text, and PF_KEY messages.
 *
 * ipsec_set_policy(3) and ipsec_strerror(3) describe the first part. A function that fails returns
 * -1, or NULL where it returns a pointer, and ipsec_strerror() returns the reason. Addresses are
 * sockaddr_in or sockaddr_in6; source and destination are of one family. SPIs are in network order,
 * except for ranges. Pointers remain the caller's unless documented otherwise.
 */
#ifndef LIBIPSEC_LIBPFKEY_H
#define LIBIPSEC_LIBPFKEY_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>

#include <libipsec/ipsec.h>

/* What a program written for ipsec-tools gives its compiler. */
#ifdef PATH_IPSEC_H
#include PATH_IPSEC_H
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Priorities of policies: the smallest is the first. */
#define PRIORITY_LOW 0xC0000000
#define PRIORITY_DEFAULT 0x80000000
#define PRIORITY_HIGH 0x40000000

/* How far an offset may lead below and above a named priority, by the number in the kernel. */
#define PRIORITY_OFFSET_POSITIVE_MAX 0x3fffffff
#define PRIORITY_OFFSET_NEGATIVE_MAX 0x40000000

/* A sadb_x_policy with its requests. */
#ifndef HAVE_IPSEC_POLICY_T
typedef char *ipsec_policy_t;
#endif

#ifndef __ipsec_const
#define __ipsec_const const
#endif

/* An SA to be added or completed. Zero is none, NULL too. */
struct pfkey_send_sa_args {
	int so;			/* the socket */
	unsigned int type;	/* set by the function */
	unsigned int satype;	/* SADB_SATYPE_* */
	unsigned int mode;	/* IPSEC_MODE_* */
	struct sockaddr *src;
	struct sockaddr *dst;
	uint32_t spi;		/* network order */
	uint32_t reqid;
	unsigned int wsize;	/* replay window, packets */
	char *keymat;		/* the cipher's key, then that of the authentication */
	unsigned int e_type, e_keylen;	/* SADB_EALG_* or SADB_X_CALG_*, bytes */
	unsigned int a_type, a_keylen;	/* SADB_AALG_*, bytes */
	unsigned int flags;	/* SADB_SAFLAGS_* */
	uint32_t l_alloc;	/* hard limits: packets, */
	uint32_t l_bytes;	/* bytes, */
	uint32_t l_addtime;	/* seconds since it was added, */
	uint32_t l_usetime;	/* seconds since its first use */
	uint32_t seq;
	uint8_t l_natt_type;	/* UDP_ENCAP_* */
	uint16_t l_natt_sport, l_natt_dport;	/* host order */
	struct sockaddr *l_natt_oa;	/* the original address */
	uint16_t l_natt_frag;	/* not on Linux */
	uint8_t ctxdoi, ctxalg;
	char *ctxstr;		/* security context, with its NUL */
	uint16_t ctxstrlen;	/* bytes, the NUL included */
};

/* What the library was built with. */
extern int libipsec_opt;
#define LIBIPSEC_OPT_NATT 0x01
#define LIBIPSEC_OPT_FRAG 0x02
#define LIBIPSEC_OPT_SEC_CTX 0x04

/* Policies as text: the results are to be freed. */
ipsec_policy_t ipsec_set_policy(__ipsec_const char *policy, int length);
int ipsec_get_policylen(ipsec_policy_t policy);
char *ipsec_dump_policy(ipsec_policy_t policy, __ipsec_const char *delimiter);
char *ipsec_dump_policy_withports(void *policy, const char *delimiter);

/* The last error. */
const char *ipsec_strerror(void);

/* Keys that the kernel's algorithms take, once they are registered: bits. */
int ipsec_check_keylen(unsigned int supported, unsigned int algorithm, unsigned int bits);
int ipsec_check_keylen2(unsigned int satype, unsigned int algorithm, unsigned int bits);
int ipsec_get_keylen(unsigned int supported, unsigned int algorithm, struct sadb_alg *found);

/* Printing on standard output. */
void ipsec_hexdump(const void *buffer, int length);
void ipsec_bindump(const void *buffer, int length);
void kdebug_sadb(struct sadb_msg *message);
void pfkey_sadump(struct sadb_msg *message);
void pfkey_sadump_withports(struct sadb_msg *message);
void pfkey_spdump(struct sadb_msg *message);
void pfkey_spdump_withports(struct sadb_msg *message);

/* Soft limits, as percentages of the hard ones: SADB_X_LIFETIME_*. */
unsigned int pfkey_set_softrate(unsigned int kind, unsigned int percent);
unsigned int pfkey_get_softrate(unsigned int kind);

/* Sockets. A received message is to be freed. */
int pfkey_open(void);
void pfkey_close(int so);
int pfkey_set_buffer_size(int so, int kilobytes);
struct sadb_msg *pfkey_recv(int so);
int pfkey_send(int so, struct sadb_msg *message, int length);

/* A message taken apart: a table of SADB_EXT_MAX + 1 pointers, the first to the message itself. */
int pfkey_align(struct sadb_msg *message, char **table);
int pfkey_check(char **table);

/* Algorithms. */
int pfkey_send_register(int so, unsigned int satype);
int pfkey_recv_register(int so);
int pfkey_set_supported(struct sadb_msg *message, int length);

/* SAs. These and all below return the length that they have sent. */
int pfkey_send_getspi(int so, unsigned int satype, unsigned int mode, struct sockaddr *src,
	struct sockaddr *dst, uint32_t min, uint32_t max, uint32_t reqid, uint32_t seq);
int pfkey_send_getspi_nat(int so, unsigned int satype, unsigned int mode, struct sockaddr *src,
	struct sockaddr *dst, uint8_t natt_type, uint16_t sport, uint16_t dport, uint32_t min,
	uint32_t max, uint32_t reqid, uint32_t seq);
int pfkey_send_update2(struct pfkey_send_sa_args *sa);
int pfkey_send_add2(struct pfkey_send_sa_args *sa);
int pfkey_send_delete(int so, unsigned int satype, unsigned int mode, struct sockaddr *src,
	struct sockaddr *dst, uint32_t spi);
int pfkey_send_delete_all(int so, unsigned int satype, unsigned int mode, struct sockaddr *src,
	struct sockaddr *dst);
int pfkey_send_get(int so, unsigned int satype, unsigned int mode, struct sockaddr *src,
	struct sockaddr *dst, uint32_t spi);
int pfkey_send_flush(int so, unsigned int satype);
int pfkey_send_dump(int so, unsigned int satype);
int pfkey_send_promisc_toggle(int so, int on);

/* Policies: two addresses with their prefix lengths, the upper-layer protocol, a sadb_x_policy. */
int pfkey_send_spdadd(int so, struct sockaddr *src, unsigned int prefs, struct sockaddr *dst,
	unsigned int prefd, unsigned int proto, char *policy, int policylen, uint32_t seq);
int pfkey_send_spdadd2(int so, struct sockaddr *src, unsigned int prefs, struct sockaddr *dst,
	unsigned int prefd, unsigned int proto, uint64_t lifetime, uint64_t validtime,
	char *policy, int policylen, uint32_t seq);
int pfkey_send_spdupdate(int so, struct sockaddr *src, unsigned int prefs, struct sockaddr *dst,
	unsigned int prefd, unsigned int proto, char *policy, int policylen, uint32_t seq);
int pfkey_send_spdupdate2(int so, struct sockaddr *src, unsigned int prefs, struct sockaddr *dst,
	unsigned int prefd, unsigned int proto, uint64_t lifetime, uint64_t validtime,
	char *policy, int policylen, uint32_t seq);
int pfkey_send_spddelete(int so, struct sockaddr *src, unsigned int prefs, struct sockaddr *dst,
	unsigned int prefd, unsigned int proto, char *policy, int policylen, uint32_t seq);
int pfkey_send_spddelete2(int so, uint32_t spid);
int pfkey_send_spdget(int so, uint32_t spid);
int pfkey_send_spdsetidx(int so, struct sockaddr *src, unsigned int prefs, struct sockaddr *dst,
	unsigned int prefd, unsigned int proto, char *policy, int policylen, uint32_t seq);
int pfkey_send_spdflush(int so);
int pfkey_send_spddump(int so);
int pfkey_send_migrate(int so, struct sockaddr *local, struct sockaddr *remote,
	struct sockaddr *src, unsigned int prefs, struct sockaddr *dst, unsigned int prefd,
	unsigned int proto, char *policy, int policylen, uint32_t seq);

/* Older forms of pfkey_send_update2 and pfkey_send_add2. */
int pfkey_send_update(int so, unsigned int satype, unsigned int mode, struct sockaddr *src,
	struct sockaddr *dst, uint32_t spi, uint32_t reqid, unsigned int wsize, char *keymat,
	unsigned int e_type, unsigned int e_keylen, unsigned int a_type, unsigned int a_keylen,
	unsigned int flags, uint32_t l_alloc, uint64_t l_bytes, uint64_t l_addtime,
	uint64_t l_usetime, uint32_t seq);
int pfkey_send_update_nat(int so, unsigned int satype, unsigned int mode, struct sockaddr *src,
	struct sockaddr *dst, uint32_t spi, uint32_t reqid, unsigned int wsize, char *keymat,
	unsigned int e_type, unsigned int e_keylen, unsigned int a_type, unsigned int a_keylen,
	unsigned int flags, uint32_t l_alloc, uint64_t l_bytes, uint64_t l_addtime,
	uint64_t l_usetime, uint32_t seq, uint8_t l_natt_type, uint16_t l_natt_sport,
	uint16_t l_natt_dport, struct sockaddr *l_natt_oa, uint16_t l_natt_frag);
int pfkey_send_add(int so, unsigned int satype, unsigned int mode, struct sockaddr *src,
	struct sockaddr *dst, uint32_t spi, uint32_t reqid, unsigned int wsize, char *keymat,
	unsigned int e_type, unsigned int e_keylen, unsigned int a_type, unsigned int a_keylen,
	unsigned int flags, uint32_t l_alloc, uint64_t l_bytes, uint64_t l_addtime,
	uint64_t l_usetime, uint32_t seq);
int pfkey_send_add_nat(int so, unsigned int satype, unsigned int mode, struct sockaddr *src,
	struct sockaddr *dst, uint32_t spi, uint32_t reqid, unsigned int wsize, char *keymat,
	unsigned int e_type, unsigned int e_keylen, unsigned int a_type, unsigned int a_keylen,
	unsigned int flags, uint32_t l_alloc, uint64_t l_bytes, uint64_t l_addtime,
	uint64_t l_usetime, uint32_t seq, uint8_t l_natt_type, uint16_t l_natt_sport,
	uint16_t l_natt_dport, struct sockaddr *l_natt_oa, uint16_t l_natt_frag);

/* A port or NAT traversal type of a table's entry. */
#define PFKEY_ADDR_X_PORT(ext) ntohs(((struct sadb_x_nat_t_port *)(ext))->sadb_x_nat_t_port_port)
#define PFKEY_ADDR_X_NATTYPE(ext) \
	((ext) != NULL && ((struct sadb_x_nat_t_type *)(ext))->sadb_x_nat_t_type_type)

#ifndef __SYSDEP_SA_LEN__
#define __SYSDEP_SA_LEN__

#ifndef IPPROTO_IPV4
#define IPPROTO_IPV4 IPPROTO_IPIP
#endif
#ifndef IPPROTO_IPCOMP
#define IPPROTO_IPCOMP IPPROTO_COMP
#endif
#ifndef IPPROTO_MH
#define IPPROTO_MH 135
#endif

/* The length of an address, which Linux does not keep in it. */
static inline uint8_t
sysdep_sa_len(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET6)
		return sizeof(struct sockaddr_in6);
	return sizeof(struct sockaddr_in);
}
#endif

#ifdef __cplusplus
}
#endif

#endif
