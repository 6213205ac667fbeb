//! The setkey language.
