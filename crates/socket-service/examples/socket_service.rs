//! The service for the policies of sockets of this network namespace, alone, until standard input
//! ends; its argument is the configuration, its log goes to standard error:
//!
//!     cargo run -p socket-service --example socket_service /etc/xfrm-tools/ipsecd.conf

use std::{env, error::Error, io, path::PathBuf};

use socket_service::{Permissions, Service};

fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).without_time().init();
    let configuration = env::args_os().nth(1).map(PathBuf::from).unwrap_or_default();
    Service::open(Permissions::of_file(&configuration)?)?.run(io::stdin())?;
    Ok(())
}
