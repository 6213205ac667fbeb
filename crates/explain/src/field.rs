use model::table;

struct Row {
    word: &'static str,
}

table! {
    /// A field of a packet, as a selector or policy has it: by the names of the columns of `ipsecctl show`.
    pub enum Field: Row, "field" {
        /// The source.
        Src => Row { word: "src" },
        /// The destination.
        Dst => Row { word: "dst" },
        /// Both, the one in the place of the other.
        Swapped => Row { word: "src and dst" },
        /// The upper-layer protocol.
        Protocol => Row { word: "protocol" },
        /// The source port, or what stands in for it.
        SrcPort => Row { word: "source port" },
        /// The destination port, or what stands in for it.
        DstPort => Row { word: "destination port" },
        /// The network device.
        Device => Row { word: "device" },
        /// The firewall mark.
        Mark => Row { word: "mark" },
        /// The number of the xfrm interface.
        IfId => Row { word: "if_id" },
        /// The direction of a policy.
        Direction => Row { word: "direction" },
        /// The processor that sends it.
        Cpu => Row { word: "cpu" },
        /// The label of a security module.
        SecurityContext => Row { word: "security_context" },
    }
}

/// A set of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fields(u16);

impl Fields {
    /// The set of those fields of which `true` is given.
    #[must_use]
    pub fn of<const N: usize>(fields: [(Field, bool); N]) -> Self {
        let bits = fields.into_iter().filter(|(_, is_in)| *is_in);
        Self(bits.fold(0, |bits, (field, _)| bits | Self::bit(field)))
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The field, if it has one and no other.
    #[must_use]
    pub fn only(self) -> Option<Field> {
        if self.0.is_power_of_two() { self.iter().next() } else { None }
    }

    /// The fields, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.iter().copied().filter(move |&field| self.0 & Self::bit(field) != 0)
    }

    /// The fields of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn bit(field: Field) -> u16 {
        1 << field as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in() {
        for &field in Field::ALL {
            assert_eq!(Fields::of([(field, true), (Field::Src, false)]).only(), Some(field));
        }
        let two = Fields::of([(Field::Mark, true), (Field::Src, true)]);
        assert_eq!((two.only(), two.iter().count()), (None, 2));
        assert!(Fields::default().is_empty() && Fields::default().only().is_none());
    }
}
