use ipsec::{Algorithm, AlgorithmKind, Key, Keyed};

use super::Lowering;
use crate::{
    error::{Error, Kind},
    lexer::token_at,
    tree::{self, Algorithms, Span},
    warning::{Warning, WarningKind},
};

/// Encryption, authentication and compression of an SA.
type Chosen = (Option<Keyed>, Option<Keyed>, Result<Option<&'static Algorithm>, ipsec::Error>);

impl Lowering<'_> {
    pub(super) fn algorithms(
        &self,
        algorithms: &Algorithms,
        is_old: bool,
        warnings: &mut Vec<Warning>,
    ) -> Result<Chosen, Error> {
        Ok(match algorithms {
            Algorithms::Crypt(crypt, auth) => {
                let name = &crypt.name;
                if name.value == "simple" {
                    let kind = WarningKind::ObsoleteAlgorithm;
                    warnings.push(Warning::new(kind, self.source, name.span, name.span));
                }
                if matches!(
                    (name.value.as_str(), is_old),
                    ("des-deriv", true) | ("des-32iv", false)
                ) {
                    let kind = Kind::AlgorithmMismatch(name.value.clone());
                    return Err(self.algorithm_error(kind, name.span, crypt));
                }
                let crypt = self.keyed(AlgorithmKind::Crypt, crypt)?;
                let auth = auth.as_ref().map(|auth| self.keyed(AlgorithmKind::Auth, auth));
                (Some(crypt), auth.transpose()?, Ok(None))
            }
            Algorithms::Auth(auth) => {
                (None, Some(self.keyed(AlgorithmKind::Auth, auth)?), Ok(None))
            }
            Algorithms::Comp { name, .. } => {
                let found = Algorithm::by_name(AlgorithmKind::Comp, &name.value);
                let unknown = || ipsec::Error::NoCompression(name.value.clone());
                (None, None, found.ok_or_else(unknown).map(Some))
            }
        })
    }

    fn keyed(&self, kind: AlgorithmKind, chosen: &tree::Algorithm) -> Result<Keyed, Error> {
        let name = &chosen.name;
        let Some(algorithm) = Algorithm::by_name(kind, &name.value) else {
            let kind = Kind::NotSupported(name.value.clone());
            return Err(self.algorithm_error(kind, name.span, chosen));
        };
        let key = chosen.key.as_ref().map_or_else(Key::default, |key| key.value.clone());
        if !algorithm.key_bits.fits(key.bits()) {
            let kind = Kind::KeyLength {
                algorithm: name.value.clone(),
                given: key.bits(),
                fits: algorithm.key_bits,
            };
            return Err(self.algorithm_error(kind, at_key(chosen), chosen));
        }
        Ok(Keyed::new(algorithm, key))
    }

    /// An error of an algorithm: the original has read its key by then.
    fn algorithm_error(&self, kind: Kind, wrong: Span, chosen: &tree::Algorithm) -> Error {
        let named = token_at(self.source, at_key(chosen).start).named;
        Error::new(kind, self.source, wrong, named)
    }
}

fn at_key(chosen: &tree::Algorithm) -> Span {
    chosen.key.as_ref().map_or(chosen.name.span, |key| key.span)
}
