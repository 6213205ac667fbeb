//! SAs and policies in the words of ip-xfrm(8): lines that `ip -batch` reads ([`batch`]), and what `ip xfrm state` and
//! `ip xfrm policy` print ([`text`]). Both are those of iproute2 6.1.

pub mod batch;
pub mod text;
