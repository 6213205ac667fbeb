use bytes::BufMut;
use nom::{
    Parser,
    number::complete::{be_u32, u8},
};

use crate::wire::{Parsed, ne_u16, ne_u32};

/// `sadb_sa`: what names an SA beside its addresses, and its algorithms by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sa {
    /// SPI or CPI, host order here and network order on the wire.
    pub spi: u32,
    /// Replay window: packets on Linux, bytes of bitmap on BSD.
    pub replay: u8,
    /// `SADB_SASTATE_*`.
    pub state: u8,
    /// `SADB_AALG_*`; 0: none.
    pub auth: u8,
    /// `SADB_EALG_*`, or `SADB_X_CALG_*` for IPComp; 0: none.
    pub encrypt: u8,
    /// `SADB_SAFLAGS_*`, and the `SADB_X_EXT_*` flags of KAME.
    pub flags: u32,
}

impl Sa {
    pub(super) fn parse(body: &[u8]) -> Parsed<'_, Self> {
        (be_u32, u8, u8, u8, u8, ne_u32)
            .map(|(spi, replay, state, auth, encrypt, flags)| Self {
                spi,
                replay,
                state,
                auth,
                encrypt,
                flags,
            })
            .parse(body)
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.put_u32(self.spi);
        out.put_slice(&[self.replay, self.state, self.auth, self.encrypt]);
        out.put_u32_ne(self.flags);
    }
}

/// `sadb_x_sa2`: how an SA encapsulates, and for which requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sa2 {
    /// `IPSEC_MODE_*` (linux/ipsec.h).
    pub mode: u8,
    /// Reserved.
    pub reserved1: u8,
    /// Reserved.
    pub reserved2: u16,
    /// The last sequence number sent on BSD, always 0 on Linux.
    pub sequence: u32,
    /// The number that `unique:N` of a request refers to; 0: none.
    pub reqid: u32,
}

impl Sa2 {
    pub(super) fn parse(body: &[u8]) -> Parsed<'_, Self> {
        (u8, u8, ne_u16, ne_u32, ne_u32)
            .map(|(mode, reserved1, reserved2, sequence, reqid)| Self {
                mode,
                reserved1,
                reserved2,
                sequence,
                reqid,
            })
            .parse(body)
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.put_slice(&[self.mode, self.reserved1]);
        out.put_u16_ne(self.reserved2);
        out.put_u32_ne(self.sequence);
        out.put_u32_ne(self.reqid);
    }
}
