//! Selectors of SAs and policies.

use model::{PortMasks, Selector, Upper};

use super::BatchLine;

impl BatchLine {
    /// Adds a selector: addresses and device, then protocol and ports, which is the order in which `ip` reads it.
    pub(super) fn push_selector(&mut self, selector: &Selector) {
        let (src, dst) = (selector.src(), selector.dst());
        self.push(format_args!(
            "src {}/{} dst {}/{}",
            src.addr(),
            src.length(),
            dst.addr(),
            dst.length()
        ));
        if let Some(device) = selector.device {
            // `none` is no device for ip, and `if:7` no number.
            if device.as_str() == "none" || device.number_alone().is_some() {
                self.lose(format!("dev {device}"));
            } else {
                self.push_word("dev", device.as_str());
            }
        }
        if let Upper::Number(number) = selector.upper {
            self.push(format_args!("proto {number}"));
        }
        self.push_ports(selector);
        if selector.user != 0 {
            self.lose(format!("user {}", selector.user));
        }
    }

    fn push_ports(&mut self, selector: &Selector) {
        let (src, dst) = (selector.src_port, selector.dst_port);
        let masks = selector.port_masks();
        let is_whole = masks == PortMasks { src: u16::MAX, dst: u16::MAX };
        let ports = [(src, masks.src), (dst, masks.dst)];
        if ports == [(0, 0); 2] {
            return;
        }
        let upper = selector.upper.xfrm();
        // With a type, `ip` sets the mask in any case; with a port, unless that is 0.
        let (words, most, takes_0) = match selector.upper {
            Upper::GRE if is_whole => {
                let key = u32::from(src) << 16 | u32::from(dst);
                return self.push(format_args!("key {key}"));
            }
            upper if upper.has_type_and_code() => (["type", "code"], 0xff, true),
            Upper::Any => (["sport", "dport"], u16::MAX, false),
            upper if upper.has_ports() && upper != Upper::UDP_LITE => {
                (["sport", "dport"], u16::MAX, false)
            }
            // `ip` takes no ports.
            Upper::Number(_) => (["sport", "dport"], 0, false),
        };
        for (word, (port, mask)) in words.into_iter().zip(ports) {
            match (port, mask) {
                (0, 0) => {}
                (0, u16::MAX) if takes_0 => self.push(format_args!("{word} 0")),
                (1.., u16::MAX) if port <= most => self.push(format_args!("{word} {port}")),
                _ => self.lose(format!("{word} {port}/{mask:#x} of protocol {upper}")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Prefix;

    use super::*;

    fn written(change: impl FnOnce(&mut Selector)) -> (String, Vec<String>) {
        let mut selector = Selector::within(Prefix::host([192, 0, 2, 1].into()));
        change(&mut selector);
        let mut line = BatchLine::new("");
        line.push_selector(&selector);
        let text = line.text.trim_start_matches(" src 192.0.2.1/32 dst 192.0.2.1/32").to_owned();
        (text, line.lost)
    }

    fn of(upper: u8, src: u16, dst: u16, masks: Option<(u16, u16)>) -> (String, Vec<String>) {
        written(|it| {
            it.upper = Upper::from_xfrm(upper);
            (it.src_port, it.dst_port) = (src, dst);
            it.port_masks = masks.map(|(src, dst)| PortMasks { src, dst });
        })
    }

    #[test]
    fn ports_types_and_keys() {
        let loadable = |text: &str| (text.to_owned(), Vec::new());
        assert_eq!(of(0, 0, 0, None), loadable(""));
        assert_eq!(of(0, 5, 0, None), loadable(" sport 5"));
        assert_eq!(of(6, 0, 80, None), loadable(" proto 6 dport 80"));
        assert_eq!(of(1, 8, 0, Some((0xffff, 0xffff))), loadable(" proto 1 type 8 code 0"));
        assert_eq!(of(47, 1, 2, None), loadable(" proto 47 key 65538"));
        for lossy in [
            of(99, 5, 0, None),
            of(6, 0x10, 0, Some((0xfff0, 0))),
            of(6, 0, 0, Some((0xffff, 0))),
            of(1, 300, 0, None),
            of(47, 1, 0, None),
            of(99, 0, 0, Some((0, 0xffff))),
        ] {
            assert_eq!(lossy.1.len(), 1, "{lossy:?}");
        }
    }

    #[test]
    fn what_is_no_device_for_ip_is_lost() {
        let of = |name: &str| written(|it| it.device = name.parse().ok());
        assert_eq!(of("eth0").0, " dev eth0");
        assert_eq!(of("if77").0, " dev if77");
        assert_eq!(
            (of("none").1, of("if:7").1),
            (vec!["dev none".into()], vec!["dev if:7".into()])
        );
        assert_eq!(written(|it| it.user = 7).1, ["user 7"]);
    }
}
