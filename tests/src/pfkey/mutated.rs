//! Messages in which something is not as it was.

use super::{Case, Dice, Draft, Seen, Step, case::FIRST_SEQ, generated::draft};

/// Messages in a sequence, and how many of them are as they should be, so that there is something
/// for the others to meet.
const LENGTH: usize = 60;
const WHOLE: usize = 10;

/// SPIs of which two larval SAs may well get the same one.
const FEW: u32 = 1 << 20;

/// Bytes of a header, and what lengths count.
const HEADER: usize = 16;
const UNIT: usize = 8;

/// The sequence of a number.
#[must_use]
pub fn sequence_of_mutated(dice: &mut Dice, number: usize) -> Case {
    let mut seqs = FIRST_SEQ..;
    let mut step = |at| {
        let whole = draft(dice, seqs.next().unwrap_or(0));
        let mut mutated = || {
            let mut bytes = whole.bytes(&Seen::default()).expect("a message");
            let good = bytes.clone();
            for _ in 0..dice.pick(&[1, 1, 1, 2, 3]) {
                mutate(dice, &mut bytes);
            }
            Draft::of_bytes(if is_up_to_chance(&bytes) { &good } else { &bytes })
        };
        Step::Send("a".to_owned(), if at < WHOLE { whole } else { mutated() })
    };
    Case { name: format!("mutated {number}"), steps: (0..LENGTH).map(&mut step).collect() }
}

fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>) {
    match dice.below(10) {
        0..3 => {
            if let Some(byte) = somewhere(dice, bytes) {
                *byte ^= 1 << dice.below(8);
            }
        }
        3..5 => {
            let with = dice.byte();
            if let Some(byte) = somewhere(dice, bytes) {
                *byte = with;
            }
        }
        5 => {
            bytes.truncate(dice.below(bytes.len() + 1));
            if dice.once_in(2) {
                say_length(bytes);
            }
        }
        6 => {
            bytes.resize(bytes.len() + dice.below(20), 0);
            if dice.once_in(2) {
                say_length(bytes);
            }
        }
        _ => change_extension(dice, bytes),
    }
}

fn somewhere<'b>(dice: &mut Dice, bytes: &'b mut [u8]) -> Option<&'b mut u8> {
    let length = bytes.len();
    // The version is not worth more than a few.
    let at = (length != 0).then(|| dice.below(length)).filter(|&at| at != 0 || dice.once_in(9))?;
    bytes.get_mut(at)
}

/// Removes, repeats, lengthens or renames an extension.
fn change_extension(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let extensions = extensions(bytes);
    if extensions.is_empty() {
        return;
    }
    let (at, length) = dice.pick(&extensions);
    match dice.below(4) {
        0 => drop(bytes.drain(at..at + length)),
        1 => bytes.extend_from_within(at..at + length),
        2 => bytes[at] = bytes[at].wrapping_add(dice.pick(&[1, 2, 255])),
        _ => bytes[at + 2] = dice.byte() % 30,
    }
    say_length(bytes);
}

/// Where the extensions are, as far as they say their lengths, and how long they are.
fn extensions(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut at = HEADER;
    let next = || {
        let units = usize::from(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        let extension = (at, units * UNIT);
        at += extension.1;
        (extension.1 != 0 && at <= bytes.len()).then_some(extension)
    };
    std::iter::from_fn(next).collect()
}

/// Whether the answer to a message differs from time to time: NAT_T_TYPE without ports, which are
/// what was in AF_KEY's memory then, and few SPIs to choose from, of which one may come twice.
fn is_up_to_chance(bytes: &[u8]) -> bool {
    let extensions = extensions(bytes);
    let find = |number| extensions.iter().find(|(at, _)| bytes[at + 2] == number);
    let number = |at: usize| {
        bytes.get(at..at + 4).map(|it| u32::from_le_bytes([it[0], it[1], it[2], it[3]]))
    };
    let few = find(16).is_some_and(|&(at, _)| {
        let (min, max) = (number(at + 4).unwrap_or(0), number(at + 8).unwrap_or(0));
        max.checked_sub(min).is_some_and(|more| (1..FEW).contains(&more))
    });
    few || find(20).is_some() && (find(21).is_none() || find(22).is_none())
}

fn say_length(bytes: &mut [u8]) {
    let units = u16::try_from(bytes.len() / UNIT).expect("a short message");
    if let Some(field) = bytes.get_mut(4..6) {
        field.copy_from_slice(&units.to_le_bytes());
    }
}
