//! Trees of statements, made up by chance.

mod dialect;
mod policy;
mod sa;

use grammar::tree::{Command, Context, Extension, Limit, MarkText, Node, Port, Span};
use model::{IpVersion, PolicyType, names::LookUp};
use proptest::{option, prelude::*, sample::select};

pub use dialect::in_dialect;
use policy::{policy, selection, selector};
use sa::{algorithms, ends, group_option, proto, sa_name};

fn node<T: std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Node<T>> {
    value.prop_map(|value| Node::new(value, Span::default())).boxed()
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(words).prop_map(str::to_owned)
}

/// Words that are no reserved ones: most look much like one.
fn name() -> BoxedStrategy<String> {
    let tricky = word(&["add1", "esp.example.com", "addx", "any-x", "0x", "1.2", "fe80::1%eth0"]);
    prop_oneof!["h[a-z0-9.-]{0,9}", "[0-9]{1,3}(\\.[0-9]{1,3}){3}", tricky].boxed()
}

fn look_up() -> impl Strategy<Value = LookUp> {
    (select(vec![None, Some(IpVersion::V4), Some(IpVersion::V6)]), any::<bool>())
        .prop_map(|(version, numeric)| LookUp { version, numeric })
}

fn port() -> BoxedStrategy<Option<Node<Port>>> {
    let port = prop_oneof![
        Just(Port::Any),
        any::<u64>().prop_map(Port::Number),
        name().prop_map(Port::Service),
    ];
    option::of(node(port)).boxed()
}

fn context() -> impl Strategy<Value = Context> {
    (any::<u64>(), any::<u64>(), "[^\"]{0,9}").prop_map(|(doi, alg, label)| Context {
        doi,
        alg,
        label: label.into_bytes(),
    })
}

fn mark() -> impl Strategy<Value = MarkText> {
    (any::<u64>(), option::of(any::<u64>())).prop_map(|(value, mask)| MarkText { value, mask })
}

/// The options of SAs and policies alike.
fn limit() -> impl Strategy<Value = Extension> {
    prop_oneof![
        (select(Limit::ALL), any::<u64>())
            .prop_map(|(limit, number)| Extension::Limit(limit, number)),
        any::<u64>().prop_map(Extension::IfId),
        mark().prop_map(Extension::Mark),
    ]
}

pub fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (sa_name(), algorithms()).prop_map(|(name, algorithms)| Command::Add(name, algorithms)),
        (sa_name(), algorithms()).prop_map(|(name, algorithms)| Command::Update(name, algorithms)),
        sa_name().prop_map(Command::GetSpi),
        sa_name().prop_map(Command::Get),
        sa_name().prop_map(Command::Delete),
        (ends(Just(None).boxed()), prop::collection::vec(node(group_option()), 0..3))
            .prop_map(|(ends, options)| Command::DeleteAll(Box::new(ends), options)),
        proto().prop_map(Command::Flush),
        proto().prop_map(Command::Dump),
        (selection(), policy()).prop_map(|(what, policy)| Command::SpdAdd(what, policy)),
        (selection(), policy()).prop_map(|(what, policy)| Command::SpdUpdate(what, policy)),
        (selector(), policy()).prop_map(|(what, policy)| Command::SpdDelete(what, policy)),
        select(PolicyType::ALL).prop_map(Command::SpdFlush),
        Just(Command::SpdDump),
        Just(Command::Exit),
    ]
}
