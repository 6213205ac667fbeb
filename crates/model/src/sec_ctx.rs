/// A security context (SELinux label) of an SA or policy: `-ctx DOI ALG "CONTEXT"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecCtx {
    /// Domain of interpretation; 1 is the kernel's LSM (`XFRM_SC_DOI_LSM`).
    pub doi: u8,
    /// Algorithm; 1 is SELinux (`XFRM_SC_ALG_SELINUX`).
    pub alg: u8,
    /// The label as the kernel has it, without the terminating NUL that goes over the wire. SELinux adds and counts a NUL of
    /// its own (`selinux_xfrm_alloc_user`, security/selinux/xfrm.c).
    pub context: Vec<u8>,
}

impl SecCtx {
    /// The label's text: what is before the first NUL.
    #[must_use]
    pub fn label(&self) -> &[u8] {
        self.context.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}
