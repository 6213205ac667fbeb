/// Whether the keys of SAs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keys {
    /// Only their lengths and fingerprints are.
    #[default]
    Hidden,
    /// Their digits are, too.
    Shown,
}
