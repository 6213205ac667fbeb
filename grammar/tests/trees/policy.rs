use grammar::tree::{
    Detail, DetailWord, Endpoint, Ends, Extension, Level, Node, Offset, Policy, Priority, Range,
    Selection, Selector, Template, Upper,
};
use model::{
    ActionKind, Direction, LevelKind, PolicyFlags, PolicyType, PriorityBase, Proto, Share,
    ZeroLimits,
};
use proptest::{option, prelude::*, sample::select};

use super::{context, limit, look_up, name, node, port};

/// The options of policies alone.
fn policy_option() -> impl Strategy<Value = Extension> {
    let device = || "[a-zA-Z0-9_.:@=+%-]{1,15}";
    prop_oneof![
        device().prop_map(Extension::Device),
        device().prop_map(Extension::PolicyOffload),
        any::<(u64, u64)>().prop_map(|(src, dst)| Extension::PortMasks(src, dst)),
        any::<u64>().prop_map(Extension::User),
        select(PolicyType::ALL).prop_map(Extension::PolicyType),
        select(vec![1, 2, 4, 8, 0x80])
            .prop_map(|bits| Extension::PolicyFlag(PolicyFlags::from_bits(bits))),
        Just(Extension::NoForwardCopy),
        select(ZeroLimits::WORDS.to_vec())
            .prop_map(|word| Extension::ZeroLimit(word.parse().expect("a word"))),
    ]
}

pub(super) fn selector() -> impl Strategy<Value = Box<Selector>> {
    let range = (node(name()), option::of(node(any::<u64>())), port())
        .prop_map(|(address, prefix, port)| Range { address, prefix, port });
    let upper = prop_oneof![
        Just(Upper::Any),
        Just(Upper::Tcp),
        Just(Upper::Esp),
        any::<u64>().prop_map(Upper::Number),
        name().prop_map(Upper::Name),
    ];
    let misc = prop_oneof![name().boxed(), "[0-9]{0,3},[0-9,]{0,3}".boxed()];
    let (misc, context) = (option::of(node(misc)), option::of(node(context())));
    let extensions = prop::collection::vec(node(prop_oneof![limit(), policy_option()]), 0..3);
    (look_up(), range.clone(), range, node(upper), misc, context, extensions).prop_map(
        |(look_up, src, dst, upper, misc, context, extensions)| {
            Box::new(Selector { look_up, src, dst, upper, misc, context, extensions })
        },
    )
}

pub(super) fn selection() -> impl Strategy<Value = Selection> {
    let tag = "[^\"]{0,9}".prop_map(String::into_bytes);
    prop_oneof![selector().prop_map(Selection::Packets), node(tag).prop_map(Selection::Tagged),]
}

fn priority() -> impl Strategy<Value = Priority> {
    let offset = || (any::<bool>(), any::<u64>()).prop_map(|(later, by)| Offset { later, by });
    let base = select(vec![PriorityBase::Low, PriorityBase::Def, PriorityBase::High]);
    prop_oneof![
        offset().prop_map(|offset| Priority::From { base: None, offset: Some(offset) }),
        (base, option::of(offset()))
            .prop_map(|(base, offset)| Priority::From { base: Some(base), offset }),
        any::<u64>().prop_map(Priority::Number),
    ]
}

fn template() -> impl Strategy<Value = Template> {
    let address = || node(prop_oneof!["[0-9]{1,3}(\\.[0-9]{1,3}){3}", "fe80::_x%eth[0-9]"]);
    let ends = prop_oneof![
        Just(Ends::MeAny),
        Just(Ends::AnyMe),
        (address(), address(), option::of((any::<u64>(), any::<u64>()))).prop_map(
            |(src, dst, ports)| {
                let (src_port, dst_port) = ports.unzip();
                Ends::Addresses(
                    Endpoint { address: src, port: src_port },
                    Endpoint { address: dst, port: dst_port },
                )
            }
        ),
    ];
    let level = prop_oneof![
        select(LevelKind::ALL).prop_map(|kind| Level { kind, number: None }),
        any::<u64>().prop_map(|number| Level { kind: LevelKind::Unique, number: Some(number) }),
    ];
    let details = prop::collection::vec(node(detail()), 0..3);
    let (proto, mode) = (select(Proto::ALL), select(model::Mode::ALL));
    (proto, mode, option::of(node(ends)), option::of(level), details).prop_map(
        |(proto, mode, ends, level, details)| {
            // They follow a level.
            let details = if level.is_some() { details } else { Vec::new() };
            Template { proto, mode, ends, level, details }
        },
    )
}

fn detail() -> impl Strategy<Value = Detail> {
    let numbers: Vec<_> =
        DetailWord::ALL.iter().copied().filter(|word| *word != DetailWord::Share).collect();
    prop_oneof![
        (select(numbers), any::<u64>()).prop_map(|(word, number)| Detail::Number(word, number)),
        any::<u8>().prop_map(|number| Detail::Share(Share(number))),
    ]
}

pub(super) fn policy() -> BoxedStrategy<Node<Policy>> {
    let direction = || node(select(vec![Direction::In, Direction::Out, Direction::Fwd]));
    let action = select(ActionKind::ALL);
    let templates = prop::collection::vec(node(template()), 0..4);
    let bare = direction().prop_map(|direction| Policy {
        direction,
        priority: None,
        action: None,
        templates: Vec::new(),
    });
    let full = (direction(), option::of(node(priority())), node(action), templates).prop_map(
        |(direction, priority, action, templates)| Policy {
            direction,
            priority,
            action: Some(action),
            templates,
        },
    );
    node(prop_oneof![1 => bare, 4 => full])
}
