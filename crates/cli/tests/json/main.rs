//! The JSON of the commands: its members, its schema, and that both stay what they were.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

mod compatible;
mod kept;
mod manual;
mod output;
mod read;
mod samples;
mod schema;
