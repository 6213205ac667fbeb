//! The words of the language that are not the model's, in tables.

use model::{
    Dialect::{self, Linux, NetBsd},
    Proto, table,
};

struct StatementRow {
    word: &'static str,
    dialects: &'static [Dialect],
}

const fn common(word: &'static str) -> StatementRow {
    StatementRow { word, dialects: Dialect::ALL }
}

const fn of(dialects: &'static [Dialect], word: &'static str) -> StatementRow {
    StatementRow { word, dialects }
}

table! {
    /// The word that begins a statement.
    pub enum StatementWord: StatementRow, "statement" {
        /// Adds an SA.
        Add => common("add"),
        /// Changes an SA.
        Update => of(&[NetBsd], "update"),
        /// Reserves an SPI.
        GetSpi => of(&[NetBsd], "getspi"),
        /// Shows an SA.
        Get => common("get"),
        /// Deletes an SA.
        Delete => common("delete"),
        /// Deletes all SAs between two addresses.
        DeleteAll => common("deleteall"),
        /// Deletes all SAs.
        Flush => common("flush"),
        /// Shows all SAs.
        Dump => common("dump"),
        /// Adds a policy.
        SpdAdd => common("spdadd"),
        /// Replaces a policy.
        SpdUpdate => of(&[Linux, NetBsd], "spdupdate"),
        /// Deletes a policy.
        SpdDelete => common("spddelete"),
        /// Deletes all policies.
        SpdFlush => common("spdflush"),
        /// Shows all policies.
        SpdDump => common("spddump"),
        /// Ends the script.
        Exit => of(&[Linux, NetBsd], "exit"),
        /// The same.
        Quit => of(&[Linux, NetBsd], "quit"),
        /// The same.
        Bye => of(&[Linux, NetBsd], "bye"),
    }
}

impl StatementWord {
    /// The dialects that have the statement.
    #[must_use]
    pub fn dialects(self) -> &'static [Dialect] {
        self.row().dialects
    }
}

struct ProtoRow {
    word: &'static str,
    dialects: &'static [Dialect],
}

table! {
    /// The word for the protocol of an SA.
    pub enum SaProtoWord: ProtoRow, "protocol of an SA" {
        /// ESP.
        Esp => ProtoRow { word: Proto::Esp.word(), dialects: Dialect::ALL },
        /// ESP of RFC 1827.
        EspOld => ProtoRow { word: "esp-old", dialects: Dialect::ALL },
        /// AH.
        Ah => ProtoRow { word: Proto::Ah.word(), dialects: Dialect::ALL },
        /// AH of RFC 1826.
        AhOld => ProtoRow { word: "ah-old", dialects: Dialect::ALL },
        /// IPComp.
        IpComp => ProtoRow { word: Proto::IpComp.word(), dialects: Dialect::ALL },
        /// ESP in UDP.
        EspUdp => ProtoRow { word: "esp-udp", dialects: &[Linux, NetBsd] },
        /// TCP-MD5.
        Tcp => ProtoRow { word: "tcp", dialects: Dialect::ALL },
    }
}

impl SaProtoWord {
    /// The dialects that have the protocol.
    #[must_use]
    pub fn dialects(self) -> &'static [Dialect] {
        self.row().dialects
    }
}

struct FlagRow {
    word: &'static str,
}

table! {
    /// The word after `-f`.
    pub enum Flag: FlagRow, "flag" {
        /// Padding of zeros.
        ZeroPad => FlagRow { word: "zero-pad" },
        /// Padding of random bytes.
        RandomPad => FlagRow { word: "random-pad" },
        /// Padding that counts.
        SeqPad => FlagRow { word: "seq-pad" },
        /// No cyclic sequence numbers.
        NoCyclicSeq => FlagRow { word: "nocyclic-seq" },
    }
}

struct DetailRow {
    word: &'static str,
}

table! {
    /// What may follow the level of a template.
    pub enum DetailWord: DetailRow, "detail of a template" {
        /// Reqid, at any level.
        ReqId => DetailRow { word: "reqid" },
        /// SPI.
        Spi => DetailRow { word: "spi" },
        /// Encryption algorithms.
        CryptMask => DetailRow { word: "enc-mask" },
        /// Authentication algorithms.
        AuthMask => DetailRow { word: "auth-mask" },
        /// Compression algorithms.
        CompMask => DetailRow { word: "comp-mask" },
        /// The kernel's field of that name.
        Share => DetailRow { word: "share" },
    }
}

struct ModeRow {
    word: &'static str,
    mode: model::Mode,
}

const fn mode(mode: model::Mode) -> ModeRow {
    ModeRow { word: mode.word(), mode }
}

table! {
    /// The modes that a script can name.
    pub enum Mode: ModeRow, "mode" {
        /// The payload only.
        Transport => mode(model::Mode::Transport),
        /// The whole packet, in a new one.
        Tunnel => mode(model::Mode::Tunnel),
        /// Bound end-to-end tunnel.
        Beet => mode(model::Mode::Beet),
    }
}

impl From<Mode> for model::Mode {
    fn from(mode: Mode) -> Self {
        mode.row().mode
    }
}
