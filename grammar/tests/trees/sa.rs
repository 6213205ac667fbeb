use grammar::tree::{
    Algorithm, Algorithms, Extension, Flag, FragmentOption, Host, Node, Port, SaEnds, SaName,
    SaProto, SaSelector, Selector,
};
use model::{EncapKind, IpTfsSetting, Key, SaDirection, SaFlags};
use proptest::{option, prelude::*, sample::select};

use super::{context, limit, look_up, mark, name, node, policy::selector, port, word};

pub(super) fn proto() -> BoxedStrategy<Option<Node<SaProto>>> {
    let proto = prop_oneof![
        Just(SaProto::Esp),
        Just(SaProto::EspOld),
        Just(SaProto::Ah),
        Just(SaProto::AhOld),
        Just(SaProto::IpComp),
        Just(SaProto::Tcp),
        option::of(node(name())).prop_map(SaProto::EspUdp),
    ];
    option::of(node(proto)).boxed()
}

pub(super) fn ends(port: BoxedStrategy<Option<Node<Port>>>) -> BoxedStrategy<SaEnds> {
    let host = (node(name()), port).prop_map(|(address, port)| Host { address, port });
    (look_up(), host.clone(), host, proto())
        .prop_map(|(look_up, src, dst, proto)| SaEnds { look_up, src, dst, proto })
        .boxed()
}

fn extension() -> impl Strategy<Value = Extension> {
    let modes: Vec<_> =
        std::iter::once(None).chain(model::Mode::ALL.iter().copied().map(Some)).collect();
    let directions = || select(vec![SaDirection::In, SaDirection::Out]);
    let device = || "[a-zA-Z0-9_.:@=+%-]{1,15}";
    let natt_end = || {
        (node(name()), port().prop_filter("a port", Option::is_some))
            .prop_map(|(address, port)| Host { address, port })
    };
    prop_oneof![
        select(Flag::ALL).prop_map(Extension::Flag),
        select(modes).prop_map(Extension::Mode),
        any::<u64>().prop_map(Extension::ReqId),
        any::<(u64, Option<u64>)>().prop_map(|(window, words)| Extension::Replay(window, words)),
        kernel_option(),
        context().prop_map(Extension::Context),
        limit(),
        any::<u64>().prop_map(|size| Extension::Fragment(FragmentOption::EspFrag, size)),
        any::<u64>().prop_map(|size| Extension::Fragment(FragmentOption::NattMtu, size)),
        (natt_end(), natt_end()).prop_map(|ends| Extension::Natt(Box::new(ends))),
        Just(Extension::Esn),
        mark().prop_map(Extension::OutMark),
        directions().prop_map(Extension::Direction),
        (device(), directions(), any::<bool>()).prop_map(|(device, direction, packet)| {
            Extension::Offload { device, direction, packet }
        }),
        device().prop_map(Extension::HardwareInterface),
        option::of(any::<u64>()).prop_map(Extension::KeepAlive),
        select(SaFlags::ALL.to_vec()).prop_map(Extension::KernelFlag),
    ]
}

/// What no original has options for.
fn kernel_option() -> impl Strategy<Value = Extension> {
    let selector = (
        selector(),
        option::of(node("[a-z][a-z0-9_.]{0,14}")),
        option::of(node(any::<(u64, u64)>())),
    )
        .prop_flat_map(|(packets, device, masks)| {
            let packets = Selector { context: None, extensions: Vec::new(), ..*packets };
            option::of(node(any::<u64>())).prop_map(move |user| SaSelector {
                packets: packets.clone(),
                device: device.clone(),
                masks: masks.clone(),
                user,
            })
        });
    let encap = (select(EncapKind::ALL), any::<(u64, u64)>(), option::of(node(name())))
        .prop_map(|(kind, ports, original)| Extension::Encap { kind, ports, original });
    let setting = (select(IpTfsSetting::ALL), any::<u64>()).prop_map(|(setting, number)| {
        (setting, (setting != IpTfsSetting::DontFragment).then_some(number))
    });
    let bitmap = option::of(prop::collection::vec(any::<u32>(), 1..4));
    let value = prop::collection::vec(any::<u8>(), 0..40).prop_map(Key::new);
    prop_oneof![
        selector.prop_map(|selector| Extension::Selector(Box::new(selector))),
        encap,
        any::<u64>().prop_map(Extension::TfcPadding),
        any::<u64>().prop_map(Extension::MappingInterval),
        any::<u64>().prop_map(Extension::Cpu),
        node(name()).prop_map(Extension::CareOf),
        prop::collection::vec(setting, 1..5).prop_map(Extension::IpTfs),
        (any::<u64>(), bitmap).prop_map(|(number, bitmap)| Extension::Received(number, bitmap)),
        any::<u64>().prop_map(Extension::Sent),
        (any::<u64>(), value).prop_map(|(number, value)| Extension::Attribute { number, value }),
        any::<u64>().prop_map(Extension::ExtraFlags),
    ]
}

pub(super) fn group_option() -> impl Strategy<Value = Extension> {
    prop_oneof![mark().prop_map(Extension::Mark), any::<u64>().prop_map(Extension::IfId)]
}

pub(super) fn sa_name() -> impl Strategy<Value = Box<SaName>> {
    let extensions = prop::collection::vec(node(extension()), 0..4);
    (ends(port()), node(any::<u64>()), extensions)
        .prop_map(|(ends, spi, extensions)| Box::new(SaName { ends, spi, extensions }))
}

fn algorithm(
    keyed: &'static [&'static str],
    bare: &'static [&'static str],
) -> BoxedStrategy<Algorithm> {
    let key = prop::collection::vec(any::<u8>(), 0..40).prop_map(Key::new);
    prop_oneof![
        (node(word(keyed)), node(key)).prop_map(|(name, key)| Algorithm { name, key: Some(key) }),
        node(word(bare)).prop_map(|name| Algorithm { name, key: None }),
    ]
    .boxed()
}

pub(super) fn algorithms() -> impl Strategy<Value = Algorithms> {
    let crypt =
        || algorithm(&["aes-cbc", "des-32iv", "aes-gcm-8", "aes-gmac"], &["null", "simple"]);
    let auth = || algorithm(&["hmac-sha256-96", "aes-cmac", "keyed-md5"], &["null"]);
    prop_oneof![
        (crypt(), option::of(auth())).prop_map(|(crypt, auth)| Algorithms::Crypt(crypt, auth)),
        auth().prop_map(Algorithms::Auth),
        (node(word(&["deflate", "lzs", "oui"])), any::<bool>())
            .prop_map(|(name, raw_cpi)| Algorithms::Comp { name, raw_cpi }),
    ]
}
