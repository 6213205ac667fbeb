//! Values in a word.

use std::num::NonZeroU32;

use model::{
    AddressPair, Algorithm, AlgorithmKind, Key, Keyed, Lifetimes, Mark, Mode, Proto, SecCtx,
    ZeroLimits,
};
use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::tag,
    character::complete::{char, digit1, hex_digit1},
    combinator::{map_res, opt, value},
    sequence::{delimited, preceded, separated_pair, terminated},
};

use super::{Error, words::UnreadWords};

/// `0x1f` or `31`.
pub fn number32(text: &str) -> IResult<&str, u32> {
    alt((
        preceded(tag("0x"), map_res(hex_digit1, |digits| u32::from_str_radix(digits, 16))),
        map_res(digit1, str::parse),
    ))
    .parse(text)
}

/// A number, and the same in other digits: `0x00001000(4096)`.
fn twice(text: &str) -> IResult<&str, u32> {
    terminated(number32, opt(delimited(char('('), number32, char(')')))).parse(text)
}

/// `0x5/0xff`.
fn mark_and_mask(text: &str) -> IResult<&str, (u32, u32)> {
    separated_pair(number32, char('/'), number32).parse(text)
}

/// `(INF)` or a number.
fn limit(text: &str) -> IResult<&str, Option<u64>> {
    alt((value(None, tag("(INF)")), map_res(digit1, |digits: &str| digits.parse().map(Some))))
        .parse(text)
}

impl UnreadWords<'_> {
    /// A number of 32 bits, which `-s` prints twice.
    pub fn number(&mut self, what: &str) -> Result<u32, Error> {
        self.read(what, twice)
    }

    /// A number of 32 bits before a comma.
    pub fn number_in_list(&mut self, what: &str) -> Result<u32, Error> {
        self.read(what, terminated(number32, opt(char(','))))
    }

    /// The addresses after `src`.
    pub fn ends(&mut self) -> Result<AddressPair, Error> {
        let src = self.parse("an IP address")?;
        self.expect("dst")?;
        let at_dst = self.clone();
        let dst = self.parse("an IP address")?;
        AddressPair::new(src, dst).map_err(|_| at_dst.wrong("an address of the IP version of src"))
    }

    /// A protocol of an SA or a template.
    pub fn proto(&mut self) -> Result<Proto, Error> {
        self.convert("a protocol: esp, ah, comp, route2 or hao", |word| match word {
            "comp" => Some(Proto::IpComp),
            "ipsec-any" => Some(Proto::Any),
            "esp" | "ah" | "route2" | "hao" => word.parse().ok(),
            number => number.parse().ok().and_then(Proto::from_number),
        })
    }

    /// A mode.
    pub fn mode(&mut self) -> Result<Mode, Error> {
        self.convert("a mode", |word| {
            word.parse().ok().or_else(|| Mode::from_xfrm(word.parse().ok()?))
        })
    }

    /// A mark with its mask.
    pub fn mark(&mut self) -> Result<Mark, Error> {
        let (value, mask) = self.read("a mark and its mask: 0x5/0xff", mark_and_mask)?;
        Ok(Mark { value, mask })
    }

    /// A mark with or without a mask.
    pub fn output_mark(&mut self) -> Result<Mark, Error> {
        let full = |value| Mark { value, mask: u32::MAX };
        let both = mark_and_mask.map(|(value, mask)| Mark { value, mask });
        self.read("a mark", alt((both, number32.map(full))))
    }

    /// The number of an xfrm interface.
    pub fn if_id(&mut self) -> Result<Option<NonZeroU32>, Error> {
        Ok(NonZeroU32::new(self.number("a number")?))
    }

    /// An algorithm of a kind, with its key and the bits of its ICV.
    pub fn keyed(&mut self, kind: AlgorithmKind, has_icv: bool) -> Result<Keyed, Error> {
        let mut at_name = self.clone();
        let name = self.next();
        let key = self.key()?;
        if key.bytes().is_empty() {
            // The name may have been left out.
            at_name.hide();
        }
        let row = Algorithm::by_kernel(kind, name, 0).map_or(0, |row| row.icv_bits);
        let icv = if has_icv { self.parse("the bits of the ICV")? } else { row };
        self.hide();
        let known = Algorithm::is_kernel_name(name).then(|| Keyed::of_kernel(kind, name, icv, key));
        known.flatten().ok_or_else(|| at_name.wrong("the name of an algorithm"))
    }

    /// A key; nothing is printed for an empty one.
    fn key(&mut self) -> Result<Key, Error> {
        self.hide();
        if self.peek() == "<<Keys" {
            return Err(self.wrong("a key: `ip xfrm state list nokeys` hides them"));
        }
        let Some(digits) = self.peek().strip_prefix("0x") else { return Ok(Key::default()) };
        let byte = |place| u8::from_str_radix(digits.get(place..place + 2)?, 16).ok();
        let mut bytes = Vec::with_capacity(digits.len() / 2);
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex && digits.len().is_multiple_of(2) {
            bytes.extend((0..digits.len()).step_by(2).filter_map(byte));
        }
        // Wiped also if it is not whole.
        let key = Key::new(bytes);
        if key.bytes().len() * 2 != digits.len() {
            return Err(self.wrong("a key of hexadecimal digits, two a byte"));
        }
        self.next();
        // `(128 bits)`
        if self.peek().starts_with('(') {
            self.next();
            self.expect("bits)")?;
        }
        // A key with a blank in it goes on.
        self.hide();
        Ok(key)
    }

    /// The limits after `lifetime config:`, and those of bytes and packets that are 0.
    pub fn limits(&mut self) -> Result<(Lifetimes, ZeroLimits), Error> {
        let mut zero = [false; 4];
        let mut counts = [[0; 2]; 2];
        for (row, unit) in ["(bytes)", "(packets)"].into_iter().enumerate() {
            self.expect("limit:")?;
            for (column, side) in ["soft", "hard"].into_iter().enumerate() {
                self.expect(side)?;
                let unit = tag(unit);
                let it = self.read("a limit", terminated(limit, (unit, opt(char(',')))))?;
                zero[2 * row + column] = it == Some(0);
                counts[row][column] = it.unwrap_or(0);
            }
        }
        let mut times = [[0; 2]; 2];
        for (row, kind) in ["add:", "use:"].into_iter().enumerate() {
            self.expect_all(&format!("expire {kind}"))?;
            for (column, side) in ["soft", "hard"].into_iter().enumerate() {
                self.expect(side)?;
                let seconds =
                    terminated(map_res(digit1, str::parse), (tag("(sec)"), opt(char(','))));
                times[row][column] = self.read("a number of seconds", seconds)?;
            }
        }
        let of = |side: usize| {
            let [bytes, packets] = counts.map(|row| row[side]);
            let [add, used] = times.map(|row: [u64; 2]| row[side]);
            model::Lifetime::from_numbers([packets, bytes, add, used])
        };
        Ok((Lifetimes { soft: of(0), hard: of(1) }, ZeroLimits::new(zero)))
    }

    /// The counters after `lifetime current:`.
    pub fn current(&mut self) -> Result<model::Current, Error> {
        let number = |unit| terminated(map_res(digit1, str::parse), (tag(unit), opt(char(','))));
        let bytes = self.read("a number of bytes", number("(bytes)"))?;
        let packets = self.read("a number of packets", number("(packets)"))?;
        self.expect("add")?;
        self.date();
        self.expect("use")?;
        self.date();
        Ok(model::Current { packets, bytes, ..model::Current::default() })
    }

    /// A time, in the host's time zone, or `-`.
    pub fn date(&mut self) {
        if self.next() != "-" {
            self.next();
        }
    }

    /// The label after `security context`, to the end of its line.
    pub fn context(&mut self) -> Result<SecCtx, Error> {
        self.expect("context")?;
        Ok(SecCtx { doi: 1, alg: 1, context: self.line().as_bytes().to_vec() })
    }
}
