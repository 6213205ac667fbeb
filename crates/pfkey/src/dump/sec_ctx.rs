use std::{borrow::Cow, fmt};

use model::Visible;

use crate::ext::SecCtx;

/// `security context` lines of an SA or policy.
pub(super) struct SecCtxText<'a> {
    doi: u8,
    alg: u8,
    /// Bytes of the context on the wire, which has a terminating NUL as a rule.
    length: usize,
    label: Cow<'a, str>,
}

impl<'a> From<&'a model::SecCtx> for SecCtxText<'a> {
    fn from(ctx: &'a model::SecCtx) -> Self {
        let label = String::from_utf8_lossy(ctx.label());
        Self { doi: ctx.doi, alg: ctx.alg, length: ctx.context.len() + 1, label }
    }
}

impl<'a> From<&'a SecCtx> for SecCtxText<'a> {
    fn from(SecCtx { alg, doi, context }: &'a SecCtx) -> Self {
        let label = context.split(|&byte| byte == 0).next().unwrap_or_default();
        let label = String::from_utf8_lossy(label);
        Self { doi: *doi, alg: *alg, length: context.len(), label }
    }
}

impl fmt::Display for SecCtxText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { doi, alg, length, label } = self;
        writeln!(f, "\tsecurity context doi: {doi}")?;
        writeln!(f, "\tsecurity context algorithm: {alg}")?;
        writeln!(f, "\tsecurity context length: {length}")?;
        writeln!(f, "\tsecurity context: {}", Visible(label))
    }
}
