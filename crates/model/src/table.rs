/// A word that a table does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no {concept}")]
pub struct UnknownWord {
    /// What the table lists: `level`, `mode`.
    pub concept: &'static str,
    /// The word.
    pub word: String,
}

/// Declares an enum in which every variant is a row of a table, so that a variant without its word
/// and its numbers does not compile. `$row` is a struct with a field `word`; the enum's own module
/// gives the access to the other columns.
#[macro_export]
macro_rules! table {
    (
        $(#[$meta:meta])*
        pub enum $name:ident: $row:ident, $concept:literal {
            $($(#[$doc:meta])* $variant:ident => $value:expr,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// Every row of the table, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            const fn row(self) -> $row {
                match self {
                    $(Self::$variant => $value,)*
                }
            }

            /// The word in scripts and dumps.
            #[must_use]
            pub const fn word(self) -> &'static str {
                self.row().word
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::UnknownWord;

            fn from_str(word: &str) -> Result<Self, $crate::UnknownWord> {
                let found = Self::ALL.iter().find(|row| row.word() == word);
                found.copied().ok_or_else(|| $crate::UnknownWord {
                    concept: $concept,
                    word: word.to_owned(),
                })
            }
        }
    };
}
