/// The templates that a packet may pass through (`XFRM_MAX_DEPTH`, linux/xfrm.h): the most that
/// XFRM takes in one policy.
pub const MAX_DEPTH: usize = 6;
