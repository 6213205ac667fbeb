use model::{Algorithm, AlgorithmKind, Keyed, Sa};

/// The shortest ICV that a configuration may ask for, in bits (RFC 4868: no shorter than half of the
/// digest, and 96 for the older algorithms).
const SHORTEST: u16 = 96;

/// The lengths of ICVs by authentication algorithm, which PF_KEY cannot express: the lines
/// `pfkey icv` of `/etc/xfrm-tools/ipsecd.conf`.
///
/// ```text
/// # As in RFC 4868 and the BSDs; AF_KEY uses 96 bits.
/// pfkey icv hmac-sha256 128
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IcvLengths(Vec<(&'static str, u16)>);

impl IcvLengths {
    /// Adds a line: the words after `pfkey icv`. The error is the text for the user.
    pub(crate) fn add(&mut self, words: &[&str]) -> Result<(), String> {
        let &[name, bits] = words else {
            return Err("expected `pfkey icv ALGORITHM BITS`".into());
        };
        let algorithm = Algorithm::by_name(AlgorithmKind::Auth, name)
            .filter(|algorithm| algorithm.pfkey.is_some() && algorithm.icv_bits != 0)
            .ok_or_else(|| format!("`{name}` is not an authentication algorithm of PF_KEY"))?;
        // The digest of each is as long as its key.
        let longest = algorithm.key_bits.max;
        let bits = bits
            .parse()
            .ok()
            .filter(|bits: &u16| bits.is_multiple_of(8) && (SHORTEST..=longest).contains(bits));
        let bits = bits.ok_or_else(|| {
            format!("an ICV of {name} has {SHORTEST} to {longest} bits, a multiple of 8")
        })?;
        self.0.push((algorithm.kernel, bits));
        Ok(())
    }

    /// Sets the ICV length of a requested SA. The last line for an algorithm is used.
    pub(super) fn apply(&self, sa: &mut Sa) {
        let Some(Keyed { algorithm, icv_bits, .. }) = &mut sa.auth else { return };
        if let Some((_, bits)) = self.0.iter().rev().find(|(name, _)| *name == algorithm.kernel) {
            *icv_bits = *bits;
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Key, Proto, Spi};

    use super::*;

    fn icvs(lines: &[&str]) -> Result<IcvLengths, String> {
        let mut icvs = IcvLengths::default();
        for line in lines {
            icvs.add(&line.split(' ').collect::<Vec<_>>())?;
        }
        Ok(icvs)
    }

    fn icv_of(icvs: &IcvLengths, name: &str) -> u16 {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let algorithm = Algorithm::by_name(AlgorithmKind::Auth, name).unwrap();
        let auth = Some(Keyed::new(algorithm, Key::default()));
        let mut sa = Sa { auth, ..Sa::bare(ends, Proto::Ah, Spi(0x1000)) };
        icvs.apply(&mut sa);
        sa.auth.unwrap().icv_bits
    }

    #[test]
    fn the_last_line_for_an_algorithm_is_used() {
        let icvs = icvs(&["hmac-sha256 160", "hmac-md5 128", "hmac-sha256 128"]).unwrap();
        assert_eq!(icv_of(&icvs, "hmac-sha256"), 128);
        assert_eq!(icv_of(&icvs, "hmac-md5"), 128);
        assert_eq!(icv_of(&icvs, "hmac-sha1"), 96);
        assert_eq!(icv_of(&IcvLengths::default(), "hmac-sha256"), 96);
    }

    #[test]
    fn impossible_lengths_are_refused() {
        for (line, problem) in [
            ("hmac-sha256", "expected `pfkey icv ALGORITHM BITS`"),
            ("aes-cbc 96", "`aes-cbc` is not an authentication algorithm of PF_KEY"),
            ("null 96", "`null` is not an authentication algorithm of PF_KEY"),
            ("hmac-sha256 100", "an ICV of hmac-sha256 has 96 to 256 bits, a multiple of 8"),
            ("hmac-sha1 256", "an ICV of hmac-sha1 has 96 to 160 bits, a multiple of 8"),
            ("hmac-sha1 88", "an ICV of hmac-sha1 has 96 to 160 bits, a multiple of 8"),
            ("hmac-sha1 many", "an ICV of hmac-sha1 has 96 to 160 bits, a multiple of 8"),
        ] {
            assert_eq!(icvs(&[line]).unwrap_err(), problem);
        }
    }
}
