use model::{Algorithm, AlgorithmKind, Key, Keyed};

use super::Lowering;
use crate::{
    error::{Error, Fault},
    parse::{
        hint::Hint,
        lexer::token_at,
        lists::{AUTH, CIPHERS, COMP},
    },
    tree::{self, Algorithms, Node, Span, StatementWord},
    warning::{Warning, WarningKind},
};

/// About a text with a statement in it.
const UNCLOSED: &str = "a statement is in this text: close the quote before its `;`";

/// An algorithm by the kernel's name.
struct Named<'w> {
    kind: AlgorithmKind,
    kernel: &'w str,
    icv_bits: u16,
}

/// The algorithms of an SA.
#[derive(Clone, Default)]
pub(super) struct Chosen {
    pub crypt: Option<Keyed>,
    pub auth: Option<Keyed>,
    pub aead: Option<Keyed>,
    /// The compression algorithm, or its word if Linux does not have it.
    compression: Option<Result<&'static Algorithm, String>>,
}

impl Chosen {
    /// The compression algorithm; the refusal of AF_KEY if Linux does not have it.
    pub(super) fn compression(&self) -> Result<Option<&'static Algorithm>, model::Error> {
        let missing = |word: &String| model::Error::NoCompression(word.clone());
        self.compression.as_ref().map(|found| found.as_ref().copied().map_err(missing)).transpose()
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
                let keyed = self.keyed(CIPHERS, crypt)?;
                if keyed.algorithm.kind == AlgorithmKind::Aead {
                    chosen.aead = Some(keyed);
                } else {
                    chosen.crypt = Some(keyed);
                }
                warnings.extend(self.doubt_of_key(CIPHERS, crypt));
                if let Some(auth) = auth {
                    chosen.auth = Some(self.keyed(AUTH, auth)?);
                    warnings.extend(self.doubt_of_key(AUTH, auth));
                }
            }
            Algorithms::Auth(auth) => {
                warnings.extend(self.doubt_of_key(AUTH, auth));
                chosen.auth = Some(self.keyed(AUTH, auth)?);
            }
            Algorithms::Comp { name, .. } => {
                chosen.compression = Some(
                    match self.named_by_kernel(COMP, name)? {
                        Some(Named { kind, kernel, .. }) => Algorithm::of_kernel(kind, kernel),
                        None => Algorithm::by_name(AlgorithmKind::Comp, &name.value),
                    }
                    .ok_or_else(|| name.value.clone()),
                );
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
            "des-deriv" if is_old => Fault::AlgorithmMismatch(name.value.clone()),
            "des-32iv" if !is_old => Fault::AlgorithmMismatch(name.value.clone()),
            // AF_KEY takes both for des-cbc.
            "des-deriv" | "des-32iv" if self.source.dialect().is_bsd() => {
                Fault::DerivedIv(name.value.clone())
            }
            "des-deriv" | "des-32iv" => {
                let kind = WarningKind::DerivedIv;
                warnings.push(Warning::new(kind, self.source, name.span, name.span));
                return Ok(());
            }
            _ => return Ok(()),
        };
        Err(self.algorithm_error(kind, name.span, crypt))
    }

    fn keyed(&self, kinds: &[AlgorithmKind], chosen: &tree::Algorithm) -> Result<Keyed, Error> {
        let name = &chosen.name;
        let key = chosen.key.as_ref().map_or_else(Key::default, |key| key.value.clone());
        if let Some(Named { kind, kernel, icv_bits }) = self.named_by_kernel(kinds, name)? {
            // What the table refuses, AH without a key, is the kernel's to decide on.
            let keyed = match key.bits() {
                0 => Algorithm::of_kernel(kind, kernel).map(|algorithm| Keyed {
                    algorithm,
                    key,
                    icv_bits,
                }),
                _ => Keyed::of_kernel(kind, kernel, icv_bits, key),
            };
            return keyed.ok_or_else(|| {
                let kind = Fault::NotSupported(name.value.clone());
                self.algorithm_error(kind, name.span, chosen)
            });
        }
        let named = kinds.iter().find_map(|&kind| Algorithm::by_name(kind, &name.value));
        let Some(algorithm) = named else {
            let kind = Fault::NotSupported(name.value.clone());
            return Err(self.algorithm_error(kind, name.span, chosen));
        };
        let algorithm = algorithm.in_dialect(self.source.dialect());
        let (bits, fits) = (key.bits(), algorithm.key_bits);
        // The original tests the range alone, and leaves the rest to the kernel.
        let is_right = if algorithm.kind == AlgorithmKind::Aead {
            fits.fits(bits)
        } else {
            fits.is_between(bits)
        };
        if !is_right {
            let kind = Fault::KeyLength { algorithm: name.value.clone(), given: bits, fits };
            let doubt = self.doubt_of_key(kinds, chosen).map(|doubt| Hint::Text(doubt.help()));
            let doubt = doubt.or_else(|| self.unclosed(chosen).then_some(Hint::Text(UNCLOSED)));
            return Err(self.algorithm_error(kind, at_key(chosen), chosen).with_hint(doubt));
        }
        Ok(Keyed::new(algorithm, key))
    }

    /// The name and the ICV of `kernel:NAME` or `kernel:NAME/ICV`, if the word is one of these. A cipher
    /// with an ICV authenticates by itself. The kernel decides on the key's length.
    fn named_by_kernel<'w>(
        &self,
        kinds: &[AlgorithmKind],
        word: &'w Node<String>,
    ) -> Result<Option<Named<'w>>, Error> {
        let Some(name) = word.value.strip_prefix(Algorithm::KERNEL) else { return Ok(None) };
        let wrong = || self.error(Fault::KernelName, word.span);
        let (name, icv_bits) = match name.split_once('/') {
            None => (name, None),
            Some((name, bits)) => (name, Some(bits.parse().map_err(|_| wrong())?)),
        };
        let kind = match kinds {
            [AlgorithmKind::Crypt, aead] if icv_bits.is_some() => *aead,
            [kind, ..] => *kind,
            [] => return Ok(None),
        };
        if !Algorithm::is_kernel_name(name) || kind == AlgorithmKind::Comp && icv_bits.is_some() {
            return Err(wrong());
        }
        Ok(Some(Named { kind, kernel: name, icv_bits: icv_bits.unwrap_or(0) }))
    }

    /// The warning about how a key is written.
    fn doubt_of_key(&self, kinds: &[AlgorithmKind], chosen: &tree::Algorithm) -> Option<Warning> {
        let name = &chosen.name;
        let Some(span) = chosen.key.as_ref().map(|key| key.span) else {
            let takes_key =
                name.value.starts_with(Algorithm::KERNEL) && !name.value.contains("null");
            let warning =
                || Warning::new(WarningKind::WithoutKey, self.source, name.span, name.span);
            return takes_key.then(warning);
        };
        let written = self.source.bytes(span);
        let is_hex = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
        let algorithm = || kinds.iter().find_map(|&kind| Algorithm::by_name(kind, &name.value));
        let are_bytes = |digits: &[u8]| {
            is_hex(digits)
                && digits.len().is_multiple_of(2)
                && algorithm().is_some_and(|it| it.key_bits.fits(digits.len() / 2 * 8))
        };
        let kind = match written {
            [b'"', text @ .., b'"'] if text.contains(&b'\n') => WarningKind::NewlineInKey,
            [b'"', b'0', b'x' | b'X', digits @ .., b'"'] if is_hex(digits) => {
                WarningKind::QuotedDigits
            }
            [b'"', digits @ .., b'"'] if are_bytes(digits) => WarningKind::QuotedDigits,
            [b'0', b'x' | b'X', digits @ ..] if digits.len() % 2 == 1 => WarningKind::OddDigits,
            _ => return None,
        };
        Some(Warning::new(kind, self.source, span, span))
    }

    /// Whether another statement is in the text of a key.
    fn unclosed(&self, chosen: &tree::Algorithm) -> bool {
        let Some(key) = &chosen.key else { return false };
        let text = self.source.bytes(key.span).split(|&byte| byte == b';').skip(1);
        let mut words = text.map(|behind| {
            let word = behind.trim_ascii_start().split(|byte| b" \t\n\"".contains(byte)).next();
            str::from_utf8(word.unwrap_or_default()).unwrap_or_default()
        });
        words.any(|word| word.parse::<StatementWord>().is_ok())
    }

    /// An error of an algorithm: the original has read its key by then.
    fn algorithm_error(&self, kind: Fault, wrong: Span, chosen: &tree::Algorithm) -> Error {
        let named = token_at(self.source, at_key(chosen).start).named;
        Error::new(kind, self.source, wrong, named)
    }
}

fn at_key(chosen: &tree::Algorithm) -> Span {
    chosen.key.as_ref().map_or(chosen.name.span, |key| key.span)
}
