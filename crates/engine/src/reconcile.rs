//! Makes what is installed in the kernel agree with what was requested: the variables, the catch-alls
//! of `def_policy`, partial policies, the rule that sets DF.

mod acquires;
pub(crate) mod apply;
mod conflicts;
pub(crate) mod default_policy;
pub(crate) mod df_rule;
mod nf_tables;
pub(crate) mod policies;
pub(crate) mod reconciler;
