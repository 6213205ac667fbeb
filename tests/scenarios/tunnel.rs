//! An ESP tunnel between the gateways of [`Sites`](crate::sites::Sites).

use crate::sites::Addresses;

/// The scripts of a tunnel between the gateways.
pub struct Tunnel {
    /// Policies of gateway a.
    pub policies_a: String,
    /// Policies of gateway b.
    pub policies_b: String,
    /// SAs, with SPIs 0x1001 from a to b and 0x1002 back.
    pub sas: String,
}

impl Tunnel {
    /// A tunnel for one IP version in another.
    pub fn new(inner: &Addresses, outer: &Addresses) -> Self {
        let (a, b) = (inner.a.with_length(0), inner.b.with_length(0));
        let (from, to) = (outer.between.bare(1), outer.between.bare(2));
        let policies_a = format!(
            "
            spdadd {a} {b} any -P out ipsec esp/tunnel/{from}-{to}/require;
            spdadd {b} {a} any -P in ipsec esp/tunnel/{to}-{from}/require;
            "
        );
        let policies_b = format!(
            "
            spdadd {b} {a} any -P out ipsec esp/tunnel/{to}-{from}/require;
            spdadd {a} {b} any -P in ipsec esp/tunnel/{from}-{to}/require;
            "
        );
        let sas = format!(
            r#"
            add {from} {to} esp 0x1001 -m tunnel
                -E aes-cbc "aes-cbc from a-b" -A hmac-sha1 "hmac-sha1 from a - b";
            add {to} {from} esp 0x1002 -m tunnel
                -E aes-cbc "aes-cbc from b-a" -A hmac-sha1 "hmac-sha1 from b - a";
            "#
        );
        Self { policies_a, policies_b, sas }
    }
}
