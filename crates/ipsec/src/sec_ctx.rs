/// A security context (SELinux label) of an SA or policy: `-ctx DOI ALG "CONTEXT"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecCtx {
    /// Domain of interpretation; 1 is the kernel's LSM (`XFRM_SC_DOI_LSM`).
    pub doi: u8,
    /// Algorithm; 1 is SELinux (`XFRM_SC_ALG_SELINUX`).
    pub alg: u8,
    /// The label, without the terminating NUL that goes over the wire.
    pub context: Vec<u8>,
}
