//! The PF_KEY service of this network namespace, alone, until standard input ends.

use std::{error::Error, io};

use ipsecd::pfkey::Service;

fn main() -> Result<(), Box<dyn Error>> {
    Service::open()?.run(io::stdin())?;
    Ok(())
}
