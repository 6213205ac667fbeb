use bytes::BufMut;
use nom::{Parser, bytes::complete::take, number::complete::u8};

use crate::{
    Error,
    wire::{Parsed, ne_u16},
};

/// `sadb_x_sec_ctx`: a label of an LSM, SELinux's as a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecCtx {
    /// Algorithm; 1 is SELinux.
    pub alg: u8,
    /// Domain of interpretation; 1 is the kernel's LSM.
    pub doi: u8,
    /// The label, with its terminating NUL if it has one.
    pub context: Vec<u8>,
}

impl SecCtx {
    pub(super) fn parse(body: &[u8]) -> Parsed<'_, Self> {
        let (rest, (alg, doi, len)) = (u8, u8, ne_u16).parse(body)?;
        take(len).map(|context: &[u8]| Self { alg, doi, context: context.to_vec() }).parse(rest)
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let len = u16::try_from(self.context.len());
        out.put_slice(&[self.alg, self.doi]);
        out.put_u16_ne(len.map_err(|_| Error::TooLong("the security context"))?);
        out.put_slice(&self.context);
        Ok(())
    }
}
