use std::{net::IpAddr, num::NonZeroU64};

use model::{
    AddressPair, Level, Lifetime, Lifetimes, Mode, Prefix, Proto, ReqId, SecCtx, Selector, Share,
    Spi, TemplateMode, Upper,
};
use netlink_packet_core::DefaultNla;
use netlink_packet_xfrm::{Address, UserOffloadDev};

use super::*;
use crate::{
    device::testing::devices,
    wire::testing::{bytes, hex},
};

fn policy(src: &str, from: u32, dst: &str, to: u32, direction: Direction) -> Policy {
    let prefix =
        |text: &str, length| Prefix::new(text.parse::<IpAddr>().unwrap(), Some(length)).unwrap();
    let selector = Selector::new(prefix(src, from), prefix(dst, to)).unwrap();
    Policy::new(PolicyId::new(selector, direction), Action::None)
}

fn message_of(policy: &Policy) -> ModifyMessage {
    let installation = Installation::plain(policy);
    message(&InstalledPolicy { policy, installation, index: 0 }, &devices()).unwrap()
}

fn web() -> Policy {
    let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
    let mut policy = policy("192.0.2.0", 24, "198.51.100.7", 32, Direction::Out);
    policy.id.selector.upper = Upper::Number(6);
    policy.id.selector.dst_port = 80;
    policy.action = Action::Ipsec(vec![
        Template::new(Proto::Esp, TemplateMode::Tunnel(ends), Level::Unique(ReqId::new(9))),
        Template::new(Proto::Ah, TemplateMode::Transport, Level::Use),
    ]);
    policy
}

#[test]
fn templates_are_those_of_ip_xfrm() {
    // ip xfrm policy add src 192.0.2.0/24 dst 198.51.100.7 proto tcp dport 80 dir out \
    //     priority 0x80000000 tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel reqid 9 \
    //     tmpl proto ah mode transport level use
    // but for `share`, in which this crate notes the level: 3 and 2.
    let captured = hex("
        c6336407 00000000 00000000 00000000 c0000200 00000000 00000000 00000000
        0050ffff 00000000 02002018 06000000 00000000 00000000
        ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000080 00000000 01000000 00000000 84000500
        c0000202 00000000 00000000 00000000 00000000 32000000 02000000
        c0000201 00000000 00000000 00000000 09000000 01030000 ffffffff ffffffff ffffffff
        00000000 00000000 00000000 00000000 00000000 33000000 02000000
        00000000 00000000 00000000 00000000 00000000 00020100 ffffffff ffffffff ffffffff");
    assert_eq!(bytes(&message_of(&web())), captured);
}

#[test]
fn a_block_with_a_limit_is_that_of_ip_xfrm() {
    // ip xfrm policy update src 2001:db8::/32 dst ::/0 dir in action block priority 5 \
    //     limit byte-hard 9
    let captured = hex("
        00000000 00000000 00000000 00000000 20010db8 00000000 00000000 00000000
        00000000 00000000 0a000020 00000000 00000000 00000000
        ffffffff ffffffff 09000000 00000000 ffffffff ffffffff ffffffff ffffffff
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        05000000 00000000 00010000 00000000");
    let mut block = policy("2001:db8::", 32, "::", 0, Direction::In);
    block.priority = Priority(5);
    block.action = Action::Discard;
    block.lifetimes.hard.bytes = NonZeroU64::new(9);
    assert_eq!(bytes(&message_of(&block)), captured);
}

#[test]
fn a_name_is_that_of_ip_xfrm() {
    // ip xfrm policy delete src 192.0.2.0/24 dst 198.51.100.7 proto tcp dport 80 dir out \
    //     ctx system_u:object_r:x_t:s0
    let captured = hex("
        c6336407 00000000 00000000 00000000 c0000200 00000000 00000000 00000000
        0050ffff 00000000 02002018 06000000 00000000 00000000 00000000 01000000
        25000800 21000800 01011900
        73797374656d5f753a6f626a6563745f723a785f743a7330 00000000");
    let context = b"system_u:object_r:x_t:s0".to_vec();
    let id = PolicyId { sec_ctx: Some(SecCtx { doi: 1, alg: 1, context }), ..web().id };
    assert_eq!(bytes(&id_message(&id, &devices()).unwrap()), captured);
}

#[test]
fn mark_and_interface_are_those_of_ip_xfrm() {
    // ip xfrm policy add src 192.0.2.0/24 dst 198.51.100.7 dir out mark 0x10 mask 0xff if_id 7
    let captured = hex("
        c6336407 00000000 00000000 00000000 c0000200 00000000 00000000 00000000 00000000 00000000
        02002018 00000000 00000000 00000000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff
        ffffffff ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        01000000 00000000 0c001500 10000000 ff000000 08001f00 07000000");
    let mut policy = policy("192.0.2.0", 24, "198.51.100.7", 32, Direction::Out);
    policy.priority = Priority(0);
    (policy.id.mark, policy.id.if_id) = (Mark { value: 0x10, mask: 0xff }, NonZeroU32::new(7));
    assert_eq!(bytes(&message_of(&policy)), captured);
    // ip xfrm policy delete src 192.0.2.0/24 dst 198.51.100.7 dir out mark 0x10 mask 0xff if_id 7
    let captured = hex("
        c6336407 00000000 00000000 00000000 c0000200 00000000 00000000 00000000 00000000 00000000
        02002018 00000000 00000000 00000000 00000000 01000000 0c001500 10000000 ff000000 08001f00
        07000000");
    assert_eq!(bytes(&id_message(&policy.id, &devices()).unwrap()), captured);
}

#[test]
fn what_is_written_is_read() {
    let mut full = web();
    full.id.sec_ctx = Some(SecCtx { doi: 1, alg: 1, context: b"x".to_vec() });
    (full.id.mark, full.id.if_id) = (Mark { value: 1, mask: 3 }, NonZeroU32::new(9));
    let limit = |packets| Lifetime::from_numbers([packets, 2, 3, 4]);
    full.lifetimes = Lifetimes { hard: limit(1), soft: limit(5) };
    let none = policy("2001:db8::1", 64, "::", 0, Direction::Fwd);
    let block = Policy { action: Action::Discard, ..none.clone() };
    for (policy, index) in [(full, 9), (none, 18), (block, 26)] {
        let mut message = message_of(&policy);
        message.user_policy_info.index = index;
        let Ok(Some(entry)) = read(&bytes(&message), &devices()) else { panic!("not read") };
        assert_eq!(entry.policy, policy);
        assert_eq!((entry.index, entry.socket), (index, false));
    }
}

/// What is compared of a policy is the same if the rest is not read.
#[test]
fn a_head_is_that_of_the_whole() {
    let mut full = web();
    full.id.sec_ctx = Some(SecCtx { doi: 1, alg: 1, context: b"x".to_vec() });
    (full.id.mark, full.id.if_id) = (Mark { value: 1, mask: 3 }, NonZeroU32::new(9));
    full.id.selector.device = Some("lo".parse().unwrap());
    full.priority = Priority(77);
    let of_no_family = full_object(|message| message.user_policy_info.selector.family = 0);
    let mut v6 = message_of(&policy("2001:db8::1", 64, "::", 0, Direction::Fwd));
    v6.user_policy_info.index = 10;
    let mut indexed = message_of(&full);
    indexed.user_policy_info.index = 17;
    for object in [bytes(&indexed), bytes(&v6), full_object(|_| ()), of_no_family] {
        let whole = read(&object, &devices()).unwrap().unwrap();
        assert_eq!(read_head(&object, &devices()).unwrap(), Some(PolicyHead::of(&whole)));
        let PolicyId { selector, direction, .. } = whole.policy.id;
        let addresses = PolicyAddresses { src: selector.src(), dst: selector.dst(), direction };
        // Without a family the templates have it.
        let has_family = object[40..42] != [0, 0];
        assert_eq!(read_addresses(&object), has_family.then_some(addresses));
        assert_eq!(read_addresses(&object[..100]), None);
        assert_eq!(read_head(&object[..100], &devices()).ok(), None);
    }
    for (index, user) in [(3, 0), (9, catch_all::OWNER)] {
        let mut message = message_of(&web());
        (message.user_policy_info.index, message.user_policy_info.selector.user) = (index, user);
        assert_eq!(read_head(&bytes(&message), &devices()).unwrap(), None);
        assert_eq!(read_addresses(&bytes(&message)), None);
    }
}

#[test]
fn policies_of_sockets_are_marked() {
    let any = policy("0.0.0.0", 0, "0.0.0.0", 0, Direction::In);
    for (index, direction) in [(3, Direction::In), (12, Direction::Out), (21, Direction::Fwd)] {
        let mut message = message_of(&any);
        message.user_policy_info.index = index;
        let entry = read(&bytes(&message), &devices()).unwrap().unwrap();
        assert!(entry.socket);
        assert_eq!(entry.policy.id.direction, direction);
    }
}

#[test]
fn what_other_tools_install_is_read() {
    let mut message = message_of(&web());
    message.user_policy_info.selector.family = 0;
    let [XfrmAttrs::Template(templates)] = &mut message.nlas[..] else { panic!() };
    (templates[0].mode, templates[0].reqid) = (Mode::RouteOptimization.xfrm(), 0);
    templates[1].reqid = 3;
    let entry = read(&bytes(&message), &devices()).unwrap().unwrap();
    assert_eq!(entry.policy.id.selector, web().id.selector);
    let templates = entry.policy.action.templates();
    assert!(matches!(templates[0].mode, TemplateMode::Other(Mode::RouteOptimization, Some(_))));
    assert_eq!((templates[0].level, templates[1].level), (Level::Require, Level::Use));
    let mut many = web();
    many.action = Action::Ipsec(vec![templates[1]; 5000]);
    assert_eq!(bytes(&message_of(&many)).len(), XFRM_USER_POLICY_INFO_LEN + 4 + 7 * 64);
}

#[test]
fn cut_objects_are_errors_not_panics() {
    let whole = bytes(&message_of(&web()));
    for length in 0..whole.len() {
        let read = read(&whole[..length], &devices());
        assert_eq!(read.is_ok(), length == XFRM_USER_POLICY_INFO_LEN, "{length}");
    }
}

/// What the kernel's own fields cannot say of a level is in `share`.
#[test]
fn the_requested_level_is_read_back() {
    let mut requested = web();
    let Action::Ipsec(templates) = &mut requested.action else { panic!("no requests") };
    for level in [Level::Default, Level::Use, Level::Require] {
        templates.push(Template { level, ..templates[0] });
    }
    let levels: Vec<Level> = templates.iter().map(|template| template.level).collect();
    for optional in [0, 1, 2, 3, 4] {
        let mut place = 0..;
        let mut installation = Installation::whole(&requested, |_| place.next() == Some(optional));
        // The kernel shows of it no more than its flag.
        installation.is_partial = optional == 3;
        let installed = InstalledPolicy { policy: &requested, installation, index: 0 };
        let message = message(&installed, &devices()).unwrap();
        let entry = read(&bytes(&message), &devices()).unwrap().unwrap();
        let is_flagged = entry.policy.flags.contains(PolicyFlags::LOCAL_OK);
        assert_eq!(is_flagged, installation.is_partial);
        installation.is_partial = false;
        assert_eq!(entry.installation, installation);
        let read = entry.policy.action.templates().iter().map(|template| template.level);
        assert_eq!(read.collect::<Vec<_>>(), levels, "{optional}");
    }
}

/// Those of `ip xfrm policy` have 0 in `share`.
#[test]
fn a_template_of_another_program_is_what_the_kernel_makes_of_it() {
    let requested = web();
    for (is_optional, expected) in
        [(false, [Level::Unique(ReqId::new(9)), Level::Require]), (true, [Level::Use, Level::Use])]
    {
        let installation = Installation::whole(&requested, |_| is_optional);
        let installed = InstalledPolicy { policy: &requested, installation, index: 0 };
        let mut message = message(&installed, &devices()).unwrap();
        for attribute in &mut message.nlas {
            if let XfrmAttrs::Template(templates) = attribute {
                assert!(templates.iter().all(template::is_own));
                for template in templates.iter_mut() {
                    template.share = 0;
                }
                assert!(!templates.iter().any(template::is_own));
            }
        }
        let entry = read(&bytes(&message), &devices()).unwrap().unwrap();
        let levels = entry.policy.action.templates().iter().map(|template| template.level);
        assert_eq!(levels.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn an_index_names_a_policy() {
    // ip xfrm policy get index 17 dir out (less its selector's family)
    let captured = hex("
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 11000000 01000000");
    assert_eq!(bytes(&index_message(17)), captured);
}

/// A policy with a template of which every field is set, by raw netlink.
fn full_object(change: impl FnOnce(&mut ModifyMessage)) -> Vec<u8> {
    let mut message = message_of(&web());
    message.user_policy_info.index = 9;
    message.user_policy_info.flags = 0xff;
    let [XfrmAttrs::Template(templates)] = &mut message.nlas[..] else { panic!() };
    templates[0].id.spi = 0x1234_5678;
    templates[0].share = 0;
    templates[1].saddr = Address::from_ip(&[192, 0, 2, 9].into());
    (templates[1].aalgos, templates[1].ealgos, templates[1].calgos) = (1, 2, 3);
    (templates[1].share, templates[1].reqid) = (200, 77);
    change(&mut message);
    message.nlas.push(XfrmAttrs::PolicyType(UserPolicyType { ptype: 1, ..Default::default() }));
    bytes(&message)
}

fn written(entry: &PolicyEntry) -> Vec<u8> {
    let PolicyEntry { policy, installation, index, .. } = entry;
    let installed = InstalledPolicy { policy, installation: *installation, index: *index };
    bytes(&message(&installed, &devices()).unwrap())
}

#[test]
fn what_another_program_has_set_is_written_again() {
    let object = full_object(|_| ());
    let entry = read(&object, &devices()).unwrap().unwrap();
    assert_eq!(written(&entry), object);
    assert_eq!(entry.policy.id.policy_type, PolicyType::Sub);
    let [first, second] = entry.policy.action.templates() else { panic!() };
    assert_eq!((first.details.spi, first.details.share), (Some(Spi(0x1234_5678)), Some(Share(0))));
    assert_eq!((second.level, second.reqid()), (Level::Use, ReqId::new(77)));
    // A policy that drops packets keeps its templates.
    let block = full_object(|message| {
        message.user_policy_info.action = XFRM_POLICY_BLOCK;
    });
    let entry = read(&block, &devices()).unwrap().unwrap();
    assert_eq!((&entry.policy.action, entry.policy.unused_templates.len()), (&Action::Discard, 2));
    assert_eq!(written(&entry), block);
}

#[test]
fn every_level_and_share_is_written_again() {
    for share in [0, 1, 2, 3, 4, u8::MAX] {
        for (optional, reqid) in [(0, 0), (0, 7), (1, 0), (1, 7)] {
            let object = full_object(|message| {
                let [XfrmAttrs::Template(templates)] = &mut message.nlas[..] else { panic!() };
                templates[0].share = share;
                (templates[0].optional, templates[0].reqid) = (optional, reqid);
            });
            let entry = read(&object, &devices()).unwrap().unwrap();
            assert_eq!(written(&entry), object, "{share} {optional} {reqid}");
        }
    }
}

/// After a tunnel of the other IP version the kernel takes no other (`validate_tmpl`).
#[test]
fn a_transport_template_is_of_the_version_of_the_one_before_it() {
    let v6 = |last| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]);
    let mode = TemplateMode::Tunnel(AddressPair::new(v6(1), v6(2)).unwrap());
    let transport = Template::new(Proto::Ah, TemplateMode::Transport, Level::Require);
    let mut policy = web();
    policy.action = Action::Ipsec(vec![transport, Template { mode, ..transport }, transport]);
    let message = message_of(&policy);
    let [XfrmAttrs::Template(templates)] = &message.nlas[..] else { panic!() };
    let families: Vec<u16> = templates.iter().map(|template| template.family).collect();
    assert_eq!(families, [IpVersion::V4, IpVersion::V6, IpVersion::V6].map(IpVersion::family));
}

#[test]
fn limits_of_zero_offload_and_unknown_attributes_are_written_again() {
    // By linux/xfrm.h: xfrm_user_offload of `lo` with flags of an inbound policy, and an attribute of a later kernel.
    let object = full_object(|message| {
        message.user_policy_info.lifetime_cfg.hard_byte_limit = 0;
        message.user_policy_info.lifetime_cfg.soft_packet_limit = 0;
        // Packets, inbound.
        let flags = 4 | 2;
        message.nlas.push(XfrmAttrs::OffloadDevice(UserOffloadDev { ifindex: 1, flags }));
    });
    let entry = read(&object, &devices()).unwrap().unwrap();
    assert_eq!(entry.policy.zero_limits.words().collect::<Vec<_>>(), ["bh", "ps"]);
    assert_eq!(entry.policy.offload, Some("lo".parse().unwrap()));
    let again = read(&written(&entry), &devices()).unwrap().unwrap();
    assert_eq!(again.policy, entry.policy);
    let object = full_object(|message| {
        message.nlas.push(XfrmAttrs::Other(DefaultNla::new(60, vec![1, 2, 3, 4])));
    });
    let entry = read(&object, &devices()).unwrap().unwrap();
    assert_eq!(entry.policy.unknown[0].number, 60);
    let again = read(&written(&entry), &devices()).unwrap().unwrap();
    assert_eq!(again.policy, entry.policy);
}
