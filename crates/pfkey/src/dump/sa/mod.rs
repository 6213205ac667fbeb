mod of_entry;
mod of_message;

use std::{borrow::Cow, fmt, num::NonZeroU64};

use model::{Current, Key, Lifetimes, Spi, Visible};

use super::{HexText, sec_ctx::SecCtxText, style::Style, time::Time};

/// An SA as `pfkey_sadump` prints it.
pub struct SaText<'a> {
    src: End,
    dst: End,
    proto: Cow<'a, str>,
    mode: Cow<'a, str>,
    spi: Spi,
    reqid: u32,
    /// The original address behind a NAT.
    nat_original: Option<String>,
    compression: Option<Cow<'a, str>>,
    encryption: Option<KeyLine<'a>>,
    authentication: Option<KeyLine<'a>>,
    redact: bool,
    /// The last sequence number.
    sequence: u32,
    window: u32,
    flags: u32,
    state: Cow<'a, str>,
    /// The device that does the work.
    offload: Option<&'a str>,
    lifetimes: Option<(Current, Lifetimes)>,
    now: u64,
    sec_ctx: Option<SecCtxText<'a>>,
    seq: u32,
    pid: u32,
    references: u16,
    style: &'static Style,
}

/// The name of an algorithm, and its key.
struct KeyLine<'a> {
    name: Cow<'a, str>,
    key: &'a Key,
}

/// An address, with the SA's own port and that of NAT traversal.
struct End {
    host: String,
    own_port: Option<u16>,
    nat_port: Option<u16>,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        let ports = self.own_port.into_iter().chain(self.nat_port);
        ports.into_iter().try_for_each(|port| write!(f, "[{port}]"))
    }
}

impl fmt::Display for SaText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { src, dst, proto, mode, spi, reqid, sequence, window, flags, state, .. } = self;
        writeln!(f, "{src} {dst}{}", self.style.after_ends)?;
        writeln!(f, "\t{proto} mode={mode} spi={spi} reqid={reqid}(0x{reqid:08x})")?;
        if let Some(original) = &self.nat_original {
            writeln!(f, "\t{}{original}", self.style.nat_original)?;
        }
        if let Some(compression) = &self.compression {
            // The original ends this line only after the next one.
            write!(f, "\tC: {compression} ")?;
        }
        for (letter, keyed) in [('E', &self.encryption), ('A', &self.authentication)] {
            if let Some(KeyLine { name, key }) = keyed {
                let digits = HexText::of(key.bytes()).redacted(self.redact);
                writeln!(f, "\t{letter}: {name} {digits}")?;
            }
        }
        writeln!(f, "\tseq=0x{sequence:08x} replay={window} flags=0x{flags:08x} state={state} ")?;
        if let Some(device) = self.offload {
            writeln!(f, "\thw offl if: {}", Visible(device))?;
        }
        if let Some((current, limits)) = &self.lifetimes {
            write_lifetimes(f, current, limits, self.now)?;
        }
        if let Some(ctx) = &self.sec_ctx {
            write!(f, "{ctx}")?;
        }
        let Self { seq, pid, references, .. } = self;
        writeln!(f, "\tsadb_seq={seq} pid={pid} refcnt={references}")
    }
}

fn write_lifetimes(
    f: &mut fmt::Formatter<'_>,
    current: &Current,
    Lifetimes { hard, soft }: &Lifetimes,
    now: u64,
) -> fmt::Result {
    let added = current.add_time;
    let age = if added == 0 { 0 } else { now.saturating_sub(added) };
    let pair = |hard, soft| format!("hard: {hard}(s)\tsoft: {soft}(s)");
    writeln!(f, "\tcreated: {}\tcurrent: {}", Time(added), Time(now))?;
    let [hard_packets, hard_bytes, hard_added, hard_used] = hard.numbers();
    let [soft_packets, soft_bytes, soft_added, soft_used] = soft.numbers();
    writeln!(f, "\tdiff: {age}(s)\t{}", pair(hard_added, soft_added))?;
    let first_used = Time(current.use_time.map_or(0, NonZeroU64::get));
    writeln!(f, "\tlast: {first_used}\t{}", pair(hard_used, soft_used))?;
    let now = current.bytes;
    writeln!(f, "\tcurrent: {now}(bytes)\thard: {hard_bytes}(bytes)\tsoft: {soft_bytes}(bytes)")?;
    let now = current.packets;
    writeln!(f, "\tallocated: {now}\thard: {hard_packets}\tsoft: {soft_packets}")
}
