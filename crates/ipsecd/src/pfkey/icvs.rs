use model::{Algorithm, AlgorithmKind, Keyed, Sa};

/// The shortest ICV that a configuration may ask for, in bits (RFC 4868: no shorter than half of the
/// digest, and 96 for the older algorithms).
const SHORTEST: u16 = 96;

/// The lengths of ICVs, by authentication algorithm, that programs cannot say in PF_KEY: the lines
/// `pfkey icv` of `/etc/xfrm-tools/ipsecd.conf`.
///
/// ```text
/// # As RFC 4868 and the BSDs have it; AF_KEY has 96 bits.
/// pfkey icv hmac-sha256 128
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Icvs(Vec<(&'static str, u16)>);

impl Icvs {
    /// Adds what a line says behind `pfkey icv`; else what is wrong with it.
    pub(crate) fn add(&mut self, words: &[&str]) -> Result<(), String> {
        let &[name, bits] = words else {
            return Err("expected `pfkey icv ALGORITHM BITS`".into());
        };
        let algorithm = Algorithm::by_name(AlgorithmKind::Auth, name)
            .filter(|it| it.pfkey.is_some() && it.icv_bits != 0)
            .ok_or_else(|| format!("`{name}` is no authentication algorithm of PF_KEY"))?;
        // The digest of each is as long as its key.
        let longest = algorithm.key_bits.max;
        let bits = bits
            .parse()
            .ok()
            .filter(|it: &u16| it.is_multiple_of(8) && (SHORTEST..=longest).contains(it));
        let bits = bits.ok_or_else(|| {
            format!("an ICV of {name} has {SHORTEST} to {longest} bits, a multiple of 8")
        })?;
        self.0.push((algorithm.kernel, bits));
        Ok(())
    }

    /// Gives an SA that a program has asked for the ICV that is configured; the last line counts.
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

    fn icvs(lines: &[&str]) -> Result<Icvs, String> {
        let mut icvs = Icvs::default();
        for line in lines {
            icvs.add(&line.split(' ').collect::<Vec<_>>())?;
        }
        Ok(icvs)
    }

    fn icv_of(icvs: &Icvs, name: &str) -> u16 {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let algorithm = Algorithm::by_name(AlgorithmKind::Auth, name).unwrap();
        let auth = Some(Keyed::new(algorithm, Key::default()));
        let mut sa = Sa { auth, ..Sa::bare(ends, Proto::Ah, Spi(0x1000)) };
        icvs.apply(&mut sa);
        sa.auth.unwrap().icv_bits
    }

    #[test]
    fn the_last_line_for_an_algorithm_counts() {
        let icvs = icvs(&["hmac-sha256 160", "hmac-md5 128", "hmac-sha256 128"]).unwrap();
        assert_eq!(icv_of(&icvs, "hmac-sha256"), 128);
        assert_eq!(icv_of(&icvs, "hmac-md5"), 128);
        assert_eq!(icv_of(&icvs, "hmac-sha1"), 96);
        assert_eq!(icv_of(&Icvs::default(), "hmac-sha256"), 96);
    }

    #[test]
    fn what_no_icv_can_be_is_refused() {
        for (line, problem) in [
            ("hmac-sha256", "expected `pfkey icv ALGORITHM BITS`"),
            ("aes-cbc 96", "`aes-cbc` is no authentication algorithm of PF_KEY"),
            ("null 96", "`null` is no authentication algorithm of PF_KEY"),
            ("hmac-sha256 100", "an ICV of hmac-sha256 has 96 to 256 bits, a multiple of 8"),
            ("hmac-sha1 256", "an ICV of hmac-sha1 has 96 to 160 bits, a multiple of 8"),
            ("hmac-sha1 88", "an ICV of hmac-sha1 has 96 to 160 bits, a multiple of 8"),
            ("hmac-sha1 many", "an ICV of hmac-sha1 has 96 to 160 bits, a multiple of 8"),
        ] {
            assert_eq!(icvs(&[line]).unwrap_err(), problem);
        }
    }
}
