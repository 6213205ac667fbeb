/// Text in lines of at most this width, each after as many blanks, with line feeds. It is broken between
/// words alone, and has one line without a width.
#[must_use]
pub fn wrap(text: &str, indent: usize, width: Option<usize>) -> String {
    wrap_hanging(text, indent, indent, width)
}

/// As [`wrap`], with so many blanks before the first line, and so many before further ones.
#[must_use]
pub fn wrap_hanging(text: &str, first: usize, further: usize, width: Option<usize>) -> String {
    let [first, further] = [first, further].map(|indent| " ".repeat(indent));
    let options = textwrap::Options::new(width.unwrap_or(usize::MAX))
        .initial_indent(&first)
        .subsequent_indent(&further)
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
        assert_eq!(wrap_hanging("+ add a b;", 0, 4, Some(8)), "+ add a\n    b;\n");
    }
}
