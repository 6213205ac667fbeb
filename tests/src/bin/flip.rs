//! Sets variables that are levels to `use` and to `require`, in turn: `flip COUNT NAME...`. The
//! last value is `require` after an even count.

use std::{env, error::Error};

use model::{Setting, Variable};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = env::args().skip(1);
    let count: usize = words.next().ok_or("how often?")?.parse()?;
    let variables: Vec<&'static Variable> = words
        .map(|name| Variable::of_name(&name).ok_or_else(|| format!("{name}: no such variable")))
        .collect::<Result<_, _>>()?;
    for value in [1, 2].into_iter().cycle().take(count) {
        let set = |variable: &&'static Variable| variable.set(value);
        let settings: Vec<Setting> = variables.iter().map(set).collect::<Result<_, _>>()?;
        engine::apply(&settings, false)?;
    }
    Ok(())
}
