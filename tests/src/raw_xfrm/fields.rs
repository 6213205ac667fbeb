//! The fields of the kernel's structures (linux/xfrm.h): name, offset and length in bytes.

/// A field.
pub type Field = (&'static str, usize, usize);

/// `struct xfrm_selector`, with which an SA and a policy begin.
pub const SELECTOR: &[Field] = &[
    ("sel.daddr", 0, 16),
    ("sel.saddr", 16, 16),
    ("sel.dport", 32, 2),
    ("sel.dport_mask", 34, 2),
    ("sel.sport", 36, 2),
    ("sel.sport_mask", 38, 2),
    ("sel.family", 40, 2),
    ("sel.prefixlen_d", 42, 1),
    ("sel.prefixlen_s", 43, 1),
    ("sel.proto", 44, 1),
    ("sel.ifindex", 48, 4),
    ("sel.user", 52, 4),
];

/// `struct xfrm_usersa_info` after its selector.
pub const SA: &[Field] = &[
    ("id.daddr", 56, 16),
    ("id.spi", 72, 4),
    ("id.proto", 76, 1),
    ("saddr", 80, 16),
    ("lft", 96, 64),
    ("curlft", 160, 32),
    ("stats", 192, 12),
    ("seq", 204, 4),
    ("reqid", 208, 4),
    ("family", 212, 2),
    ("mode", 214, 1),
    ("replay_window", 215, 1),
    ("flags", 216, 1),
];
/// Its length, with the selector.
pub const SA_LENGTH: usize = 224;

/// `struct xfrm_userpolicy_info` after its selector.
pub const POLICY: &[Field] = &[
    ("lft", 56, 64),
    ("curlft", 120, 32),
    ("priority", 152, 4),
    ("index", 156, 4),
    ("dir", 160, 1),
    ("action", 161, 1),
    ("flags", 162, 1),
    ("share", 163, 1),
];
/// Its length, with the selector.
pub const POLICY_LENGTH: usize = 168;

/// `struct xfrm_user_tmpl`.
pub const TEMPLATE: &[Field] = &[
    ("id.daddr", 0, 16),
    ("id.spi", 16, 4),
    ("id.proto", 20, 1),
    ("family", 24, 2),
    ("saddr", 28, 16),
    ("reqid", 44, 4),
    ("mode", 48, 1),
    ("share", 49, 1),
    ("optional", 50, 1),
    ("aalgos", 52, 4),
    ("ealgos", 56, 4),
    ("calgos", 60, 4),
];
/// Its length.
pub const TEMPLATE_LENGTH: usize = 64;

/// Attributes (`XFRMA_*`), with their names in messages.
pub const ATTRIBUTES: &[(u16, &str)] = &[
    (1, "ALG_AUTH"),
    (2, "ALG_CRYPT"),
    (3, "ALG_COMP"),
    (4, "ENCAP"),
    (5, "TMPL"),
    (8, "SEC_CTX"),
    (10, "REPLAY_VAL"),
    (14, "COADDR"),
    (15, "LASTUSED"),
    (16, "POLICY_TYPE"),
    (18, "ALG_AEAD"),
    (20, "ALG_AUTH_TRUNC"),
    (21, "MARK"),
    (22, "TFCPAD"),
    (23, "REPLAY_ESN_VAL"),
    (24, "SA_EXTRA_FLAGS"),
    (28, "OFFLOAD_DEV"),
    (29, "SET_MARK"),
    (30, "SET_MARK_MASK"),
    (31, "IF_ID"),
    (32, "MTIMER_THRESH"),
    (33, "SA_DIR"),
    (34, "NAT_KEEPALIVE_INTERVAL"),
    (35, "SA_PCPU"),
    (36, "IPTFS_DROP_TIME"),
    (37, "IPTFS_REORDER_WINDOW"),
    (38, "IPTFS_DONT_FRAG"),
    (39, "IPTFS_INIT_DELAY"),
    (40, "IPTFS_MAX_QSIZE"),
    (41, "IPTFS_PKT_SIZE"),
];

/// The number of an attribute.
///
/// # Panics
///
/// If the table does not have it.
#[must_use]
pub fn attribute(name: &str) -> u16 {
    ATTRIBUTES.iter().find(|row| row.1 == name).unwrap_or_else(|| panic!("no XFRMA_{name}")).0
}

/// The name of an attribute, or its number.
#[must_use]
pub fn attribute_name(number: u16) -> String {
    let row = ATTRIBUTES.iter().find(|row| row.0 == number);
    row.map_or_else(|| format!("attribute {number}"), |row| row.1.to_owned())
}
