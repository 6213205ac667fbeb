//! Entries of the model by chance: what an SA and a policy have in common.

mod policy;
mod sa;

use model::{AddressPair, Lifetime, Lifetimes, Mark, PortMasks, Prefix, SecCtx, Selector, Upper};
use proptest::{option, prelude::*, sample::select};
use std::net::IpAddr;

pub use policy::policy;
pub use sa::sa;

fn pair() -> impl Strategy<Value = AddressPair> {
    let v4 = any::<[[u8; 4]; 2]>().prop_map(|pair| pair.map(IpAddr::from));
    let v6 = any::<[[u8; 16]; 2]>().prop_map(|pair| pair.map(IpAddr::from));
    prop_oneof![v4, v6].prop_map(|[src, dst]| AddressPair::new(src, dst).expect("one family"))
}

fn mark() -> impl Strategy<Value = Mark> {
    prop_oneof![
        Just(Mark::default()),
        any::<(u32, u32)>().prop_map(|(value, mask)| Mark { value, mask }),
    ]
}

fn sec_ctx() -> impl Strategy<Value = Option<SecCtx>> {
    option::of((1..=u8::MAX, any::<u8>(), "[^\"\0]{0,12}").prop_map(|(doi, alg, context)| SecCtx {
        doi,
        alg,
        context: context.into_bytes(),
    }))
}

fn lifetime() -> impl Strategy<Value = Lifetime> {
    any::<[u64; 4]>().prop_map(Lifetime::from_numbers)
}

fn lifetimes() -> impl Strategy<Value = Lifetimes> {
    let both = (lifetime(), lifetime()).prop_map(|(hard, soft)| Lifetimes { hard, soft });
    let hard = lifetime().prop_map(|hard| Lifetimes { hard, ..Lifetimes::default() });
    let soft = lifetime().prop_map(|soft| Lifetimes { soft, ..Lifetimes::default() });
    prop_oneof![Just(Lifetimes::default()), both, hard, soft]
}

fn selector() -> impl Strategy<Value = Selector> {
    let upper = prop_oneof![
        Just(Upper::Any),
        (1..=254u8).prop_map(Upper::Number),
        select(vec![1, 6, 17, 47, 58, 135]).prop_map(Upper::Number),
    ];
    let ports = prop_oneof![Just((0, 0)), any::<(u16, u16)>()];
    (pair(), any::<(u8, u8)>(), upper, ports).prop_map(|(ends, lengths, upper, ports)| {
        let most = if ends.src().is_ipv4() { 32 } else { 128 };
        let prefix = |addr, length: u8| {
            Prefix::new(addr, Some(u32::from(length) % (most + 1))).expect("it fits")
        };
        let (src, dst) = (prefix(ends.src(), lengths.0), prefix(ends.dst(), lengths.1));
        let mut selector = Selector::new(src, dst).expect("one family");
        (selector.upper, selector.src_port, selector.dst_port) = (upper, ports.0, ports.1);
        selector
    })
}

fn packets() -> impl Strategy<Value = Selector> {
    let device = option::of("[a-zA-Z0-9_.:@=+%-]{1,15}");
    let masks = option::of(any::<(u16, u16)>());
    (selector(), device, masks, any::<u32>()).prop_map(|(mut selector, device, masks, user)| {
        selector.device = device.map(|device| device.parse().expect("a name"));
        let masks = masks.map(|(src, dst)| PortMasks { src, dst });
        selector.port_masks = masks.filter(|masks| *masks != selector.port_masks());
        selector.user = user;
        selector
    })
}
