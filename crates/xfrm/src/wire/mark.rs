//! Marks: `xfrm_mark`, and `XFRMA_SET_MARK` with its mask.

use model::Mark;
use netlink_packet_xfrm::{self as xfrm, XfrmAttrs};

/// The mark that names an SA or policy.
pub(super) fn attribute(mark: Mark) -> Option<XfrmAttrs> {
    let Mark { value, mask } = mark;
    (!mark.is_none()).then_some(XfrmAttrs::Mark(xfrm::Mark { value, mask }))
}

/// The mark that packets get.
pub(super) fn output(mark: Mark) -> [Option<XfrmAttrs>; 2] {
    let some = |attribute| (!mark.is_none()).then_some(attribute);
    [some(XfrmAttrs::MarkVal(mark.value)), some(XfrmAttrs::MarkMask(mark.mask))]
}

pub(super) fn read(mark: xfrm::Mark) -> Mark {
    Mark { value: mark.value, mask: mark.mask }
}
