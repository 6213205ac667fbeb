//! Trees to text and back, and any bytes at all.

mod common;

use common::run;
use grammar::{
    Script,
    tree::{
        Algorithm, Algorithms, Command, Context, Detail, DetailWord, Endpoint, Ends, Extension,
        Flag, FragmentOption, Host, Level, MarkText, Node, Offset, Policy, Port, Priority, Range,
        SaEnds, SaName, SaProto, SaSelector, Selection, Selector, Span, Template, Upper,
    },
};
use model::{
    ActionKind, Dialect, Direction, EncapKind, IpTfsSetting, IpVersion, Key, LevelKind,
    PolicyFlags, PolicyType, PriorityBase, Proto, SaDirection, SaFlags, Share, ZeroLimits,
    names::LookUp,
};
use proptest::{option, prelude::*, sample::select};

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

fn proto() -> BoxedStrategy<Option<Node<SaProto>>> {
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

fn ends(port: BoxedStrategy<Option<Node<Port>>>) -> BoxedStrategy<SaEnds> {
    let host = (node(name()), port).prop_map(|(address, port)| Host { address, port });
    (look_up(), host.clone(), host, proto())
        .prop_map(|(look_up, src, dst, proto)| SaEnds { look_up, src, dst, proto })
        .boxed()
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

/// What may stand in policies, too.
fn limit() -> impl Strategy<Value = Extension> {
    prop_oneof![
        any::<u64>().prop_map(Extension::HardUse),
        any::<u64>().prop_map(Extension::SoftBytes),
        any::<u64>().prop_map(Extension::SoftUse),
        any::<u64>().prop_map(Extension::HardPackets),
        any::<u64>().prop_map(Extension::SoftPackets),
        any::<u64>().prop_map(Extension::IfId),
        mark().prop_map(Extension::Mark),
    ]
}

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
        any::<u64>().prop_map(Extension::HardTime),
        any::<u64>().prop_map(Extension::SoftTime),
        any::<u64>().prop_map(Extension::HardBytes),
        any::<u64>().prop_map(Extension::SoftBytes),
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

fn sa_name() -> impl Strategy<Value = Box<SaName>> {
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

fn algorithms() -> impl Strategy<Value = Algorithms> {
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

fn selector() -> impl Strategy<Value = Box<Selector>> {
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

fn selection() -> impl Strategy<Value = Selection> {
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

fn policy() -> BoxedStrategy<Node<Policy>> {
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

fn group_option() -> impl Strategy<Value = Extension> {
    prop_oneof![mark().prop_map(Extension::Mark), any::<u64>().prop_map(Extension::IfId)]
}

fn command() -> impl Strategy<Value = Command> {
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

/// The command without what the dialect does not have.
fn in_dialect(mut command: Command, dialect: Dialect) -> Command {
    let is_freebsd = dialect == Dialect::FreeBsd;
    let own = |extension: &Node<Extension>| match extension.value {
        Extension::Fragment(FragmentOption::EspFrag, _) => dialect == Dialect::NetBsd,
        Extension::Fragment(FragmentOption::NattMtu, _) | Extension::HardwareInterface(_) => {
            is_freebsd
        }
        Extension::HardBytes(_) | Extension::SoftBytes(_) | Extension::Context(_) => !is_freebsd,
        _ => true,
    };
    let proto = |proto: &mut Option<Node<SaProto>>| {
        if is_freebsd && matches!(proto, Some(Node { value: SaProto::EspUdp(_), .. })) {
            *proto = None;
        }
    };
    let ends = |ends: &mut SaEnds| {
        proto(&mut ends.proto);
        if is_freebsd {
            (ends.src.port, ends.dst.port) = (None, None);
        }
    };
    let policy = |policy: &mut Node<Policy>| {
        let policy = &mut policy.value;
        if dialect == Dialect::Linux {
            return;
        }
        policy.priority = None;
        if policy.direction.value == Direction::Fwd {
            policy.direction.value = Direction::In;
        }
        for template in &mut policy.templates {
            if let Some(Node { value: Ends::Addresses(src, dst), .. }) = &mut template.value.ends
                && is_freebsd
            {
                (src.port, dst.port) = (None, None);
            }
        }
    };
    let selector = |selector: &mut Selector| {
        selector.extensions.retain(own);
        if is_freebsd {
            selector.context = None;
        } else if selector.upper.value == Upper::Esp {
            selector.upper.value = Upper::Tcp;
        }
    };
    let options = |options: &mut Vec<Node<Extension>>| {
        options.retain(own);
        for option in options {
            if let Extension::Selector(of_sa) = &mut option.value {
                selector(&mut of_sa.packets);
            }
        }
    };
    match &mut command {
        Command::Update(..) | Command::GetSpi(_) if dialect != Dialect::NetBsd => {
            return Command::SpdDump;
        }
        Command::Add(name, algorithms) | Command::Update(name, algorithms) => {
            ends(&mut name.ends);
            options(&mut name.extensions);
            if let Algorithms::Crypt(crypt, _) = algorithms
                && ["null", "simple"].contains(&crypt.name.value.as_str())
            {
                let key = Node::new(Key::default(), Span::default());
                crypt.key = is_freebsd.then_some(key);
            }
        }
        Command::GetSpi(name) | Command::Get(name) | Command::Delete(name) => {
            ends(&mut name.ends);
            options(&mut name.extensions);
        }
        Command::DeleteAll(all, which) => {
            ends(all);
            options(which);
        }
        Command::Flush(of) | Command::Dump(of) => proto(of),
        Command::SpdUpdate(..) | Command::Exit if is_freebsd => {
            return Command::SpdFlush(PolicyType::Main);
        }
        Command::SpdAdd(what, text) | Command::SpdUpdate(what, text) => {
            if let Selection::Packets(packets) = what {
                selector(packets);
            }
            policy(text);
        }
        Command::SpdDelete(packets, text) => {
            selector(packets);
            policy(text);
        }
        Command::SpdFlush(_) | Command::SpdDump | Command::Exit => {}
    }
    command
}

/// Reads a whole script as `-c` does: on after every error. Must not panic.
fn read_all(script: &[u8]) {
    for &dialect in Dialect::ALL {
        read_all_in(dialect, script);
    }
    let _ = run(script);
}

fn read_all_in(dialect: Dialect, script: &[u8]) {
    for statement in Script::new(script, dialect) {
        match statement {
            Ok(statement) => drop(grammar::lower(&statement, &common::FakeNames)),
            Err(error) => {
                let excerpt = error.excerpt();
                assert!(excerpt.text.get(excerpt.span.start..excerpt.span.end).is_some());
                let _ = (error.original(), error.expected(), error.help(), error.detail());
            }
        }
    }
}

const SCRIPT: &str = "\
add -4 alice 192.0.2.2[500] esp-udp 10.0.0.1 0x1000 -m tunnel -u 7 -r 4 -lh 5 -ls 4 -f zero-pad
 -esn -mark 0x1/5 -ifid 3 -dir in -offload eth0 out packet -keepalive 3 -natt 10.0.0.1[5] ::1[6]
 -ctx 1 1 \"a;b\" -E aes-cbc \"1234567890123456\" -A hmac-md5 0x00112233445566778899aabbccddeeff;
get 192.0.2.1 192.0.2.2 ah 5; delete two both esp 5; deleteall ::1 ::1 ipcomp; # comment; \"
spdadd ::1/64[any] ::1[domain] icmp6 135,0 -ctx 1 2 \"c\" -mark 1 -lh 5 -P in prio high + 5 ipsec
 esp/tunnel/::1[1]-::2[2]/unique:5 ah/transport//require;
spdupdate tagged \"x\" -P out none; spddelete 10.0.0.1 10.0.0.2 gre 1.2.3.4 -P out; exit;";

proptest! {
    #[test]
    fn a_printed_tree_reads_back_in_each_dialect(command in command()) {
        for &dialect in Dialect::ALL {
            let command = in_dialect(command.clone(), dialect);
            let text = command.to_string();
            let read = Script::new(text.as_bytes(), dialect).next().unwrap();
            prop_assert_eq!(read.map(|statement| statement.command), Ok(command), "{}", text);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(script in prop::collection::vec(any::<u8>(), 0..300)) {
        read_all(&script);
    }

    #[test]
    fn a_damaged_script_is_read_or_refused(
        damage in prop::collection::vec((0..SCRIPT.len(), any::<u8>(), any::<bool>()), 1..6),
    ) {
        let mut script = SCRIPT.as_bytes().to_vec();
        for (at, byte, insert) in damage {
            if insert { script.insert(at, byte) } else { script[at] = byte }
        }
        read_all(&script);
    }

    #[test]
    fn words_in_any_order_are_read_or_refused(
        words in prop::collection::vec(select(SCRIPT.split(' ').collect::<Vec<_>>()), 1..30),
        glue in select(vec!["", " ", "\n"]),
    ) {
        read_all(words.join(glue).as_bytes());
    }
}

#[test]
fn the_script_itself_is_good_up_to_the_tag() {
    let statements = Script::new(SCRIPT.as_bytes(), Dialect::Linux).map(Result::unwrap).count();
    assert_eq!(statements, 8);
}
