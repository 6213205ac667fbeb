//! Characters of other scripts that look like those of the keyboard.

/// Letters and signs of other scripts, most of them Cyrillic or Greek, each with the character that it looks like.
const CHARACTERS: &[(char, char)] = &[
    ('а', 'a'),
    ('с', 'c'),
    ('ԁ', 'd'),
    ('е', 'e'),
    ('һ', 'h'),
    ('і', 'i'),
    ('ј', 'j'),
    ('о', 'o'),
    ('ο', 'o'),
    ('р', 'p'),
    ('ρ', 'p'),
    ('ѕ', 's'),
    ('ν', 'v'),
    ('х', 'x'),
    ('×', 'x'),
    ('у', 'y'),
    ('А', 'A'),
    ('Α', 'A'),
    ('В', 'B'),
    ('С', 'C'),
    ('Е', 'E'),
    ('Ε', 'E'),
    ('Н', 'H'),
    ('К', 'K'),
    ('М', 'M'),
    ('О', 'O'),
    ('Р', 'P'),
    ('Т', 'T'),
    ('Х', 'X'),
    ('⁄', '/'),
    ('∕', '/'),
    ('‚', ','),
    ('∶', ':'),
];

/// Characters of full width begin here, with that of `!`.
const FULL_WIDTH: u32 = 0xff01;

/// The printable characters of ASCII begin here.
const FIRST: u32 = '!' as u32;

/// The character of the keyboard that another one looks like.
pub(super) fn of_keyboard(c: char) -> Option<char> {
    let is_full = (FULL_WIDTH..FULL_WIDTH + 94).contains(&u32::from(c));
    let narrow = is_full.then(|| char::from_u32(u32::from(c) - FULL_WIDTH + FIRST)).flatten();
    CHARACTERS.iter().find(|(other, _)| *other == c).map(|(_, own)| *own).or(narrow)
}

/// A word with those characters replaced.
pub(super) fn in_ascii(word: &str) -> String {
    word.chars().map(|c| of_keyboard(c).unwrap_or(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_full_width() {
        assert_eq!(in_ascii("еsp"), "esp");
        assert_eq!(in_ascii("0×10ａ／é"), "0x10a/é");
        assert_eq!(of_keyboard('e'), None);
    }
}
