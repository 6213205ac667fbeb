//! Values in strings, and what SAs and policies have in common.

use std::{fmt, num::NonZeroU32, str::FromStr};

use model::{Key, Lifetime, Lifetimes, Mark, PortMasks, Prefix, SecCtx, Selector, Upper};
use serde::{Deserialize, Deserializer, de};

/// A value that is written as a string.
pub struct Text<T>(pub T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);
        impl<T: FromStr<Err: fmt::Display>> de::Visitor<'_> for Visitor<T> {
            type Value = Text<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<T>, E> {
                text.parse().map(Text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor(std::marker::PhantomData))
    }
}

/// Bytes in hexadecimal digits, which may be secret: no copy but this one is made, and no message has them.
pub struct Secret(pub Key);

impl FromStr for Secret {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let mut bytes = Vec::with_capacity(digits.len() / 2);
        bytes.extend(
            digits.chunks_exact(2).map_while(|both| Some(digit(both[0])? << 4 | digit(both[1])?)),
        );
        // Wiped also if it is not whole.
        let key = Key::new(bytes);
        let is_whole = key.bytes().len() * 2 == digits.len();
        if is_whole { Ok(Self(key)) } else { Err("expected a key of hexadecimal digits") }
    }
}

/// A prefix.
pub struct JsonPrefix(pub Prefix);

impl FromStr for JsonPrefix {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let prefix = text.split_once('/').and_then(|(address, length)| {
            Prefix::new(address.parse().ok()?, Some(length.parse().ok()?)).ok()
        });
        prefix.map(Self).ok_or("expected a prefix: 192.0.2.0/24")
    }
}

#[derive(Deserialize)]
pub struct ReadMark {
    value: u32,
    mask: u32,
}

impl ReadMark {
    pub fn mark(option: Option<Self>) -> Mark {
        option.map_or_else(Mark::default, |Self { value, mask }| Mark { value, mask })
    }
}

#[derive(Deserialize, Default)]
pub struct ReadLifetimes {
    hard: ReadLifetime,
    soft: ReadLifetime,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ReadLifetime {
    packets: u64,
    bytes: u64,
    seconds: u64,
    seconds_in_use: u64,
}

impl ReadLifetimes {
    pub fn lifetimes(&self) -> Lifetimes {
        let of = |it: &ReadLifetime| {
            Lifetime::from_numbers([it.packets, it.bytes, it.seconds, it.seconds_in_use])
        };
        Lifetimes { hard: of(&self.hard), soft: of(&self.soft) }
    }
}

#[derive(Deserialize)]
pub struct ReadContext {
    doi: u8,
    algorithm: u8,
    context: String,
}

impl From<ReadContext> for SecCtx {
    fn from(ReadContext { doi, algorithm, context }: ReadContext) -> Self {
        SecCtx { doi, alg: algorithm, context: context.into_bytes() }
    }
}

#[derive(Deserialize)]
pub struct ReadSelector {
    src: Text<JsonPrefix>,
    dst: Text<JsonPrefix>,
    #[serde(default)]
    protocol: u8,
    src_port: Option<u16>,
    dst_port: Option<u16>,
    r#type: Option<u16>,
    code: Option<u16>,
    src_port_mask: Option<u16>,
    dst_port_mask: Option<u16>,
    device: Option<Text<model::DeviceName>>,
    user: Option<NonZeroU32>,
}

impl ReadSelector {
    pub fn selector(self) -> Result<Selector, String> {
        let selector = Selector::new(self.src.0.0, self.dst.0.0);
        let mut selector = selector.map_err(|error| error.to_string())?;
        selector.upper = Upper::from_xfrm(self.protocol);
        selector.src_port = self.src_port.or(self.r#type).unwrap_or(0);
        selector.dst_port = self.dst_port.or(self.code).unwrap_or(0);
        if self.src_port_mask.is_some() || self.dst_port_mask.is_some() {
            let PortMasks { src, dst } = selector.port_masks();
            selector.port_masks = Some(PortMasks {
                src: self.src_port_mask.unwrap_or(src),
                dst: self.dst_port_mask.unwrap_or(dst),
            });
        }
        selector.device = self.device.map(|device| device.0);
        selector.user = self.user.map_or(0, NonZeroU32::get);
        Ok(selector)
    }
}
