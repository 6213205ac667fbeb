//! Plans: what has to change in the kernel so that it has the SAs and policies that files describe. Making one
//! reads; all decisions are pure.

mod carry_out;
mod gap;
mod make;
mod narrow;
mod order;
mod removal;
mod requested;
pub(crate) mod same;
mod sas;
mod scope;
mod step;

pub use carry_out::{CarriedOut, StepRefusal};
pub use make::{Adopted, Plan};
pub use narrow::EntryFilter;
pub use removal::Removal;
pub use requested::{Added, RequestedTables, Unselected};
pub use step::Step;
