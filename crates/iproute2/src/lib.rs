//! SAs and policies in the words of ip-xfrm(8), as iproute2 6.1 has them.

pub mod batch;
