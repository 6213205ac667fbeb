use std::{net::IpAddr, num::NonZeroU16};

use model::{Algorithm, EncapKind, Keyed, Mode, Proto, Sa, SaFlags, names::LookUp};

use super::{
    from_model::{Writer, if_id, limits, mark, node},
    policy::range,
};
use crate::tree::{self, Algorithms, Command, Extension, Host, Port, SaEnds, SaName, SaProto};

impl Writer {
    pub(super) fn add(&mut self, sa: &Sa) -> Command {
        let (src, dst) = (sa.ends.src(), sa.ends.dst());
        let mut ends = SaEnds {
            look_up: LookUp::default(),
            src: host(src, None),
            dst: host(dst, None),
            proto: self.proto(sa.proto).map(node),
        };
        let mut extensions = Vec::new();
        self.encap(sa, &mut ends, &mut extensions);
        self.sa_options(sa, &mut extensions);
        extensions.extend(limits(&sa.lifetimes));
        if let Some(selector) = &sa.selector {
            let (src, dst) = (range(selector.src(), 0), range(selector.dst(), 0));
            self.lose(format!("sel {src} {dst}"));
        }
        let spi = node(u64::from(sa.spi.0));
        let extensions = extensions.into_iter().map(node).collect();
        let algorithms = self.algorithms(sa);
        Command::Add(Box::new(SaName { ends, spi, extensions }), algorithms)
    }

    fn proto(&mut self, proto: Proto) -> Option<SaProto> {
        match proto {
            Proto::Esp => return Some(SaProto::Esp),
            Proto::Ah => return Some(SaProto::Ah),
            Proto::IpComp => return Some(SaProto::IpComp),
            Proto::Routing | Proto::DestOpts | Proto::Any => {}
        }
        self.lose(format!("proto {}", proto.word()));
        None
    }

    /// `esp-udp` where it is enough, else `-natt`.
    fn encap(&mut self, sa: &Sa, ends: &mut SaEnds, extensions: &mut Vec<Extension>) {
        let Some(encap) = sa.encap else { return };
        match encap.kind {
            EncapKind::EspInUdp => {}
            kind @ (EncapKind::EspInUdpNonIke | EncapKind::EspInTcp) => {
                return self.lose(format!("encap {}", kind.word()));
            }
        }
        let end = |address, port: Option<NonZeroU16>| {
            host(address, Some(port.map_or(0, NonZeroU16::get)))
        };
        let src = end(sa.ends.src(), encap.src_port);
        let dst = end(sa.ends.dst(), encap.dst_port);
        if sa.proto == Proto::Esp && encap.src_port.is_some() && encap.dst_port.is_some() {
            (ends.src, ends.dst) = (src, dst);
            ends.proto = Some(node(SaProto::EspUdp(None)));
        } else {
            extensions.push(Extension::Natt(Box::new((src, dst))));
        }
    }

    fn sa_options(&mut self, sa: &Sa, extensions: &mut Vec<Extension>) {
        match sa.mode.installed() {
            Mode::Transport => extensions.push(Extension::Mode(Some(tree::Mode::Transport))),
            Mode::Tunnel => extensions.push(Extension::Mode(Some(tree::Mode::Tunnel))),
            Mode::Beet => extensions.push(Extension::Mode(Some(tree::Mode::Beet))),
            Mode::RouteOptimization | Mode::InTrigger | Mode::IpTfs => {
                self.lose(format!("mode {}", sa.mode.installed().word()));
            }
        }
        extensions.extend(sa.reqid.map(|reqid| Extension::ReqId(reqid.number().into())));
        if sa.replay_window > Sa::MAX_REPLAY_WINDOW {
            self.lose(format!("replay-window {}", sa.replay_window));
        } else if sa.replay_window != 0 {
            extensions.push(Extension::Replay(sa.replay_window.into()));
        }
        if sa.esn {
            extensions.push(Extension::Esn);
        }
        let flags = SaFlags::ALL.into_iter().filter(|flag| sa.flags.contains(*flag));
        extensions.extend(flags.map(Extension::KernelFlag));
        extensions.extend(self.context(sa.sec_ctx.as_ref()).map(Extension::Context));
        extensions.extend(mark(sa.mark).map(Extension::Mark));
        extensions.extend(mark(sa.output_mark).map(Extension::OutMark));
        extensions.extend(if_id(sa.if_id));
        extensions.extend(sa.direction.map(Extension::Direction));
        let seconds = sa.nat_keepalive.map(|seconds| seconds.get().into());
        extensions.extend(seconds.map(|seconds| Extension::KeepAlive(Some(seconds))));
        let Some(offload) = &sa.offload else { return };
        if is_device(offload.device.as_str()) {
            let (device, packet) = (offload.device.to_string(), offload.packet);
            let direction = offload.direction;
            extensions.push(Extension::Offload { device, direction, packet });
        } else {
            self.lose(format!("offload {}", offload.device.as_str().escape_default()));
        }
    }

    fn algorithms(&mut self, sa: &Sa) -> Algorithms {
        let auth = sa.auth.as_ref().map(|auth| self.algorithm(auth));
        let crypt = sa.crypt.as_ref().map(|crypt| self.algorithm(crypt));
        let aead = sa.aead.as_ref().map(|aead| self.algorithm(aead));
        if crypt.is_some() && aead.is_some() {
            self.lose("a cipher beside an AEAD algorithm");
        }
        match (crypt.or(aead), auth, sa.comp) {
            (None, None, Some(comp)) => {
                Algorithms::Comp { name: node(comp.name.to_owned()), raw_cpi: false }
            }
            (None, Some(auth), _) => Algorithms::Auth(auth),
            (Some(crypt), auth, _) => Algorithms::Crypt(crypt, auth),
            (None, None, None) => Algorithms::Crypt(
                tree::Algorithm { name: node("null".to_owned()), key: None },
                None,
            ),
        }
    }

    fn algorithm(&mut self, keyed: &Keyed) -> tree::Algorithm {
        let given = keyed.algorithm;
        let fitting = Algorithm::by_kernel(given.kind, given.kernel, keyed.icv_bits);
        let written =
            if given.icv_bits == keyed.icv_bits { given } else { fitting.unwrap_or(given) };
        if written.icv_bits != keyed.icv_bits {
            self.lose(format!("icv {}", keyed.icv_bits));
        }
        let bits = keyed.key.bits();
        if !written.key_bits.fits(bits) {
            self.lose(format!("a key of {bits} bits for {}", written.name));
        }
        let key = (written.name != "null" || bits != 0).then(|| node(keyed.key.clone()));
        tree::Algorithm { name: node(written.name.to_owned()), key }
    }
}

fn host(address: IpAddr, port: Option<u16>) -> Host {
    let port = port.map(|port| node(Port::Number(port.into())));
    Host { address: node(address.to_string()), port }
}

/// A device name as `-offload` reads it.
fn is_device(name: &str) -> bool {
    let is_char = |c: char| c.is_ascii_alphanumeric() || ".:-%_@+=".contains(c);
    !name.is_empty() && name.chars().all(is_char)
}
