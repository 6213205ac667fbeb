use model::{Algorithm, AlgorithmKind, Key, Keyed};

use super::Lowering;
use crate::{
    error::{Error, Kind},
    parse::lexer::token_at,
    tree::{self, Algorithms, Span},
    warning::{Warning, WarningKind},
};

/// The algorithms of an SA.
#[derive(Clone, Default)]
pub(super) struct Chosen {
    pub crypt: Option<Keyed>,
    pub auth: Option<Keyed>,
    pub aead: Option<Keyed>,
    /// The word of the compression algorithm.
    compression: Option<String>,
}

impl Chosen {
    /// The compression algorithm; the refusal of AF_KEY if Linux does not have it.
    pub(super) fn compression(&self) -> Result<Option<&'static Algorithm>, model::Error> {
        let Some(word) = &self.compression else { return Ok(None) };
        let found = Algorithm::by_name(AlgorithmKind::Comp, word);
        found.map(Some).ok_or_else(|| model::Error::NoCompression(word.clone()))
    }
}

impl Lowering<'_> {
    pub(super) fn algorithms(
        &self,
        algorithms: &Algorithms,
        is_old: bool,
        warnings: &mut Vec<Warning>,
    ) -> Result<Chosen, Error> {
        let mut chosen = Chosen::default();
        match algorithms {
            Algorithms::Crypt(crypt, auth) => {
                self.check_cipher(crypt, is_old, warnings)?;
                let keyed = self.keyed(&[AlgorithmKind::Crypt, AlgorithmKind::Aead], crypt)?;
                if keyed.algorithm.kind == AlgorithmKind::Aead {
                    chosen.aead = Some(keyed);
                } else {
                    chosen.crypt = Some(keyed);
                }
                let auth = auth.as_ref().map(|auth| self.keyed(&[AlgorithmKind::Auth], auth));
                chosen.auth = auth.transpose()?;
            }
            Algorithms::Auth(auth) => {
                chosen.auth = Some(self.keyed(&[AlgorithmKind::Auth], auth)?);
            }
            Algorithms::Comp { name, .. } => {
                chosen.compression = Some(name.value.clone());
            }
        }
        Ok(chosen)
    }

    /// What the words say beyond the algorithm itself.
    fn check_cipher(
        &self,
        crypt: &tree::Algorithm,
        is_old: bool,
        warnings: &mut Vec<Warning>,
    ) -> Result<(), Error> {
        let name = &crypt.name;
        let kind = match name.value.as_str() {
            "simple" => {
                let kind = WarningKind::ObsoleteAlgorithm;
                warnings.push(Warning::new(kind, self.source, name.span, name.span));
                return Ok(());
            }
            "des-deriv" if is_old => Kind::AlgorithmMismatch(name.value.clone()),
            "des-32iv" if !is_old => Kind::AlgorithmMismatch(name.value.clone()),
            // AF_KEY takes both for des-cbc.
            "des-deriv" | "des-32iv" if self.source.dialect().is_bsd() => {
                Kind::DerivedIv(name.value.clone())
            }
            _ => return Ok(()),
        };
        Err(self.algorithm_error(kind, name.span, crypt))
    }

    fn keyed(&self, kinds: &[AlgorithmKind], chosen: &tree::Algorithm) -> Result<Keyed, Error> {
        let name = &chosen.name;
        let named = kinds.iter().find_map(|&kind| Algorithm::by_name(kind, &name.value));
        let Some(algorithm) = named else {
            let kind = Kind::NotSupported(name.value.clone());
            return Err(self.algorithm_error(kind, name.span, chosen));
        };
        let algorithm = algorithm.in_dialect(self.source.dialect());
        let key = chosen.key.as_ref().map_or_else(Key::default, |key| key.value.clone());
        let (bits, fits) = (key.bits(), algorithm.key_bits);
        // The original tests the range alone, and leaves the rest to the kernel.
        let is_right = if algorithm.kind == AlgorithmKind::Aead {
            fits.fits(bits)
        } else {
            fits.is_between(bits)
        };
        if !is_right {
            let kind = Kind::KeyLength { algorithm: name.value.clone(), given: bits, fits };
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
