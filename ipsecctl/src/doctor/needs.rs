//! What SAs and policies need of the host.

use std::collections::BTreeMap;

use engine::RecentOption;
use model::{Action, Algorithm, Direction, EncapKind, IpVersion, Mode, Policy, Proto, Sa};

/// What the kernel may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// SAs of a protocol between addresses of an IP version.
    Protocol(Proto, IpVersion),
    Algorithm(&'static Algorithm),
    /// A mode that is neither transport nor tunnel.
    Mode(Mode),
    /// ESP in UDP or TCP between addresses of an IP version, of a kind that some kernels lack.
    Encapsulation(EncapKind, IpVersion),
    Option(RecentOption),
}

/// Whether the kernel has something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    There,
    /// It is missing; why, if the kernel has words for it.
    Lacking(Option<String>),
    /// This cannot be found out without CAP_SYS_ADMIN.
    Unknown,
}

/// What SAs and policies need.
#[derive(Debug, Default)]
pub struct Needs {
    /// Each once, with the first statement of scripts that needs it.
    pub features: Vec<(Feature, Option<String>)>,
    /// The devices that are to do the work of SAs, and whether they are to transform whole packets.
    pub devices: BTreeMap<String, bool>,
    /// Packets arrive by a tunnel or an xfrm interface.
    pub has_tunnels: bool,
    pub has_if_ids: bool,
    /// Packets of an IP version arrive by a tunnel for other hosts.
    forwards: [bool; 2],
    /// Policies transform or drop packets of an IP version.
    inbound: [bool; 2],
    outbound: [bool; 2],
}

fn place(version: IpVersion) -> usize {
    usize::from(version == IpVersion::V6)
}

impl Needs {
    /// Takes note of an SA.
    pub fn add_sa(&mut self, sa: &Sa) {
        if let Some(offload) = &sa.offload {
            *self.devices.entry(offload.device.to_string()).or_default() |= offload.packet;
        }
        self.has_tunnels |= sa.mode.installed() != Mode::Transport;
        self.has_if_ids |= sa.if_id.is_some();
    }

    /// Takes note of what the kernel must have for an SA. `from` is the statement that adds it.
    pub fn require_sa(&mut self, sa: &Sa, from: &str) {
        let mut need = |feature| self.require(feature, Some(from));
        let version = IpVersion::of(sa.ends.dst());
        need(Feature::Protocol(sa.proto, version));
        let keyed = [&sa.auth, &sa.crypt, &sa.aead].into_iter().flatten();
        for algorithm in keyed.map(|it| it.algorithm).chain(sa.comp) {
            need(Feature::Algorithm(algorithm));
        }
        let mode = sa.mode.installed();
        if !matches!(mode, Mode::Transport | Mode::Tunnel) {
            need(Feature::Mode(mode));
        }
        if let Some(kind) = sa.encap.map(|it| it.kind)
            && kind.kernels(version).is_some()
        {
            need(Feature::Encapsulation(kind, version));
        }
        RecentOption::of(sa).for_each(|option| need(Feature::Option(option)));
    }

    /// Takes note of a policy.
    pub fn add_policy(&mut self, policy: &Policy) {
        let (id, templates) = (&policy.id, policy.action.templates());
        let at = place(id.selector.version());
        let is_tunnel = templates.iter().any(|it| it.mode.mode() == Mode::Tunnel);
        let is_none = matches!(policy.action, Action::None);
        self.has_tunnels |= is_tunnel;
        self.has_if_ids |= id.if_id.is_some();
        // A policy is for whole packets alone.
        self.devices.extend(policy.offload.iter().map(|device| (device.to_string(), true)));
        match id.direction {
            Direction::Out => self.outbound[at] |= !is_none,
            Direction::In => self.inbound[at] |= !is_none,
            Direction::Fwd => {}
        }
        if id.direction != Direction::Out {
            self.forwards[at] |= is_tunnel && !id.selector.dst().is_host();
        }
    }

    /// Takes note of what the kernel must have for a policy. `from` is the statement that adds it.
    pub fn require_policy(&mut self, policy: &Policy, from: &str) {
        let version = policy.id.selector.version();
        for template in policy.action.templates() {
            let ends = template.mode.endpoints();
            let version = ends.map_or(version, |it| IpVersion::of(it.dst()));
            self.require(Feature::Protocol(template.proto, version), Some(from));
        }
    }

    /// Whether packets of an IP version arrive by a tunnel for other hosts than this one.
    pub fn forwards(&self, version: IpVersion) -> bool {
        self.forwards[place(version)]
    }

    /// Whether policies protect packets of an IP version that this host receives.
    pub fn protects_inbound(&self, version: IpVersion) -> bool {
        self.inbound[place(version)]
    }

    /// Whether policies protect packets of an IP version that this host sends.
    pub fn protects_outbound(&self, version: IpVersion) -> bool {
        self.outbound[place(version)]
    }

    /// Takes note of what the kernel must have.
    pub fn require(&mut self, feature: Feature, from: Option<&str>) {
        if !self.features.iter().any(|(known, _)| *known == feature) {
            self.features.push((feature, from.map(str::to_owned)));
        }
    }
}
