//! What another program has set is read, and written again.

use std::num::NonZeroU64;

use super::*;

#[test]
fn an_icv_of_no_row_is_kept() {
    let mut sa = modern();
    if let Some(aead) = &mut sa.aead {
        aead.icv_bits = 80;
    }
    let read = reading(&bytes(&written(&sa)), 0).unwrap().sa.aead.unwrap();
    assert_eq!((read.algorithm.dumped, read.icv_bits), ("aes-gcm-16", 80));
    assert!(!read.algorithm.has_row());
}

#[test]
fn an_algorithm_without_a_row_has_the_kernels_name() {
    let mut message = written(&esp());
    for attribute in &mut message.nlas {
        match attribute {
            XfrmAttrs::AuthenticationAlgTrunc(auth) => {
                auth.alg_name = [0; 64];
                auth.alg_name[..9].copy_from_slice(b"hmac(sm3)");
            }
            XfrmAttrs::EncryptionAlg(crypt) => crypt.alg_name.fill(0xff),
            _ => {}
        }
    }
    let entry = reading(&bytes(&message), 0).unwrap();
    let auth = entry.sa.auth.as_ref().unwrap();
    assert_eq!((auth.algorithm.kernel, auth.icv_bits), ("hmac(sm3)", 96));
    assert_eq!(auth.key.bytes(), SHA256_KEY);
    // A name that is no text is kept with the rest of its attribute.
    assert_eq!((&entry.sa.crypt, entry.sa.unknown[0].number), (&None, 2));
    assert_eq!(entry.state, SaState::Mature);
    assert_eq!(
        with_sorted_attributes(&bytes(&written(&entry.sa))),
        with_sorted_attributes(&bytes(&message))
    );
}

/// The fixed structure and the attributes by number, since their order means nothing.
fn with_sorted_attributes(object: &[u8]) -> Vec<Vec<u8>> {
    let (fixed, attributes) = object.split_at(XFRM_USER_SA_INFO_LEN);
    let mut parts: Vec<Vec<u8>> = NlasIterator::new(attributes)
        .map(|attribute| attribute.unwrap())
        .map(|attribute| [&attribute.kind().to_le_bytes(), attribute.value()].concat())
        .collect();
    parts.sort();
    parts.insert(0, fixed.to_vec());
    parts
}

/// What is read of a message makes the same message.
fn leads_back(message: &ModifyMessage) -> Sa {
    let object = bytes(message);
    let sa = reading(&object, 0).unwrap().sa;
    let again = bytes(&written(&sa));
    assert_eq!(with_sorted_attributes(&again), with_sorted_attributes(&object), "{sa:?}");
    sa
}

#[test]
fn tfc_padding_care_of_address_and_original_address_are_those_of_ip_xfrm() {
    // ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 mode tunnel tfcpad 1400 \
    //     encap espintcp 4500 4501 198.51.100.1 coa 198.51.100.2, less its enc
    let mut message = written(&bare(Proto::Esp, 0x1000));
    message.nlas = attributes(
        &hex("
        08001600 78050000
        1c000400 07001194 11950000 c6336401 00000000 00000000 00000000
        14000e00 c6336402 00000000 00000000 00000000"),
        0,
    )
    .collect::<Result<_, _>>()
    .unwrap();
    let sa = leads_back(&message);
    assert_eq!(sa.tfc_padding, NonZeroU32::new(1400));
    assert_eq!(sa.care_of, Some([198, 51, 100, 2].into()));
    let encap = sa.encap.unwrap();
    let original = Some([198, 51, 100, 1].into());
    assert_eq!((encap.kind, encap.original), (EncapKind::EspInTcp, original));
    assert_eq!(sa.unknown, []);
}

#[test]
fn iptfs_and_the_cpu_are_settings_of_the_sa() {
    let settings = IpTfs {
        drop_time: Some(1),
        reorder_window: Some(2),
        init_delay: Some(3),
        max_queue: Some(4),
        packet_size: Some(0),
        dont_fragment: true,
    };
    let sa = Sa { mode: Mode::IpTfs.into(), iptfs: settings, cpu: Some(0), ..modern() };
    assert_eq!(leads_back(&written(&sa)), sa);
    let wire = bytes(&written(&sa));
    let attributes = hex("08002300 00000000 08002400 01000000 06002500 02000000 04002600
        08002700 03000000 08002800 04000000 08002900 00000000");
    assert_eq!(wire[wire.len() - attributes.len()..], attributes);
}

#[test]
fn replay_state_statistics_and_last_use_are_read() {
    let replay_state = ReplayState { received: 9, sent: 0, bitmap: vec![0x1ff] };
    let sa = Sa { replay_state, ..esp() };
    let mut message = written(&sa);
    message.nlas.push(XfrmAttrs::LastUsed(1_700_000_000));
    message.user_sa_info.stats =
        netlink_packet_xfrm::Stats { replay_window: 1, replay: 2, integrity_failed: 3 };
    let entry = reading(&bytes(&message), 0).unwrap();
    assert_eq!((entry.sa, entry.last_used), (sa, NonZeroU64::new(1_700_000_000)));
    assert_eq!(entry.stats, SaStats { replay_window: 1, replay: 2, integrity_failed: 3 });
}

#[test]
fn selectors_are_kept_as_they_are() {
    for (family, flags, is_all) in [
        (2, SaFlags::default(), true),
        (10, SaFlags::default(), false),
        (0, SaFlags::ANY_FAMILY, true),
        (10, SaFlags::ANY_FAMILY, false),
    ] {
        let mut message = written(&Sa { flags, ..esp() });
        message.user_sa_info.selector.family = family;
        assert_eq!(leads_back(&message).selector.is_none(), is_all, "{family} {flags:?}");
    }
}

#[test]
fn what_has_no_field_is_kept() {
    let mut message = written(&esp());
    let other = |number, value: &[u8]| XfrmAttrs::Other(DefaultNla::new(number, value.to_vec()));
    let encap = EncapTmpl { encap_type: 9, ..EncapTmpl::default() };
    message.nlas.extend([
        other(60, &[1, 2, 3]),
        other(33, &[7]),
        XfrmAttrs::EncapsulationTemplate(encap),
        XfrmAttrs::ReplayThreshold(5),
        XfrmAttrs::ExtraFlags(0xff00_0002),
    ]);
    for attribute in &mut message.nlas {
        if let XfrmAttrs::EncryptionAlg(crypt) = attribute {
            crypt.alg_key_len -= 1;
        }
    }
    let object = bytes(&message);
    let sa = reading(&object, 0).unwrap().sa;
    let numbers: Vec<u16> = sa.unknown.iter().map(|attribute| attribute.number).collect();
    assert_eq!(numbers, [60, 33, 4, 11, 2]);
    assert_eq!(sa.flags.unnamed_extra_bits(), 0xff00_0000);
    // Of the two attributes of the cipher the last is in force.
    let written = bytes(&written(&sa));
    let mut parts = with_sorted_attributes(&written);
    parts.retain(|part| !(part[..2] == [2, 0] && part[66..70] == [128, 0, 0, 0]));
    assert_eq!(parts, with_sorted_attributes(&object));
}

#[test]
fn what_the_model_cannot_express_is_named() {
    let mut message = written(&esp());
    message.user_sa_info.lifetime_cfg.soft_byte_limit = 0;
    message.user_sa_info.selector.family = 0;
    let sa = reading(&bytes(&message), 0).unwrap().sa;
    assert_eq!(sa.inexpressible, ["a selector of no IP version", "a limit of 0 bytes or packets"]);
}
