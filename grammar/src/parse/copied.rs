//! What a text has that was copied from elsewhere: a web page, a terminal, a patch, a form with placeholders.

use crate::tree::StatementWord;

/// About a character of HTML, behind whose `;` the parser sees another statement.
pub(crate) const HTML: &str = "HTML has this for a character: write the character";

/// What an SPI is, for those that write another word.
pub(super) const SPI_IS_NUMBER: &str =
    concat!("an SPI is a number of ", model::first_free_spi!(), " or more, the same at both ends");

/// About words with commas between them.
pub(super) const NO_COMMAS: &str = "blanks are between words, not commas";

/// What begins a placeholder.
const PLACEHOLDERS: &[&str] = &["{{", "{%", "<%", "%("];

/// What is at both ends of one.
const MARKS: &[char] = &['@', '%'];

/// Words that end a text in a script of the shell.
const ENDS: &[&str] = &["EOF", "END", "EOT", "_EOF_", "EOL"];

/// Words that begin a command or a part of a shell.
pub(super) const OF_SHELLS: &[&str] = &[
    "for", "do", "done", "if", "then", "else", "fi", "while", "case", "esac", "echo", "export",
    "set", "sudo", "cat", "exec", "source", "modprobe", "sysctl",
];

/// Words that give a variable its value elsewhere.
pub(super) const OF_VARIABLES: &[&str] = &["let", "var", "my", "local", "define", "declare"];

/// Words that begin a comment elsewhere.
pub(super) const OF_COMMENTS: &[&str] = &["rem", "REM", "Rem", "comment", "dnl"];

/// What to do about the character that `rest` begins with, behind `before` of its statement.
pub(super) fn at_character(before: &str, rest: &str) -> Option<&'static str> {
    if PLACEHOLDERS.iter().any(|mark| rest.starts_with(mark)) || is_marked(rest) {
        return Some("a placeholder was not replaced: put a value in its place");
    }
    if is_entity(rest) {
        return Some(HTML);
    }
    if has_commas(before) {
        return Some(NO_COMMAS);
    }
    let is_quote = rest.starts_with('\'');
    Some(match rest.strip_prefix('\\').map(|behind| behind.chars().next()) {
        Some(Some('/')) => "no `\\` is before a slash: leave it out",
        Some(Some('"')) => "no `\\` is before a quote: leave it out",
        Some(Some('n')) => "`\\n` does not end a line here: end it",
        _ if is_quote && before.trim_end().ends_with("-P") => NO_QUOTES_OF_POLICY,
        _ if is_quote && before.starts_with("spd") => "no word of a policy has quotes",
        _ => return None,
    })
}

/// About quotes behind `-P`.
pub(super) const NO_QUOTES_OF_POLICY: &str = "a policy has no quotes: leave them out";

/// Whether a statement has commas between its words.
pub(super) fn has_commas(text: &str) -> bool {
    let first = text.split([' ', '\t', '\n']).next().and_then(|first| first.split_once(','));
    first.is_some_and(|(word, _)| word.parse::<StatementWord>().is_ok())
}

/// Whether a word has a mark at both ends, as `@LOCAL@`.
fn is_marked(rest: &str) -> bool {
    MARKS.iter().any(|&mark| {
        let inside = rest.strip_prefix(mark).and_then(|rest| rest.split_once(mark));
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        inside.is_some_and(|(name, _)| !name.is_empty() && name.chars().all(is_name))
    })
}

/// Whether a text begins as `&quot;` or `&#34;`.
fn is_entity(rest: &str) -> bool {
    let name = rest.strip_prefix('&').and_then(|rest| rest.split_once(';'));
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '#';
    name.is_some_and(|(name, _)| !name.is_empty() && name.chars().all(is_name))
}

/// What to do about the beginning of a statement that is none.
pub(super) fn at_beginning(rest: &str) -> Option<&'static str> {
    let is_statement = |word: &str| word.parse::<StatementWord>().is_ok();
    let mut words = rest.split([' ', '\t', '\n', ';']).filter(|word| !word.is_empty());
    let (first, second) = (words.next()?, words.next());
    Some(if first == "$" || first == "%" {
        "a script has statements alone, without a prompt and commands of the shell"
    } else if first.strip_prefix(['-', '+']).is_some_and(is_statement) {
        "diff(1) marks lines so: leave the mark out"
    } else if first == "-" || first == "*" {
        "a statement begins with a word, as add or spdadd"
    } else if first.bytes().all(|byte| byte.is_ascii_digit()) && second.is_some_and(is_statement) {
        "a script has no line numbers: leave them out"
    } else if ENDS.contains(&first) {
        "a script of the shell ends a text so: leave it out"
    } else {
        return None;
    })
}

/// Whether a word that begins no statement has a hint of its own.
pub(super) fn is_named_at_beginning(word: &str) -> bool {
    const OTHERS: &[&str] = &["setkey", "ip", "include"];
    [ENDS, OF_SHELLS, OF_COMMENTS, OF_VARIABLES, OTHERS].iter().any(|it| it.contains(&word))
}
