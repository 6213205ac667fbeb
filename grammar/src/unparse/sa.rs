use std::{
    net::IpAddr,
    num::{NonZeroU16, NonZeroU32},
};

use model::{
    ALGORITHMS, Algorithm, AlgorithmKind, Dialect, EncapKind, Keyed, Proto, ReplayState, Sa,
    SaFlags, Selector, names::LookUp,
};

use super::from_model::{Writer, if_id, is_device, limits, mark, node};
use crate::tree::{
    self, Algorithms, Command, Extension, Host, Limit, Port, SaEnds, SaName, SaProto, SaSelector,
};

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
        extensions.extend(limits(sa.lifetimes));
        let (hard, soft) = (sa.lifetimes.hard.is_unlimited(), sa.lifetimes.soft.is_unlimited());
        // One lifetime may be alone if the other is given as none.
        extensions.extend((hard && !soft).then_some(Extension::Limit(Limit::HardUse, 0)));
        extensions.extend((soft && !hard).then_some(Extension::Limit(Limit::SoftUse, 0)));
        self.kernel_options(sa, &mut extensions);
        extensions.retain(|option| self.has(option));
        let spi = node(u64::from(sa.spi.0));
        let extensions = extensions.into_iter().map(node).collect();
        let algorithms = self.algorithms(sa);
        Command::Add(Box::new(SaName { ends, spi, extensions }), algorithms)
    }

    /// Whether the dialect has an option. What it has not is lost.
    fn has(&mut self, option: &Extension) -> bool {
        let has = option.option().dialects().contains(&self.dialect);
        if !has {
            self.lose(option.to_string());
        }
        has
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

    /// `esp-udp` where it is enough, `-natt` where the dialect has no ports of an SA, else `-encap`.
    fn encap(&mut self, sa: &Sa, ends: &mut SaEnds, extensions: &mut Vec<Extension>) {
        let Some(encap) = sa.encap else { return };
        let ports = (encap.src_port, encap.dst_port);
        let is_plain = encap.kind == EncapKind::EspInUdp && encap.original.is_none();
        let end = |address, port: Option<NonZeroU16>| {
            host(address, Some(port.map_or(0, NonZeroU16::get)))
        };
        let both = (end(sa.ends.src(), ports.0), end(sa.ends.dst(), ports.1));
        let has_ports = ports.0.is_some() && ports.1.is_some();
        if is_plain && self.dialect == Dialect::FreeBsd {
            extensions.push(Extension::Natt(Box::new(both)));
        } else if is_plain && has_ports && sa.proto == Proto::Esp {
            (ends.src, ends.dst) = both;
            ends.proto = Some(node(SaProto::EspUdp(None)));
        } else {
            let number = |port: Option<NonZeroU16>| port.map_or(0, |port| port.get().into());
            extensions.push(Extension::Encap {
                kind: encap.kind,
                ports: (number(ports.0), number(ports.1)),
                original: encap.original.map(|address| node(address.to_string())),
            });
        }
    }

    fn sa_options(&mut self, sa: &Sa, extensions: &mut Vec<Extension>) {
        extensions.push(Extension::Mode(Some(sa.mode.installed())));
        extensions.extend(sa.reqid.map(|reqid| Extension::ReqId(reqid.number().into())));
        self.replay_window(sa, extensions);
        if sa.esn {
            extensions.push(Extension::Esn);
        }
        let flags = SaFlags::ALL.into_iter().filter(|flag| sa.flags.contains(*flag));
        extensions.extend(flags.map(Extension::KernelFlag));
        let unnamed = sa.flags.unnamed_extra_bits();
        extensions.extend((unnamed != 0).then(|| Extension::ExtraFlags(unnamed.into())));
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

    /// `-r`, which counts bytes of the bitmap in the BSDs.
    fn replay_window(&mut self, sa: &Sa, extensions: &mut Vec<Extension>) {
        let (window, words) = (sa.replay_window, sa.replay_words);
        let most_words = Sa::MAX_REPLAY_WINDOW / u32::BITS;
        let unit = if self.dialect.is_bsd() { u8::BITS } else { 1 };
        let is_known = window <= Sa::MAX_REPLAY_WINDOW
            && words.is_none_or(|words| words <= most_words)
            && window.is_multiple_of(unit);
        if !is_known {
            self.lose(format!("a replay window of {window} packets"));
        }
        if window != 0 || words.is_some() {
            let number = u64::from((window / unit).min(Sa::MAX_REPLAY_WINDOW));
            extensions.push(Extension::Replay(number, words.map(u64::from)));
        }
    }

    /// What no original setkey has options for.
    fn kernel_options(&mut self, sa: &Sa, extensions: &mut Vec<Extension>) {
        let number = |number: Option<NonZeroU32>, option: fn(u64) -> Extension| {
            number.map(|number| option(number.get().into()))
        };
        if let Some(selector) = &sa.selector {
            let selector = self.sa_selector(selector);
            extensions.push(Extension::Selector(Box::new(selector)));
        }
        extensions.extend(number(sa.tfc_padding, Extension::TfcPadding));
        extensions.extend(number(sa.mapping_interval, Extension::MappingInterval));
        extensions.extend(sa.care_of.map(|to| Extension::CareOf(node(to.to_string()))));
        extensions.extend(sa.cpu.map(|cpu| Extension::Cpu(cpu.into())));
        if !sa.iptfs.is_empty() {
            let settings = sa.iptfs.settings();
            let settings = settings.map(|(setting, number)| (setting, number.map(u64::from)));
            extensions.push(Extension::IpTfs(settings.collect()));
        }
        let ReplayState { received, sent, bitmap } = &sa.replay_state;
        if bitmap.len() > sa.bitmap_words() {
            self.lose(format!("a bitmap of {} words", bitmap.len()));
        }
        if *received != 0 || !bitmap.is_empty() {
            let bitmap = if bitmap.is_empty() { vec![0] } else { bitmap.clone() };
            extensions.push(Extension::Received(*received, Some(bitmap)));
        }
        extensions.extend((*sent != 0).then_some(Extension::Sent(*sent)));
        extensions.extend(sa.unknown.iter().map(|attribute| Extension::Attribute {
            number: attribute.number.into(),
            value: attribute.value.clone(),
        }));
        self.lost.extend(sa.inexpressible.iter().map(|what| (*what).to_owned()));
    }

    fn sa_selector(&mut self, selector: &Selector) -> SaSelector {
        let packets = self.packets(selector);
        let device = selector.device.map(|device| {
            if !is_device(device.as_str()) {
                self.lose(format!("dev {}", device.as_str().escape_default()));
            }
            node(device.to_string())
        });
        let masks = selector.port_masks.map(|masks| node((masks.src.into(), masks.dst.into())));
        let user = (selector.user != 0).then(|| node(selector.user.into()));
        SaSelector { packets, device, masks, user }
    }

    fn algorithms(&mut self, sa: &Sa) -> Algorithms {
        let auth = sa.auth.as_ref().map(|auth| match sa.proto {
            // AF_KEY refuses the word `null` here, the kernel takes it.
            Proto::Ah if auth.key.bits() == 0 => self.by_kernel(auth),
            _ => self.algorithm(auth),
        });
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
        let means_it = |row: &&'static Algorithm| {
            let is_named = row.kind == kind && row.kernel == kernel && row.has_row();
            let icv = row.in_dialect(self.dialect).icv_bits;
            is_named && icv == icv_bits && row.key_bits.fits(key.bits())
        };
        let rows = std::iter::once(given.algorithm).chain(ALGORITHMS);
        if let Some(row) = rows.into_iter().find(means_it) {
            let key = (row.name != "null").then(|| node(key.clone()));
            return tree::Algorithm { name: node(row.name.to_owned()), key };
        }
        self.by_kernel(given)
    }

    /// The kernel's name with the ICV.
    fn by_kernel(&mut self, Keyed { algorithm, key, icv_bits }: &Keyed) -> tree::Algorithm {
        let is_cipher = algorithm.kind == AlgorithmKind::Crypt;
        let icv = if is_cipher { String::new() } else { format!("/{icv_bits}") };
        let name = self.kernel_name(algorithm.kernel).unwrap_or_default();
        tree::Algorithm { name: node(name + &icv), key: Some(node(key.clone())) }
    }

    /// The word for an algorithm that the kernel names so.
    fn kernel_name(&mut self, name: &str) -> Option<String> {
        if !Algorithm::is_kernel_name(name) {
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
