use std::{
    fmt::{self, Write},
    num::{NonZeroU16, NonZeroU64},
};

use cli::{Column, Keys};
use model::{IpTfs, KeyText, Keyed, ReplayState, ReqId, SaDirection, SaStats, Selector, Visible};

use super::ShownSa;
use crate::show::{cells, selector};

/// The columns of `show sas`.
pub const COLUMNS: [Column<ShownSa>; 38] = [
    Column::new("src", 1, |it, cell| {
        let port = it.entry.sa.encap.and_then(|encap| encap.src_port);
        end(it.entry.sa.ends.src(), port, cell)
    }),
    Column::new("dst", 0, |it, cell| {
        let port = it.entry.sa.encap.and_then(|encap| encap.dst_port);
        end(it.entry.sa.ends.dst(), port, cell)
    }),
    Column::new("protocol", 2, |it, cell| cell.write_str(it.entry.sa.proto.word())),
    Column::new("spi", 3, |it, cell| write!(cell, "{:#x}", it.entry.sa.spi.0)),
    Column::new("mode", 4, |it, cell| {
        cell.write_str(it.entry.sa.mode.installed().word())?;
        cell.write_str(if it.entry.sa.mode.is_any() { "(any)" } else { "" })
    }),
    Column::new("state", 5, |it, cell| cell.write_str(it.entry.state.word())),
    Column::new("left", 6, |it, cell| {
        cells::left(cell, &it.entry.sa.lifetimes, &it.entry.current, it.now)
    }),
    Column::new("last_used", 8, |it, cell| cells::ago(cell, it.now, it.entry.last_used)),
    Column::new("dropped", 9, |it, cell| dropped(&it.entry.stats, cell)),
    Column::new("packets", 10, |it, cell| write!(cell, "{}", it.entry.current.packets)),
    Column::new("bytes", 11, |it, cell| write!(cell, "{}", it.entry.current.bytes)),
    Column::new("reqid", 12, |it, cell| {
        cells::optional(cell, it.entry.sa.reqid.map(ReqId::number))
    }),
    Column::new("direction", 13, |it, cell| {
        cells::optional(cell, it.entry.sa.direction.map(SaDirection::word))
    }),
    Column::new("mark", 14, |it, cell| cells::mark(cell, it.entry.sa.mark)),
    Column::new("output_mark", 15, |it, cell| cells::mark(cell, it.entry.sa.output_mark)),
    Column::new("if_id", 16, |it, cell| cells::optional(cell, it.entry.sa.if_id)),
    Column::new("device", 17, |it, cell| {
        let device = it.entry.sa.selector.and_then(|selector| selector.device);
        cells::optional(cell, device.as_ref().map(|device| Visible(device.as_str())))
    }),
    Column::new("offload", 18, |it, cell| {
        let Some(offload) = &it.entry.sa.offload else { return Ok(()) };
        let kind = if offload.packet { "packet" } else { "crypto" };
        let device = Visible(offload.device.as_str());
        write!(cell, "{device}/{}/{kind}", offload.direction.word())
    }),
    Column::new("encapsulation", 19, |it, cell| {
        cells::optional(cell, it.entry.sa.encap.map(|encap| encap.kind.word()))
    }),
    Column::new("policies", 7, |it, cell| cells::first(cell, it.policies.iter())),
    Column::new("encryption", 20, |it, cell| keyed(it, it.entry.sa.crypt.as_ref(), cell)),
    Column::new("authentication", 21, |it, cell| keyed(it, it.entry.sa.auth.as_ref(), cell)),
    Column::new("aead", 19, |it, cell| keyed(it, it.entry.sa.aead.as_ref(), cell)),
    Column::new("compression", 22, |it, cell| {
        cells::optional(cell, it.entry.sa.comp.map(|algorithm| Visible(algorithm.name)))
    }),
    Column::new("security_context", 23, |it, cell| {
        cells::context(cell, it.entry.sa.sec_ctx.as_ref())
    }),
    Column::new("selector", 24, |it, cell| {
        it.entry.sa.selector.as_ref().map_or(Ok(()), |selector| write_selector(selector, cell))
    }),
    Column::long("added", |it, cell| {
        cells::ago(cell, it.now, NonZeroU64::new(it.entry.current.add_time))
    }),
    Column::long("replay_window", |it, cell| write!(cell, "{}", it.entry.sa.replay_window)),
    Column::long("esn", |it, cell| cell.write_str(if it.entry.sa.esn { "yes" } else { "" })),
    Column::long("flags", |it, cell| cells::words(cell, it.entry.sa.flags.words())),
    Column::long("sequence", |it, cell| sequence(&it.entry.sa.replay_state, cell)),
    Column::long("nat_keepalive", |it, cell| cells::optional(cell, it.entry.sa.nat_keepalive)),
    Column::long("mapping_interval", |it, cell| {
        cells::optional(cell, it.entry.sa.mapping_interval)
    }),
    Column::long("tfc_padding", |it, cell| cells::optional(cell, it.entry.sa.tfc_padding)),
    Column::long("cpu", |it, cell| cells::optional(cell, it.entry.sa.cpu)),
    Column::long("care_of", |it, cell| cells::optional(cell, it.entry.sa.care_of)),
    Column::long("iptfs", |it, cell| iptfs(&it.entry.sa.iptfs, cell)),
    Column::long("unknown_attributes", |it, cell| {
        cells::words(cell, it.entry.sa.unknown.iter().map(|attribute| attribute.number))
    }),
];

/// The packets that were dropped, by reason.
fn dropped(stats: &SaStats, cell: &mut String) -> fmt::Result {
    let &SaStats { replay_window, replay, integrity_failed } = stats;
    let counts = [
        ("integrity_failed", integrity_failed),
        ("replay", replay),
        ("replay_window", replay_window),
    ];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    cells::words(cell, counts.map(|(name, count)| format!("{name}:{count}")))
}

/// The last numbers sent and received, of an SA that was used.
fn sequence(state: &ReplayState, cell: &mut String) -> fmt::Result {
    if state.is_new() {
        return Ok(());
    }
    write!(cell, "sent:{},received:{}", state.sent, state.received)
}

/// The settings of mode `iptfs` that are set.
fn iptfs(settings: &IpTfs, cell: &mut String) -> fmt::Result {
    let IpTfs { drop_time, reorder_window, init_delay, max_queue, packet_size, dont_fragment } =
        *settings;
    let numbers = [
        ("drop_time", drop_time),
        ("reorder_window", reorder_window.map(u32::from)),
        ("init_delay", init_delay),
        ("max_queue", max_queue),
        ("packet_size", packet_size),
    ];
    let numbers =
        numbers.into_iter().filter_map(|(name, value)| Some(format!("{name}:{}", value?)));
    cells::words(cell, numbers.chain(dont_fragment.then(|| "dont_fragment".to_owned())))
}

/// The packets that an SA is for, where these are not all.
fn write_selector(selector: &Selector, cell: &mut String) -> fmt::Result {
    selector::src(selector, cell)?;
    cell.write_char('-')?;
    selector::dst(selector, cell)?;
    cell.write_char('/')?;
    selector::protocol(selector, cell)
}

/// An end, with its port of NAT traversal if it has one.
fn end(addr: std::net::IpAddr, port: Option<NonZeroU16>, cell: &mut String) -> fmt::Result {
    write!(cell, "{addr}")?;
    port.map_or(Ok(()), |port| write!(cell, "[{port}]"))
}

/// An algorithm, with its key where keys are shown.
fn keyed(shown: &ShownSa, keyed: Option<&Keyed>, cell: &mut String) -> fmt::Result {
    let Some(Keyed { algorithm, key, .. }) = keyed else { return Ok(()) };
    write!(cell, "{}", Visible(algorithm.name))?;
    if shown.keys == Keys::Shown && key.bits() > 0 {
        write!(cell, " {}", KeyText(key))
    } else {
        Ok(())
    }
}
