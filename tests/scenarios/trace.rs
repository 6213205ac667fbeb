//! `ipsecctl trace`: what IPsec drops is attributed to the policy or SA, by the kernel's drop monitor where there is one,
//! and by counters.

mod faults;
mod lab;
mod shared;
