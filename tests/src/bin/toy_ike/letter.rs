//! What the peers write to each other: a line of text each.

use std::{fmt, iter, str::FromStr};

use model::Spi;

/// Characters of a key: a cipher's, aes-cbc, and behind it that of hmac-sha1.
const CIPHER_KEY: usize = 16;
const KEY: usize = CIPHER_KEY + 20;

/// By which SA its author wants to be sent to.
#[derive(Clone)]
pub struct Offer {
    pub spi: Spi,
    key: String,
}

impl Offer {
    /// An SPI with a new key.
    pub fn new(spi: Spi) -> Self {
        Self { spi, key: iter::repeat_with(fastrand::alphanumeric).take(KEY).collect() }
    }

    /// The cipher's key, and that of the authentication.
    pub fn keys(&self) -> (&[u8], &[u8]) {
        self.key.as_bytes().split_at(CIPHER_KEY)
    }
}

/// A letter. The SPI that names a pair of SAs is that of the reader's inbound one.
pub enum Letter {
    /// "I want a pair; send to me by this."
    Propose(Offer),
    /// "I can receive; you send to me by this."
    Accept(Spi, Offer),
    /// "I can receive too."
    Ready(Spi),
    /// "And I do send by it."
    Done(Spi),
    /// "I no longer send by this pair; delete it."
    Delete(Spi),
    /// "I have."
    Deleted(Spi),
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Propose(Offer { spi, key }) => write!(f, "propose {} {key}", spi.0),
            Self::Accept(yours, Offer { spi, key }) => {
                write!(f, "accept {} {} {key}", yours.0, spi.0)
            }
            Self::Ready(yours) => write!(f, "ready {}", yours.0),
            Self::Done(yours) => write!(f, "done {}", yours.0),
            Self::Delete(yours) => write!(f, "delete {}", yours.0),
            Self::Deleted(yours) => write!(f, "deleted {}", yours.0),
        }
    }
}

impl FromStr for Letter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<&str> = text.split(' ').collect();
        match words[..] {
            ["propose", mine, key] => Ok(Self::Propose(offer(mine, key)?)),
            ["accept", yours, mine, key] => Ok(Self::Accept(spi(yours)?, offer(mine, key)?)),
            ["ready", yours] => Ok(Self::Ready(spi(yours)?)),
            ["done", yours] => Ok(Self::Done(spi(yours)?)),
            ["delete", yours] => Ok(Self::Delete(spi(yours)?)),
            ["deleted", yours] => Ok(Self::Deleted(spi(yours)?)),
            _ => Err("a letter of an unknown kind"),
        }
    }
}

fn spi(word: &str) -> Result<Spi, &'static str> {
    word.parse().map(Spi).map_err(|_| "a letter without an SPI")
}

fn offer(spi: &str, key: &str) -> Result<Offer, &'static str> {
    if key.len() != KEY {
        return Err("a letter with a key of another length");
    }
    Ok(Offer { spi: self::spi(spi)?, key: key.to_owned() })
}
