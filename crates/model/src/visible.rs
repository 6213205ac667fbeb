use std::fmt::{self, Write};

/// A text that another program or a file has chosen, for a message or a table: a name, a path, a token.
/// What would change the line or the terminal is printed as an escape: control characters as `\n` and
/// `\u{1b}`, and so are line separators and the marks that change the direction of text or are invisible.
pub struct Visible<'a>(pub &'a str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_visible(c) { f.write_char(c)? } else { write!(f, "{}", c.escape_default())? }
        }
        Ok(())
    }
}

/// [`Visible`] as a string.
#[must_use]
pub fn visible(text: &str) -> String {
    Visible(text).to_string()
}

/// Whether a character is printed as it is.
#[must_use]
pub fn is_visible(c: char) -> bool {
    // Cf, Zl and Zp of Unicode, as far as they lie here: soft hyphen, Arabic and Syriac marks, zero width,
    // directions, separators, interlinear annotations, tags.
    let is_mark = matches!(
        c,
        '\u{ad}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    );
    !c.is_control() && !is_mark
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_in_its_line() {
        for (text, shown) in [
            ("sshd", "sshd"),
            ("naïve 日本 \\n", "naïve 日本 \\n"),
            ("\x1b[31mx\n1 sshd 3", "\\u{1b}[31mx\\n1 sshd 3"),
            ("a\tb\r\0\x7f", "a\\tb\\r\\u{0}\\u{7f}"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("user\u{202e}txt.conf\u{2028}", "user\\u{202e}txt.conf\\u{2028}"),
            ("\u{200b}\u{feff}\u{e0041}", "\\u{200b}\\u{feff}\\u{e0041}"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }
}
