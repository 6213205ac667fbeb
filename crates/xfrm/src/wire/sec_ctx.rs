//! `xfrm_user_sec_ctx`: the label goes over the wire with its terminating NUL.

use model::SecCtx;
use netlink_packet_xfrm::{SecurityCtx, XFRM_SEC_CTX_HEADER_LEN, XfrmAttrs};

use super::cut;

pub(super) fn attribute(sec_ctx: &SecCtx) -> XfrmAttrs {
    let label = [&sec_ctx.context[..], b"\0"].concat();
    let length = |bytes: usize| bytes.try_into().unwrap_or(u16::MAX);
    XfrmAttrs::SecurityContext(SecurityCtx {
        len: length(XFRM_SEC_CTX_HEADER_LEN + label.len()),
        ctx_alg: sec_ctx.alg,
        ctx_doi: sec_ctx.doi,
        ctx_len: length(label.len()),
        ctx_str: cut(&label),
        ..SecurityCtx::default()
    })
}

pub(super) fn read(mut sec_ctx: SecurityCtx) -> SecCtx {
    sec_ctx.ctx_str.truncate(sec_ctx.ctx_len.into());
    if sec_ctx.ctx_str.last() == Some(&0) {
        sec_ctx.ctx_str.pop();
    }
    SecCtx { doi: sec_ctx.ctx_doi, alg: sec_ctx.ctx_alg, context: sec_ctx.ctx_str }
}
