//! The settings of mode `iptfs`, an attribute each.

use model::IpTfs;

use super::recent::Recent;

/// The attributes of what is given.
pub(super) fn attributes(settings: IpTfs) -> impl Iterator<Item = Recent> {
    [
        settings.drop_time.map(Recent::IpTfsDropTime),
        settings.reorder_window.map(Recent::IpTfsReorderWindow),
        settings.dont_fragment.then_some(Recent::IpTfsDontFragment),
        settings.init_delay.map(Recent::IpTfsInitDelay),
        settings.max_queue.map(Recent::IpTfsMaxQueueSize),
        settings.packet_size.map(Recent::IpTfsPacketSize),
    ]
    .into_iter()
    .flatten()
}
