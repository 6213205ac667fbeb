mod of_entry;
mod of_message;

use std::fmt;

use model::{Priority, Upper, Visible};

use super::{PortText, UpperText, sec_ctx::SecCtxText, style::Style, time::Time};

/// A policy as `pfkey_spdump` prints it.
pub struct PolicyText<'a> {
    packets: Packets,
    /// Heading and templates, a line each.
    policy: String,
    /// When it was added, and when it was used last, Unix seconds.
    times: Option<(u64, u64)>,
    /// Its limits in seconds, from when it was added and from its last use.
    limits: Option<(u64, u64)>,
    sec_ctx: Option<SecCtxText<'a>>,
    index: u32,
    seq: u32,
    pid: u32,
    references: u16,
    /// The device that it is limited to.
    device: Option<&'a str>,
    style: &'static Style,
}

/// The packets of a policy.
enum Packets {
    /// Those of a socket.
    OfSocket,
    /// The message does not name them.
    Unknown,
    Of(SelectorText),
}

/// `SRC[PORT] DST[PORT] PROTO`; a protocol without ports has its numbers behind it instead.
struct SelectorText {
    /// The source with its prefix length, unless it is a host.
    src: String,
    dst: String,
    src_port: u16,
    dst_port: u16,
    upper: Upper,
    style: &'static Style,
}

impl fmt::Display for SelectorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self { ref src, ref dst, src_port, dst_port, upper, style } = self;
        let name = UpperText(upper, style.dialect);
        if !style.portless.contains(&upper) {
            return write!(f, "{src}{} {dst}{} {name}", PortText(src_port), PortText(dst_port));
        }
        write!(f, "{src} {dst} {name}")?;
        match (src_port, dst_port) {
            (0, 0) => Ok(()),
            (high, low) if upper == Upper::GRE => {
                write!(f, " {}", u32::from(high) << 16 | u32::from(low))
            }
            (kind, code) => write!(f, " {kind},{code}"),
        }
    }
}

/// Direction, priority and action: `out prio def + 7 ipsec`.
pub struct PolicyHeading {
    /// The word of the direction.
    pub direction: &'static str,
    /// 0 is not shown.
    pub priority: Priority,
    /// The word of the action.
    pub action: &'static str,
}

impl fmt::Display for PolicyHeading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.direction)?;
        if self.priority != Priority(0) {
            write!(f, "{} ", self.priority)?;
        }
        f.write_str(self.action)
    }
}

impl fmt::Display for PolicyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.packets {
            Packets::OfSocket => f.write_str("(per-socket policy) ")?,
            Packets::Unknown => f.write_str("(no selector, probably per-socket policy) ")?,
            Packets::Of(selector) => write!(f, "{selector}")?,
        }
        writeln!(f, "\n\t{}", self.policy)?;
        if let Some((added, used)) = self.times {
            writeln!(f, "\tcreated: {}  lastused: {}", Time(added), Time(used))?;
        }
        if let Some((lifetime, valid_time)) = self.limits {
            writeln!(f, "\tlifetime: {lifetime}(s) validtime: {valid_time}(s)")?;
        }
        if let Some(ctx) = &self.sec_ctx {
            write!(f, "{ctx}")?;
        }
        let Self { index, seq, pid, references, .. } = self;
        write!(f, "\tspid={index} seq={seq} pid={pid}")?;
        match self.device {
            _ if !self.style.scope => {}
            None => write!(f, " scope=global ")?,
            Some(device) => write!(f, " scope=ifnet ifname={}", Visible(device))?,
        }
        writeln!(f, "\n\trefcnt={references}")
    }
}
