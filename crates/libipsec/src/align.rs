//! Where the extensions of a message begin and end.

use pfkey::{HEADER_LENGTH, UNIT, ext_type};

use crate::error::Code;

/// Entries of the table that `pfkey_align` fills: `SADB_EXT_MAX + 1` (linux/pfkeyv2.h).
pub(crate) const TABLE: usize = ext_type::MAX as usize + 1;

/// One extension, not looked into.
pub(crate) struct Extension<'a> {
    /// `sadb_ext_type`.
    pub number: u16,
    /// What follows length and type.
    pub body: &'a [u8],
}

/// The extensions of a message, without its header. `None` comes last, where the lengths do not add
/// up.
pub(crate) fn extensions(mut rest: &[u8]) -> impl Iterator<Item = Option<Extension<'_>>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let first = split(rest);
        rest = first.as_ref().map_or(&[], |(_, behind)| behind);
        Some(first.map(|(extension, _)| extension))
    })
}

fn split(rest: &[u8]) -> Option<(Extension<'_>, &[u8])> {
    let (&[a, b, c, d], _) = rest.split_first_chunk::<4>()?;
    let length = usize::from(u16::from_ne_bytes([a, b])) * UNIT;
    let body = rest.get(4..length)?;
    Some((Extension { number: u16::from_ne_bytes([c, d]), body }, &rest[length..]))
}

/// The places of the extensions in a message, by their types. Types that the table has no room for
/// are passed over: the kernel may know more than the program.
pub(crate) fn align(message: &[u8]) -> Result<[Option<usize>; TABLE], Code> {
    let mut places = [None; TABLE];
    places[0] = Some(0);
    let mut at = HEADER_LENGTH;
    for extension in extensions(message.get(at..).ok_or(Code::InvalidMessage)?) {
        let extension = extension.ok_or(Code::InvalidMessage)?;
        if let Some(place) = places.get_mut(usize::from(extension.number))
            && place.replace(at).is_some()
        {
            return Err(Code::InvalidExtensionType);
        }
        at += 4 + extension.body.len();
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of these extensions, each a type and a length in units.
    fn message(extensions: &[(u16, u16)]) -> Vec<u8> {
        let mut message = vec![0; HEADER_LENGTH];
        for &(number, units) in extensions {
            let start = message.len();
            message.extend_from_slice(&units.to_ne_bytes());
            message.extend_from_slice(&number.to_ne_bytes());
            message.resize(start + usize::from(units).max(1) * 8, 0);
        }
        message
    }

    #[test]
    fn extensions_are_found_by_type() {
        let places = align(&message(&[(5, 3), (200, 2), (26, 1), (1, 2)])).unwrap();
        let found: Vec<_> = places
            .iter()
            .enumerate()
            .filter_map(|(number, place)| Some((number, (*place)?)))
            .collect();
        assert_eq!(found, [(0, 0), (1, 64), (5, 16), (26, 56)]);
    }

    #[test]
    fn a_type_occurs_once() {
        assert_eq!(align(&message(&[(5, 3), (5, 3)])), Err(Code::InvalidExtensionType));
        assert_eq!(align(&message(&[(0, 1)])), Err(Code::InvalidExtensionType));
        assert!(align(&message(&[(99, 1), (99, 1)])).is_ok());
    }

    #[test]
    fn lengths_add_up() {
        let wrong = Err(Code::InvalidMessage);
        assert_eq!(align(&message(&[(1, 0)])), wrong);
        assert_eq!(align(&message(&[(1, 2)])[..24]), wrong);
        assert_eq!(align(&[&message(&[(1, 2)])[..], &[0; 3]].concat()), wrong);
        assert_eq!(align(&[0; 8]), wrong);
        assert!(align(&[0; 16]).is_ok());
    }
}
