/// Text in lines of at most this width, each after as many blanks, with line feeds. It is broken between
/// words alone, and has one line without a width.
#[must_use]
pub fn wrap(text: &str, indent: usize, width: Option<usize>) -> String {
    let blanks = " ".repeat(indent);
    let options = textwrap::Options::new(width.unwrap_or(usize::MAX))
        .initial_indent(&blanks)
        .subsequent_indent(&blanks)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).iter().fold(String::new(), |lines, line| lines + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_broken() {
        let text = "the peer uses XfrmInStateProtoError-like words";
        let narrow = "  the peer\n  uses\n  XfrmInStateProtoError-like\n  words\n";
        assert_eq!(wrap(text, 2, Some(12)), narrow);
        assert_eq!(wrap(text, 4, None), format!("    {text}\n"));
    }
}
