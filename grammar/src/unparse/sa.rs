use std::{net::IpAddr, num::NonZeroU16};

use model::{Algorithm, AlgorithmKind, EncapKind, Keyed, Mode, Proto, Sa, SaFlags, names::LookUp};

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
        self.lose_rest(sa);
        let spi = node(u64::from(sa.spi.0));
        let extensions = extensions.into_iter().map(node).collect();
        let algorithms = self.algorithms(sa);
        Command::Add(Box::new(SaName { ends, spi, extensions }), algorithms)
    }

    /// What has no option.
    fn lose_rest(&mut self, sa: &Sa) {
        let original = sa.encap.and_then(|encap| encap.original);
        let rest = [
            sa.tfc_padding.map(|bytes| format!("tfcpad {bytes}")),
            sa.mapping_interval.map(|seconds| format!("mtimer {seconds}")),
            sa.care_of.map(|address| format!("coa {address}")),
            sa.cpu.map(|cpu| format!("pcpu {cpu}")),
            sa.replay_words.map(|words| format!("replay bitmap of {words} words")),
            original.map(|address| format!("encap oa {address}")),
            (!sa.iptfs.is_empty()).then(|| String::from("iptfs")),
        ];
        self.lost.extend(rest.into_iter().flatten());
        let unknown = sa.unknown.iter().map(|attribute| format!("attribute {}", attribute.number));
        self.lost.extend(unknown);
        self.lost.extend(sa.inexpressible.iter().map(|what| (*what).to_owned()));
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
                let name = self.kernel_name(comp.kernel).filter(|_| !comp.has_row());
                let name = node(name.unwrap_or_else(|| comp.name.to_owned()));
                Algorithms::Comp { name, raw_cpi: false }
            }
            (None, Some(auth), _) => Algorithms::Auth(auth),
            (Some(crypt), auth, _) => Algorithms::Crypt(crypt, auth),
            (None, None, None) => Algorithms::Crypt(
                tree::Algorithm { name: node("null".to_owned()), key: None },
                None,
            ),
        }
    }

    /// The word of the table, or else the kernel's name with the ICV.
    fn algorithm(&mut self, given: &Keyed) -> tree::Algorithm {
        let Keyed { algorithm: &Algorithm { kind, kernel, .. }, ref key, icv_bits } = *given;
        let means_it = |row: &&Algorithm| {
            row.has_row() && row.icv_bits == icv_bits && row.key_bits.fits(key.bits())
        };
        let rows = [Some(given.algorithm), Algorithm::by_kernel(kind, kernel, icv_bits)];
        if let Some(row) = rows.into_iter().flatten().find(means_it) {
            let key = (row.name != "null").then(|| node(key.clone()));
            return tree::Algorithm { name: node(row.name.to_owned()), key };
        }
        let is_cipher = kind == AlgorithmKind::Crypt;
        let icv = if is_cipher { String::new() } else { format!("/{icv_bits}") };
        let name = self.kernel_name(kernel).unwrap_or_default();
        tree::Algorithm { name: node(name + &icv), key: Some(node(key.clone())) }
    }

    /// The word for an algorithm that the kernel names so.
    fn kernel_name(&mut self, name: &str) -> Option<String> {
        let can_be_quoted = !name.is_empty() && name.is_ascii() && !name.contains(['"', '/']);
        if !can_be_quoted {
            self.lose(format!("the algorithm {}", name.escape_default()));
            return None;
        }
        Some(format!("{}{name}", Algorithm::KERNEL))
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
