//! The door of the fuzz target: it exists with `--cfg fuzzing` alone.

use crate::{
    conf::{self, Line},
    filter::Filter,
    tree::{self, Scope},
};

/// Reads the text of a file of settings, and what it assigns to the variables of ipsec(4).
pub fn settings(text: &[u8]) {
    let (lines, _) = conf::lines(text, &Filter::Everything);
    for line in &lines {
        if let Line::Assign { name, .. } | Line::Except(name) = line {
            let _ = (name.dotted(), name.last(), tree::is_in_our_folders(name.path()));
        }
    }
    for assignment in conf::assignments(&lines, Scope::Ours) {
        let _ = format!("{assignment:?}");
    }
}
