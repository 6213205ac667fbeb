//! Colours of messages on standard error.

use std::io;

use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;

/// When messages have colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal; `NO_COLOR`, `CLICOLOR` and `CLICOLOR_FORCE` change that.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The colours of a message: escape sequences, or nothing.
#[derive(Debug, Clone, Copy)]
pub struct Colors {
    pub(crate) bold: &'static str,
    pub(crate) red: &'static str,
    pub(crate) blue: &'static str,
    pub(crate) off: &'static str,
}

impl Colors {
    /// No escape sequence at all.
    pub const NONE: Colors = Colors { bold: "", red: "", blue: "", off: "" };

    /// Those of messages on standard error.
    #[must_use]
    pub fn of(color: Color) -> Self {
        Self::wanted(color, || AutoStream::choice(&io::stderr()))
    }

    /// Those of messages that are a command's result, on standard output.
    #[must_use]
    pub fn on_stdout(color: Color) -> Self {
        Self::wanted(color, || AutoStream::choice(&io::stdout()))
    }

    fn wanted(color: Color, of_stream: impl Fn() -> ColorChoice) -> Self {
        let wanted = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => of_stream() != ColorChoice::Never,
        };
        if !wanted {
            return Self::NONE;
        }
        Self { bold: "\x1b[1m", red: "\x1b[1;31m", blue: "\x1b[34m", off: "\x1b[0m" }
    }
}
