use grammar::tree::{
    Algorithms, Command, Ends, Extension, FragmentOption, Limit, Node, Policy, SaEnds, SaProto,
    Selection, Selector, Span, Upper,
};
use model::{Dialect, Direction, Key, PolicyType};

/// The command without what the dialect does not have.
pub fn in_dialect(mut command: Command, dialect: Dialect) -> Command {
    let is_freebsd = dialect == Dialect::FreeBsd;
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
    let options = |options: &mut Vec<Node<Extension>>| {
        options.retain(|extension| is_of(extension, dialect));
        for option in options {
            if let Extension::Selector(of_sa) = &mut option.value {
                selector(&mut of_sa.packets, dialect);
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
                selector(packets, dialect);
            }
            policy(&mut text.value, dialect);
        }
        Command::SpdDelete(packets, text) => {
            selector(packets, dialect);
            policy(&mut text.value, dialect);
        }
        Command::SpdFlush(_) | Command::SpdDump | Command::Exit => {}
    }
    command
}

fn is_of(extension: &Node<Extension>, dialect: Dialect) -> bool {
    match extension.value {
        Extension::Fragment(FragmentOption::EspFrag, _) => dialect == Dialect::NetBsd,
        Extension::Fragment(FragmentOption::NattMtu, _) | Extension::HardwareInterface(_) => {
            dialect == Dialect::FreeBsd
        }
        Extension::Limit(Limit::HardBytes | Limit::SoftBytes, _) | Extension::Context(_) => {
            dialect != Dialect::FreeBsd
        }
        _ => true,
    }
}

fn policy(policy: &mut Policy, dialect: Dialect) {
    if dialect == Dialect::Linux {
        return;
    }
    policy.priority = None;
    if policy.direction.value == Direction::Fwd {
        policy.direction.value = Direction::In;
    }
    for template in &mut policy.templates {
        if let Some(Node { value: Ends::Addresses(src, dst), .. }) = &mut template.value.ends
            && dialect == Dialect::FreeBsd
        {
            (src.port, dst.port) = (None, None);
        }
    }
}

fn selector(selector: &mut Selector, dialect: Dialect) {
    selector.extensions.retain(|extension| is_of(extension, dialect));
    if dialect == Dialect::FreeBsd {
        selector.context = None;
    } else if selector.upper.value == Upper::Esp {
        selector.upper.value = Upper::Tcp;
    }
}
