/*
 * What programs of ipsec-tools 0.8.2 were compiled against: where the members of structures stand,
 * the numbers of errors, and what functions take and return. It compiles, links and starts, or it
 * does not.
 */
#include <stddef.h>

#include <libipsec/libipsec.h>

#define LAID_OUT(type, size) _Static_assert(sizeof(type) == (size), #type)
#define STANDS(type, member, at) _Static_assert(offsetof(type, member) == (at), #member)

/* RFC 2367, and linux/pfkeyv2.h for the others: without padding. */
LAID_OUT(struct sadb_msg, 16);
STANDS(struct sadb_msg, sadb_msg_satype, 3);
STANDS(struct sadb_msg, sadb_msg_len, 4);
STANDS(struct sadb_msg, sadb_msg_seq, 8);
STANDS(struct sadb_msg, sadb_msg_pid, 12);
LAID_OUT(struct sadb_ext, 4);
STANDS(struct sadb_ext, sadb_ext_type, 2);
LAID_OUT(struct sadb_sa, 16);
STANDS(struct sadb_sa, sadb_sa_spi, 4);
STANDS(struct sadb_sa, sadb_sa_replay, 8);
STANDS(struct sadb_sa, sadb_sa_encrypt, 11);
STANDS(struct sadb_sa, sadb_sa_flags, 12);
LAID_OUT(struct sadb_lifetime, 32);
STANDS(struct sadb_lifetime, sadb_lifetime_allocations, 4);
STANDS(struct sadb_lifetime, sadb_lifetime_bytes, 8);
STANDS(struct sadb_lifetime, sadb_lifetime_usetime, 24);
LAID_OUT(struct sadb_address, 8);
STANDS(struct sadb_address, sadb_address_proto, 4);
STANDS(struct sadb_address, sadb_address_prefixlen, 5);
LAID_OUT(struct sadb_key, 8);
STANDS(struct sadb_key, sadb_key_bits, 4);
LAID_OUT(struct sadb_ident, 16);
LAID_OUT(struct sadb_sens, 16);
LAID_OUT(struct sadb_prop, 8);
LAID_OUT(struct sadb_comb, 72);
STANDS(struct sadb_comb, sadb_comb_soft_bytes, 24);
LAID_OUT(struct sadb_supported, 8);
LAID_OUT(struct sadb_alg, 8);
STANDS(struct sadb_alg, sadb_alg_minbits, 2);
STANDS(struct sadb_alg, sadb_alg_maxbits, 4);
LAID_OUT(struct sadb_spirange, 16);
STANDS(struct sadb_spirange, sadb_spirange_max, 8);
LAID_OUT(struct sadb_x_sa2, 16);
STANDS(struct sadb_x_sa2, sadb_x_sa2_mode, 4);
STANDS(struct sadb_x_sa2, sadb_x_sa2_sequence, 8);
STANDS(struct sadb_x_sa2, sadb_x_sa2_reqid, 12);
LAID_OUT(struct sadb_x_policy, 16);
STANDS(struct sadb_x_policy, sadb_x_policy_type, 4);
STANDS(struct sadb_x_policy, sadb_x_policy_dir, 6);
STANDS(struct sadb_x_policy, sadb_x_policy_id, 8);
STANDS(struct sadb_x_policy, sadb_x_policy_priority, 12);
LAID_OUT(struct sadb_x_ipsecrequest, 16);
STANDS(struct sadb_x_ipsecrequest, sadb_x_ipsecrequest_proto, 2);
STANDS(struct sadb_x_ipsecrequest, sadb_x_ipsecrequest_mode, 4);
STANDS(struct sadb_x_ipsecrequest, sadb_x_ipsecrequest_level, 5);
STANDS(struct sadb_x_ipsecrequest, sadb_x_ipsecrequest_reqid, 8);
LAID_OUT(struct sadb_x_nat_t_type, 8);
LAID_OUT(struct sadb_x_nat_t_port, 8);
STANDS(struct sadb_x_nat_t_port, sadb_x_nat_t_port_port, 4);
LAID_OUT(struct sadb_x_sec_ctx, 8);
STANDS(struct sadb_x_sec_ctx, sadb_x_ctx_alg, 4);
STANDS(struct sadb_x_sec_ctx, sadb_x_ctx_len, 6);
LAID_OUT(struct sadb_x_kmaddress, 8);
LAID_OUT(struct sadb_x_filter, 40);

/* libpfkey.h: as the machine aligns it. */
#if defined(__LP64__)
LAID_OUT(struct pfkey_send_sa_args, 136);
STANDS(struct pfkey_send_sa_args, type, 4);
STANDS(struct pfkey_send_sa_args, satype, 8);
STANDS(struct pfkey_send_sa_args, mode, 12);
STANDS(struct pfkey_send_sa_args, src, 16);
STANDS(struct pfkey_send_sa_args, dst, 24);
STANDS(struct pfkey_send_sa_args, spi, 32);
STANDS(struct pfkey_send_sa_args, reqid, 36);
STANDS(struct pfkey_send_sa_args, wsize, 40);
STANDS(struct pfkey_send_sa_args, keymat, 48);
STANDS(struct pfkey_send_sa_args, e_type, 56);
STANDS(struct pfkey_send_sa_args, e_keylen, 60);
STANDS(struct pfkey_send_sa_args, a_type, 64);
STANDS(struct pfkey_send_sa_args, a_keylen, 68);
STANDS(struct pfkey_send_sa_args, flags, 72);
STANDS(struct pfkey_send_sa_args, l_alloc, 76);
STANDS(struct pfkey_send_sa_args, l_bytes, 80);
STANDS(struct pfkey_send_sa_args, l_addtime, 84);
STANDS(struct pfkey_send_sa_args, l_usetime, 88);
STANDS(struct pfkey_send_sa_args, seq, 92);
STANDS(struct pfkey_send_sa_args, l_natt_type, 96);
STANDS(struct pfkey_send_sa_args, l_natt_sport, 98);
STANDS(struct pfkey_send_sa_args, l_natt_dport, 100);
STANDS(struct pfkey_send_sa_args, l_natt_oa, 104);
STANDS(struct pfkey_send_sa_args, l_natt_frag, 112);
STANDS(struct pfkey_send_sa_args, ctxdoi, 114);
STANDS(struct pfkey_send_sa_args, ctxalg, 115);
STANDS(struct pfkey_send_sa_args, ctxstr, 120);
STANDS(struct pfkey_send_sa_args, ctxstrlen, 128);
#endif

/* ipsec_strerror.h: the errors, by number. */
#define NUMBERED(name, value) _Static_assert((name) == (value), #name)

NUMBERED(EIPSEC_NO_ERROR, 0);
NUMBERED(EIPSEC_NOT_SUPPORTED, 1);
NUMBERED(EIPSEC_INVAL_ARGUMENT, 2);
NUMBERED(EIPSEC_INVAL_SADBMSG, 3);
NUMBERED(EIPSEC_INVAL_VERSION, 4);
NUMBERED(EIPSEC_INVAL_POLICY, 5);
NUMBERED(EIPSEC_INVAL_ADDRESS, 6);
NUMBERED(EIPSEC_INVAL_PROTO, 7);
NUMBERED(EIPSEC_INVAL_MODE, 8);
NUMBERED(EIPSEC_INVAL_LEVEL, 9);
NUMBERED(EIPSEC_INVAL_SATYPE, 10);
NUMBERED(EIPSEC_INVAL_MSGTYPE, 11);
NUMBERED(EIPSEC_INVAL_EXTTYPE, 12);
NUMBERED(EIPSEC_INVAL_ALGS, 13);
NUMBERED(EIPSEC_INVAL_KEYLEN, 14);
NUMBERED(EIPSEC_INVAL_FAMILY, 15);
NUMBERED(EIPSEC_INVAL_PREFIXLEN, 16);
NUMBERED(EIPSEC_INVAL_DIR, 17);
NUMBERED(EIPSEC_INVAL_SPI, 18);
NUMBERED(EIPSEC_NO_PROTO, 19);
NUMBERED(EIPSEC_NO_ALGS, 20);
NUMBERED(EIPSEC_NO_BUFS, 21);
NUMBERED(EIPSEC_DO_GET_SUPP_LIST, 22);
NUMBERED(EIPSEC_PROTO_MISMATCH, 23);
NUMBERED(EIPSEC_FAMILY_MISMATCH, 24);
NUMBERED(EIPSEC_FEW_ARGUMENTS, 25);
NUMBERED(EIPSEC_SYSTEM_ERROR, 26);
NUMBERED(EIPSEC_INVAL_PRIORITY_OFFSET, 27);
NUMBERED(EIPSEC_INVAL_PRIORITY_BASE_OFFSET, 28);
NUMBERED(EIPSEC_PRIORITY_NOT_COMPILED, 29);
NUMBERED(EIPSEC_MAX, 30);

/* libpfkey.h. */
NUMBERED(PRIORITY_LOW, 0xC0000000);
NUMBERED(PRIORITY_DEFAULT, 0x80000000);
NUMBERED(PRIORITY_HIGH, 0x40000000);
NUMBERED(PRIORITY_OFFSET_POSITIVE_MAX, 0x3fffffff);
NUMBERED(PRIORITY_OFFSET_NEGATIVE_MAX, 0x40000000);
NUMBERED(LIBIPSEC_OPT_NATT, 1);
NUMBERED(LIBIPSEC_OPT_FRAG, 2);
NUMBERED(LIBIPSEC_OPT_SEC_CTX, 4);

/* Each function has this type and no other, and the library has it. */
#define TAKES(function, result, ...) result (*const volatile of_##function)(__VA_ARGS__) = function

typedef struct sockaddr *address;
typedef unsigned int number;

TAKES(ipsec_set_policy, char *, const char *, int);
TAKES(ipsec_get_policylen, int, char *);
TAKES(ipsec_dump_policy, char *, char *, const char *);
TAKES(ipsec_dump_policy_withports, char *, void *, const char *);
TAKES(ipsec_strerror, const char *, void);
TAKES(__ipsec_set_strerror, void, const char *);
TAKES(ipsec_check_keylen, int, number, number, number);
TAKES(ipsec_check_keylen2, int, number, number, number);
TAKES(ipsec_get_keylen, int, number, number, struct sadb_alg *);
TAKES(ipsec_hexdump, void, const void *, int);
TAKES(ipsec_bindump, void, const void *, int);
TAKES(kdebug_sadb, void, struct sadb_msg *);
TAKES(pfkey_sadump, void, struct sadb_msg *);
TAKES(pfkey_sadump_withports, void, struct sadb_msg *);
TAKES(pfkey_spdump, void, struct sadb_msg *);
TAKES(pfkey_spdump_withports, void, struct sadb_msg *);
TAKES(pfkey_set_softrate, number, number, number);
TAKES(pfkey_get_softrate, number, number);
TAKES(pfkey_open, int, void);
TAKES(pfkey_close, void, int);
TAKES(pfkey_set_buffer_size, int, int, int);
TAKES(pfkey_recv, struct sadb_msg *, int);
TAKES(pfkey_send, int, int, struct sadb_msg *, int);
TAKES(pfkey_align, int, struct sadb_msg *, char **);
TAKES(pfkey_check, int, char **);
TAKES(pfkey_send_register, int, int, number);
TAKES(pfkey_recv_register, int, int);
TAKES(pfkey_set_supported, int, struct sadb_msg *, int);
TAKES(pfkey_send_getspi, int, int, number, number, address, address, uint32_t, uint32_t, uint32_t,
    uint32_t);
TAKES(pfkey_send_getspi_nat, int, int, number, number, address, address, uint8_t, uint16_t,
    uint16_t, uint32_t, uint32_t, uint32_t, uint32_t);
TAKES(pfkey_send_update2, int, struct pfkey_send_sa_args *);
TAKES(pfkey_send_add2, int, struct pfkey_send_sa_args *);
TAKES(pfkey_send_delete, int, int, number, number, address, address, uint32_t);
TAKES(pfkey_send_delete_all, int, int, number, number, address, address);
TAKES(pfkey_send_get, int, int, number, number, address, address, uint32_t);
TAKES(pfkey_send_flush, int, int, number);
TAKES(pfkey_send_dump, int, int, number);
TAKES(pfkey_send_promisc_toggle, int, int, int);
TAKES(pfkey_send_spddelete2, int, int, uint32_t);
TAKES(pfkey_send_spdget, int, int, uint32_t);
TAKES(pfkey_send_spdflush, int, int);
TAKES(pfkey_send_spddump, int, int);
TAKES(pfkey_send_migrate, int, int, address, address, address, number, address, number, number,
    char *, int, uint32_t);

#define TAKES_POLICY(function) \
	TAKES(function, int, int, address, number, address, number, number, char *, int, uint32_t)
#define TAKES_LIMITED_POLICY(function) \
	TAKES(function, int, int, address, number, address, number, number, uint64_t, uint64_t, \
	    char *, int, uint32_t)

TAKES_POLICY(pfkey_send_spdadd);
TAKES_LIMITED_POLICY(pfkey_send_spdadd2);
TAKES_POLICY(pfkey_send_spdupdate);
TAKES_LIMITED_POLICY(pfkey_send_spdupdate2);
TAKES_POLICY(pfkey_send_spddelete);
TAKES_POLICY(pfkey_send_spdsetidx);

#define TAKES_SA(function, ...) \
	TAKES(function, int, int, number, number, address, address, uint32_t, uint32_t, number, \
	    char *, number, number, number, number, number, uint32_t, uint64_t, uint64_t, \
	    uint64_t, uint32_t __VA_ARGS__)
#define NAT , uint8_t, uint16_t, uint16_t, address, uint16_t

TAKES_SA(pfkey_send_update);
TAKES_SA(pfkey_send_update_nat, NAT);
TAKES_SA(pfkey_send_add);
TAKES_SA(pfkey_send_add_nat, NAT);

int *const volatile error = &__ipsec_errcode;
int *const volatile options = &libipsec_opt;

int
main(void)
{
	return 0;
}
