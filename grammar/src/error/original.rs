//! What the original prints of an error.

use super::{Error, Fault, SERVNAME};

impl Error {
    /// The message of the original, where it has one.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        Some(match &self.kind {
            Fault::Syntax { .. } | Fault::LateQuote | Fault::Unused { .. } => "syntax error",
            Fault::Stray(_) | Fault::UnclosedQuote => "Syntax error",
            Fault::PolicySyntax { .. } => "Invalid argument",
            Fault::TooFewArguments => "Too few arguments",
            Fault::Endpoint { reason, .. }
            | Fault::Host { reason, .. }
            | Fault::NamedType { reason, .. }
            | Fault::Port { reason, .. } => reason,
            Fault::Direction => "Invalid direction",
            Fault::NoEndpoints => "Invalid address specification",
            Fault::EndpointFamilies => "Family mismatch",
            Fault::PriorityOffset => {
                "Priority offset from base not in valid range [0, 1073741823] for negative offsets \
                 and [0, 1073741824] for positive offsets"
            }
            Fault::Priority => "Priority offset not in valid range [-2147483647, 2147483648]",
            Fault::KeyLength { .. } => "Invalid key length",
            Fault::NotSupported(_) => "Not supported",
            Fault::AlgorithmMismatch(_) => "algorithm mismatched",
            Fault::ReplayWithOld => "replay prevention cannot be used with ah/esp-old",
            Fault::ManyAddresses(_) => "multiple address specified",
            Fault::Upper(_) => "invalid upper layer protocol",
            Fault::Misc(_) => "invalid an upper layer protocol spec",
            Fault::NoMisc(_) => SERVNAME,
            Fault::NoPriority => "Policy priority not compiled in",
            Fault::OutOfRange { original, .. } => return *original,
            Fault::TooLong
            | Fault::Unreadable(_)
            | Fault::NoPair
            | Fault::Device(_)
            | Fault::KernelName
            | Fault::Bitmap { .. }
            | Fault::Tagged
            | Fault::OldProtocol(_)
            | Fault::DerivedIv(_)
            | Fault::OnlyIcmp6(_)
            | Fault::NoAction
            | Fault::Refused(_)
            | Fault::HardwareDirection => return None,
        })
    }

    /// The line that the original prints on standard output, where it prints one.
    #[must_use]
    pub fn original(&self) -> Option<String> {
        let message = self.message()?;
        Some(format!("line {}: {message} at [{}]", self.line(), self.token()))
    }

    /// The line that the original prints on standard error before, where it prints one.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match &self.kind {
            Fault::PolicySyntax { word, .. } => {
                Some(format!("libipsec: syntax error while parsing \"{word}\""))
            }
            Fault::Endpoint { word, .. } => {
                Some(format!("libipsec: invalid IP address while parsing \"{word}\""))
            }
            Fault::KeyLength { given, fits, .. } => {
                Some(format!("{given} {} {}", fits.min, fits.max))
            }
            _ => None,
        }
    }

    /// Whether the original exits at once, without `parse failed`.
    #[must_use]
    pub fn is_fatal_lexical(&self) -> bool {
        matches!(self.kind, Fault::Stray(_) | Fault::UnclosedQuote)
    }
}
