use std::{fmt::Write, num::NonZeroU64};

use model::{DeviceName, PolicyEntry, Priority, Selector};

use super::{Packets, PolicyHeading, PolicyText, SelectorText};
use crate::{
    dump::{
        Frame, PrefixText, TemplateText,
        style::{Style, Times},
        words,
    },
    entry::references,
};

impl<'a> PolicyText<'a> {
    /// The text of an entry of the SPD.
    #[must_use]
    pub fn of_entry(entry: &'a PolicyEntry, frame: &Frame) -> Self {
        let policy = &entry.policy;
        let style = Style::of(frame.dialect);
        let [.., lifetime, valid_time] = policy.lifetimes.hard.numbers();
        let last_used = entry.current.use_time.map_or(0, NonZeroU64::get);
        let has_times = match style.times {
            Times::Always => true,
            Times::OfLimited => lifetime != 0,
            Times::Never => false,
        };
        let references = frame.references.or(style.policy_references);
        Self {
            packets: if entry.socket {
                Packets::OfSocket
            } else {
                Packets::Of(selector(&policy.id.selector, style))
            },
            policy: heading_and_templates(entry, frame),
            times: has_times.then_some((entry.current.add_time, last_used)),
            limits: has_times.then_some((lifetime, valid_time)),
            sec_ctx: policy.id.sec_ctx.as_ref().filter(|_| style.sec_ctx).map(Into::into),
            index: entry.index,
            seq: frame.seq,
            pid: frame.pid,
            references: references.unwrap_or_else(|| references::in_dump(entry, frame.now)),
            device: policy.id.selector.device.as_ref().map(DeviceName::as_str),
            style,
        }
    }
}

fn selector(selector: &Selector, style: &'static Style) -> SelectorText {
    SelectorText {
        src: PrefixText(selector.src()).to_string(),
        dst: PrefixText(selector.dst()).to_string(),
        src_port: selector.src_port,
        dst_port: selector.dst_port,
        upper: selector.upper,
        style,
    }
}

fn heading_and_templates(entry: &PolicyEntry, frame: &Frame) -> String {
    let policy = &entry.policy;
    let heading = PolicyHeading {
        direction: words::direction_of(policy.id.direction, entry.socket),
        // The BSDs' kernels have no priorities.
        priority: if frame.dialect.is_bsd() { Priority(0) } else { policy.priority },
        action: policy.action.word(),
    };
    let mut text = heading.to_string();
    for request in policy.action.templates() {
        let _ = write!(text, "\n\t{}", TemplateText::dumped(request, frame.ports));
    }
    text
}

#[cfg(test)]
mod tests {
    use model::{
        Action, AddressPair, Current, Direction, Installation, Level, Policy, PolicyId, Prefix,
        Proto, ReqId, Template, TemplateMode, Upper,
    };

    use super::*;

    fn entry(upper: Upper, ports: (u16, u16), action: Action) -> PolicyEntry {
        let src = Prefix::new([10, 0, 0, 0].into(), Some(24)).unwrap();
        let dst = Prefix::host([10, 1, 0, 1].into());
        let mut selector = Selector::new(src, dst).unwrap();
        selector.upper = upper;
        (selector.src_port, selector.dst_port) = ports;
        let policy = Policy::new(PolicyId::new(selector, Direction::Out), action);
        let installation = Installation::plain(&policy);
        PolicyEntry { policy, installation, index: 9, socket: false, current: Current::default() }
    }

    fn dump(entry: &PolicyEntry, ports: bool) -> String {
        let frame = Frame { ports, pid: 42, seq: 6, ..Frame::default() };
        PolicyText::of_entry(entry, &frame).to_string()
    }

    fn first_line(entry: &PolicyEntry) -> String {
        dump(entry, false).lines().next().unwrap().to_owned()
    }

    #[test]
    fn a_tunnel_with_each_kind_of_unique() {
        let ends = AddressPair::new([1, 2, 3, 4].into(), [5, 6, 7, 8].into()).unwrap();
        let request = |proto, mode, id| Template::new(proto, mode, Level::Unique(ReqId::new(id)));
        let action = Action::Ipsec(vec![
            request(Proto::Esp, TemplateMode::Tunnel(ends), 3),
            request(Proto::Ah, TemplateMode::Transport, 16384),
        ]);
        let entry = entry(Upper::Number(6), (0, 80), action);
        let blank = " ".repeat(20);
        assert_eq!(
            dump(&entry, false),
            format!(
                "10.0.0.0/24[any] 10.1.0.1[80] tcp\n\
                 \tout prio def ipsec\n\
                 \tesp/tunnel/1.2.3.4-5.6.7.8/unique:3\n\
                 \tah/transport//unique#16384\n\
                 \tcreated: {blank}  lastused: {blank}\n\
                 \tlifetime: 0(s) validtime: 0(s)\n\
                 \tspid=9 seq=6 pid=42\n\
                 \trefcnt=2\n"
            )
        );
        assert!(dump(&entry, true).contains("\tesp/tunnel/1.2.3.4[0]-5.6.7.8[0]/unique:3\n"));
    }

    #[test]
    fn protocols_without_ports_have_no_brackets() {
        for (upper, ports, line) in [
            (Upper::ICMP, (0, 0), "10.0.0.0/24 10.1.0.1 icmp"),
            (Upper::ICMPV6, (135, 0), "10.0.0.0/24 10.1.0.1 ipv6-icmp 135,0"),
            (Upper::MH, (1, 2), "10.0.0.0/24 10.1.0.1 mobility-header 1,2"),
            (Upper::GRE, (0x0102, 0x0304), "10.0.0.0/24 10.1.0.1 gre 16909060"),
            (Upper::Any, (0, 0), "10.0.0.0/24[any] 10.1.0.1[any] 255"),
            (Upper::Number(254), (0, 0), "10.0.0.0/24[any] 10.1.0.1[any] 254"),
        ] {
            assert_eq!(first_line(&entry(upper, ports, Action::None)), line);
        }
    }

    #[test]
    fn a_device_is_a_scope_of_freebsd() {
        let mut entry = entry(Upper::Any, (0, 0), Action::None);
        entry.policy.id.selector.device = Some("em0".parse().unwrap());
        let last_lines = |dialect| {
            let text = PolicyText::of_entry(&entry, &Frame { dialect, ..Frame::default() });
            text.to_string().split("\tspid=9 ").nth(1).unwrap().to_owned()
        };
        let freebsd = "seq=0 pid=0 scope=ifnet ifname=em0\n\trefcnt=1\n";
        assert_eq!(last_lines(model::Dialect::FreeBsd), freebsd);
        assert_eq!(last_lines(model::Dialect::NetBsd), "seq=0 pid=0\n\trefcnt=0\n");
    }

    /// Root of a container names its devices.
    #[test]
    fn a_device_has_no_control_characters() {
        let mut entry = entry(Upper::Any, (0, 0), Action::None);
        entry.policy.id.selector.device = Some("a\x1b[2Jb".parse().unwrap());
        let frame = Frame { dialect: model::Dialect::FreeBsd, ..Frame::default() };
        let text = PolicyText::of_entry(&entry, &frame).to_string();
        assert!(text.contains("ifname=a\\u{1b}[2Jb\n"), "{text:?}");
    }

    #[test]
    fn a_socket_policy_has_no_selector() {
        let mut entry = entry(Upper::Any, (0, 0), Action::Discard);
        entry.socket = true;
        entry.policy.priority = Priority(0);
        assert!(dump(&entry, false).starts_with("(per-socket policy) \n\tout(socket) discard\n"));
    }
}
