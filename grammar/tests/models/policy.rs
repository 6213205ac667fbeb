//! Policies by chance.

use std::num::NonZeroU32;

use model::{
    Action, AddressPair, AlgorithmMasks, Direction, Level, Mode, Policy, PolicyFlags, PolicyId,
    PolicyType, Priority, Proto, ReqId, Share, Spi, Template, TemplateDetails, TemplateMode,
    ZeroLimits,
};
use proptest::{option, prelude::*, sample::select};

use super::{lifetimes, mark, packets, pair, sec_ctx};

fn template() -> impl Strategy<Value = Template> {
    let mode = (select(Mode::ALL), prop_oneof![Just(AddressPair::UNSPECIFIED), pair()]);
    let mode = mode.prop_map(|(mode, ends)| TemplateMode::new(mode, ends));
    let level = prop_oneof![
        select(vec![Level::Default, Level::Use, Level::Require, Level::Unique(None)]),
        any::<u32>().prop_map(|reqid| Level::of_reqid(ReqId::new(reqid))),
    ];
    let share = option::of(prop_oneof![0..4u8, any::<u8>()].prop_map(Share));
    let masks = prop_oneof![Just((u32::MAX, 0, 1)), any::<(u32, u32, u32)>()];
    let details = (any::<u32>(), option::of(1..=u32::MAX), masks, share);
    let proto = select(Proto::ALL);
    (proto, mode, level, details).prop_map(|(proto, mode, level, (reqid, spi, masks, share))| {
        let mut template = Template::new(proto, mode, level);
        template.details = TemplateDetails {
            reqid: ReqId::new(reqid).filter(|_| matches!(level, Level::Default | Level::Use)),
            spi: spi.map(Spi),
            algorithms: AlgorithmMasks { crypt: masks.0, auth: masks.1, comp: masks.2 },
            share: None,
        };
        if let Some(share) = share {
            template.set_share(share);
        }
        template
    })
}

pub fn policy() -> impl Strategy<Value = Policy> {
    let direction = select(vec![Direction::In, Direction::Out, Direction::Fwd]);
    let action = prop_oneof![
        Just(Action::Discard),
        Just(Action::None),
        prop::collection::vec(template(), 0..=6).prop_map(Action::Ipsec),
    ];
    let priority = prop_oneof![
        select(vec![0, 1, u32::MAX, 0x5FFF_FFFF, 0x6000_0000, 0x8000_0000, 0xA000_0000]),
        any::<u32>(),
    ];
    let id = (packets(), direction, sec_ctx(), mark(), any::<u32>(), select(PolicyType::ALL));
    let device = option::of("[a-zA-Z0-9_.:@=+%-]{1,15}");
    let unused = prop::collection::vec(template(), 0..=6);
    (id, priority, action, lifetimes(), any::<u8>(), device, unused).prop_map(
        |(id, priority, mut action, lifetimes, flags, device, mut unused_templates)| {
            let (selector, direction, sec_ctx, mark, if_id, policy_type) = id;
            let if_id = NonZeroU32::new(if_id);
            let name = PolicyId::new(selector, direction);
            let id = PolicyId { sec_ctx, mark, if_id, policy_type, ..name };
            if action != Action::Discard {
                unused_templates.clear();
            }
            if let (Direction::Out, Action::Ipsec(templates)) = (direction, &mut action) {
                // No statement has `use` for these.
                let is_never_optional =
                    |it: &Template| matches!(it.mode.mode(), Mode::Beet | Mode::IpTfs);
                templates.retain(|it| !(is_never_optional(it) && it.level == Level::Use));
            }
            // A template of a policy that drops its packets is written with its share.
            for template in &mut unused_templates {
                template.details.share = template.details.share.or(Some(Share(0)));
            }
            Policy {
                priority: Priority(priority),
                lifetimes,
                zero_limits: ZeroLimits::new([1, 2, 4, 8].map(|bit| flags & bit != 0)),
                flags: PolicyFlags::from_bits(flags),
                offload: device.map(|device| device.parse().expect("a name")),
                unused_templates,
                ..Policy::new(id, action)
            }
        },
    )
}
