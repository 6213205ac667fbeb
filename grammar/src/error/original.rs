//! What the original prints of an error.

use super::{Error, Kind, SERVNAME};

impl Error {
    /// The message of the original, where it has one.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        Some(match &self.kind {
            Kind::Syntax { .. } | Kind::LateQuote | Kind::Unused { .. } => "syntax error",
            Kind::Stray(_) | Kind::UnclosedQuote => "Syntax error",
            Kind::PolicySyntax { .. } => "Invalid argument",
            Kind::TooFewArguments => "Too few arguments",
            Kind::Endpoint { reason, .. }
            | Kind::Host { reason, .. }
            | Kind::NamedType { reason, .. }
            | Kind::Port { reason, .. } => reason,
            Kind::Direction => "Invalid direction",
            Kind::NoEndpoints => "Invalid address specification",
            Kind::EndpointFamilies => "Family mismatch",
            Kind::PriorityOffset => {
                "Priority offset from base not in valid range [0, 1073741823] for negative offsets \
                 and [0, 1073741824] for positive offsets"
            }
            Kind::Priority => "Priority offset not in valid range [-2147483647, 2147483648]",
            Kind::KeyLength { .. } => "Invalid key length",
            Kind::NotSupported(_) => "Not supported",
            Kind::AlgorithmMismatch(_) => "algorithm mismatched",
            Kind::ReplayWithOld => "replay prevention cannot be used with ah/esp-old",
            Kind::ManyAddresses(_) => "multiple address specified",
            Kind::Upper(_) => "invalid upper layer protocol",
            Kind::Misc(_) => "invalid an upper layer protocol spec",
            Kind::NoMisc(_) => SERVNAME,
            Kind::NoPriority => "Policy priority not compiled in",
            Kind::OutOfRange { original, .. } => return *original,
            Kind::TooLong
            | Kind::Unreadable(_)
            | Kind::NoPair
            | Kind::Device(_)
            | Kind::KernelName
            | Kind::Bitmap { .. }
            | Kind::Tagged
            | Kind::OldProtocol(_)
            | Kind::DerivedIv(_)
            | Kind::OnlyIcmp6(_)
            | Kind::NoAction
            | Kind::Refused(_)
            | Kind::HardwareDirection => return None,
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
            Kind::PolicySyntax { word, .. } => {
                Some(format!("libipsec: syntax error while parsing \"{word}\""))
            }
            Kind::Endpoint { word, .. } => {
                Some(format!("libipsec: invalid IP address while parsing \"{word}\""))
            }
            Kind::KeyLength { given, fits, .. } => {
                Some(format!("{given} {} {}", fits.min, fits.max))
            }
            _ => None,
        }
    }

    /// Whether the original exits at once, without `parse failed`.
    #[must_use]
    pub fn is_fatal_lexical(&self) -> bool {
        matches!(self.kind, Kind::Stray(_) | Kind::UnclosedQuote)
    }
}
