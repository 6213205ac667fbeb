//! `libipsec.so.0`: the C interface of ipsec-tools' libipsec, for programs that were written for it.
//!
//! Two things are behind the functions of `libipsec/libpfkey.h`: the policy language of
//! ipsec_set_policy(3), compiled to the bytes of `sadb_x_policy`, and a PF_KEY socket with the
//! messages that go over it. The language is `grammar`'s, the bytes are `pfkey`'s; here is what the
//! original made of them, and `c`, where it becomes C.
//!
//! The library keeps what the original kept: the last error, the algorithms that the kernel has
//! registered, and the rates of soft lifetimes. They are shared by all threads.

mod align;
#[allow(unsafe_code, reason = "the edge to C: exports functions, reads and hands out C memory")]
mod c;
mod check;
mod compile;
mod describe;
mod dump;
mod error;
mod key_lengths;
mod request;
mod soft_rate;
