use model::{Key, names::LookUp};

use super::{Extension, Host, Node, SaProtoWord};

/// The two ends and the protocol of an SA.
#[derive(Debug, Clone, PartialEq)]
pub struct SaEnds {
    /// `-4`, `-6`, `-n`.
    pub look_up: LookUp,
    /// Source.
    pub src: Host,
    /// Destination.
    pub dst: Host,
    /// Protocol, if one is given.
    pub proto: Option<Node<SaProto>>,
}

/// What names an SA in a script, and the extensions that may follow.
#[derive(Debug, Clone, PartialEq)]
pub struct SaName {
    /// Ends and protocol.
    pub ends: SaEnds,
    /// SPI, as written: it may be over 32 bits.
    pub spi: Node<u64>,
    /// Extensions, in order.
    pub extensions: Vec<Node<Extension>>,
}

/// The protocol word of an SA.
#[derive(Debug, Clone, PartialEq)]
pub enum SaProto {
    /// `esp`.
    Esp,
    /// `esp-old`: RFC 1827.
    EspOld,
    /// `ah`.
    Ah,
    /// `ah-old`: RFC 1826.
    AhOld,
    /// `ipcomp`.
    IpComp,
    /// `esp-udp`, with the original address of the peer behind the NAT.
    EspUdp(Option<Node<String>>),
    /// `tcp`: TCP-MD5.
    Tcp,
}

impl SaProto {
    /// The word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            SaProto::Esp => SaProtoWord::Esp,
            SaProto::EspOld => SaProtoWord::EspOld,
            SaProto::Ah => SaProtoWord::Ah,
            SaProto::AhOld => SaProtoWord::AhOld,
            SaProto::IpComp => SaProtoWord::IpComp,
            SaProto::EspUdp(_) => SaProtoWord::EspUdp,
            SaProto::Tcp => SaProtoWord::Tcp,
        }
        .word()
    }
}

/// The algorithms of an SA.
#[derive(Debug, Clone, PartialEq)]
pub enum Algorithms {
    /// `-E`, or `-E` and `-A`.
    Crypt(Algorithm, Option<Algorithm>),
    /// `-A`.
    Auth(Algorithm),
    /// `-C`.
    Comp {
        /// The algorithm's name.
        name: Node<String>,
        /// `-R`: the CPI is sent as it is.
        raw_cpi: bool,
    },
}

/// An algorithm with its key; `null` and `simple` have none but in FreeBSD.
#[derive(Debug, Clone, PartialEq)]
pub struct Algorithm {
    /// The name.
    pub name: Node<String>,
    /// The key.
    pub key: Option<Node<Key>>,
}
