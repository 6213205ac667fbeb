use std::io::{self, Write};

use cli::{PortText, PrefixText, RequestStyle, RequestText, UpperText};
use model::{Dialect, PolicyEntry, Selector, Upper};
use pfkey::spd::references;

use super::{Frame, time::Time, write_sec_ctx};

/// One policy, as `pfkey_spdump` of libipsec prints it.
pub fn write_policy(out: &mut impl Write, entry: &PolicyEntry, frame: &Frame) -> io::Result<()> {
    let policy = &entry.policy;
    if entry.socket {
        writeln!(out, "(per-socket policy) ")?;
    } else {
        write_selector(out, &policy.id.selector, frame.dialect)?;
    }
    let socket = if entry.socket { "(socket)" } else { "" };
    write!(out, "\t{}{socket} ", policy.id.direction.name())?;
    // The BSDs' kernels have no priorities.
    if policy.priority.0 != 0 && !frame.dialect.is_bsd() {
        write!(out, "{} ", policy.priority)?;
    }
    writeln!(out, "{}", policy.action.name())?;
    for request in policy.action.requests() {
        writeln!(out, "\t{}", RequestText(request, RequestStyle::Dump { ports: frame.ports }))?;
    }
    let (added, used) = (Time(entry.current.add_time), Time(entry.current.use_time));
    writeln!(out, "\tcreated: {added}  lastused: {used}")?;
    let hard = &policy.lifetimes.hard;
    writeln!(out, "\tlifetime: {}(s) validtime: {}(s)", hard.add_seconds, hard.use_seconds)?;
    if let Some(ctx) = &policy.id.sec_ctx {
        write_sec_ctx(out, ctx)?;
    }
    let scope = if frame.dialect == Dialect::FreeBsd { " scope=global" } else { "" };
    writeln!(out, "\tspid={} seq={} pid={}{scope}", entry.index, frame.seq, frame.pid)?;
    let references = frame.references.unwrap_or_else(|| references(entry, frame.now));
    writeln!(out, "\trefcnt={references}")
}

/// `SRC[PORT] DST[PORT] PROTO`; ICMP, MH and GRE have their numbers behind the protocol instead.
fn write_selector(out: &mut impl Write, selector: &Selector, dialect: Dialect) -> io::Result<()> {
    let (src, dst) = (PrefixText(selector.src()), PrefixText(selector.dst()));
    let (src_port, dst_port) = (selector.src_port, selector.dst_port);
    let upper = UpperText(selector.upper, dialect);
    if selector.upper.has_type_and_code() {
        write!(out, "{src} {dst} {upper}")?;
        if (src_port, dst_port) != (0, 0) {
            write!(out, " {src_port},{dst_port}")?;
        }
        return writeln!(out);
    }
    if selector.upper == Upper::GRE {
        write!(out, "{src} {dst} {upper}")?;
        let key = u32::from(src_port) << 16 | u32::from(dst_port);
        if key != 0 {
            write!(out, " {key}")?;
        }
        return writeln!(out);
    }
    writeln!(out, "{src}{} {dst}{} {upper}", PortText(src_port), PortText(dst_port))
}

#[cfg(test)]
mod tests {
    use model::{
        Action, Current, Direction, Endpoints, Form, Level, Lifetimes, Policy, PolicyId, Prefix,
        Priority, Proto, ReqId, Request, RequestMode,
    };

    use super::*;

    fn entry(upper: Upper, ports: (u16, u16), action: Action) -> PolicyEntry {
        let src = Prefix::new([10, 0, 0, 0].into(), Some(24)).unwrap();
        let dst = Prefix::host([10, 1, 0, 1].into());
        let mut selector = Selector::new(src, dst).unwrap();
        selector.upper = upper;
        (selector.src_port, selector.dst_port) = ports;
        let policy = Policy {
            id: PolicyId::new(selector, Direction::Out),
            priority: Priority::DEFAULT,
            action,
            lifetimes: Lifetimes::default(),
        };
        let form = Form::plain(&policy);
        PolicyEntry { policy, form, index: 9, socket: false, current: Current::default() }
    }

    fn dump(entry: &PolicyEntry, ports: bool) -> String {
        let frame = Frame { ports, pid: 42, seq: 6, ..Frame::default() };
        let mut out = Vec::new();
        write_policy(&mut out, entry, &frame).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn first_line(entry: &PolicyEntry) -> String {
        dump(entry, false).lines().next().unwrap().to_owned()
    }

    #[test]
    fn a_tunnel_with_each_kind_of_unique() {
        let ends = Endpoints::new([1, 2, 3, 4].into(), [5, 6, 7, 8].into()).unwrap();
        let request =
            |proto, mode, id| Request { proto, mode, level: Level::Unique(Some(ReqId(id))) };
        let action = Action::Ipsec(vec![
            request(Proto::Esp, RequestMode::Tunnel(ends), 3),
            request(Proto::Ah, RequestMode::Transport, 16384),
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
    fn each_dialect_has_its_any() {
        let entry = entry(Upper::Any, (0, 0), Action::None);
        let lines = |dialect| {
            let frame = Frame { dialect, ..Frame::default() };
            let mut out = Vec::new();
            write_policy(&mut out, &entry, &frame).unwrap();
            String::from_utf8(out).unwrap()
        };
        let netbsd = lines(Dialect::NetBsd);
        assert!(netbsd.starts_with("10.0.0.0/24[any] 10.1.0.1[any] 255(reserved)\n\tout none\n"));
        let freebsd = lines(Dialect::FreeBsd);
        assert!(freebsd.starts_with("10.0.0.0/24[any] 10.1.0.1[any] any\n\tout none\n"));
        assert!(freebsd.contains("\tspid=9 seq=0 pid=0 scope=global\n\trefcnt="));
    }

    #[test]
    fn a_socket_policy_says_so() {
        let mut entry = entry(Upper::Any, (0, 0), Action::Discard);
        entry.socket = true;
        entry.policy.priority = Priority(0);
        assert!(dump(&entry, false).starts_with("(per-socket policy) \n\tout(socket) discard\n"));
    }
}
