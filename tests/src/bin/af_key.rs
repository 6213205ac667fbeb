//! `af_key -f SCRIPT` (`-` is standard input): what setkey of ipsec-tools 0.8.2 does with a script, on the kernel's own
//! AF_KEY. It prints what is refused and nothing else.
//!
//! A statement that breaks a rule of `ipsec` makes no message: it is printed with the errno of the rule.

use std::{
    env,
    error::Error,
    fs::File,
    io::{self, Read},
    num::NonZeroU32,
    process,
};

use engine::forward_operation;
use grammar::Script;
use model::{Dialect, Operation};
use pfkey::{Message, request};
use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType},
};
use sys::SystemNames;

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(2).ok_or("usage: af_key -f SCRIPT")?;
    let kernel = AfKey::open()?;
    let reader: Box<dyn Read> =
        if path == "-" { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let mut script = Script::new(reader, Dialect::Linux);
    while let Some(next) = script.next_lowered(&SystemNames) {
        let (statement, lowered) = next.map_err(|mistake| mistake.kind().to_string())?;
        for operation in lowered.operations {
            for refusal in kernel.refusals(operation)? {
                println!("The result of line {}: {refusal}.", statement.line());
            }
        }
    }
    Ok(())
}

/// A PF_KEY socket.
struct AfKey(OwnedFd);

/// `AF_KEY` (bits/socket.h).
const FAMILY: AddressFamily = AddressFamily::from_raw(15);
/// `PF_KEY_V2` (linux/pfkeyv2.h).
const VERSION: Protocol = Protocol::from_raw(NonZeroU32::new(2).expect("it is not 0"));

impl AfKey {
    fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        Ok(Self(rustix::net::socket_with(FAMILY, SocketType::RAW, flags, Some(VERSION))?))
    }

    /// Asks for an operation, and for the one on a `fwd` policy that goes with it.
    fn refusals(
        &self,
        operation: Result<Operation, model::Error>,
    ) -> Result<Vec<String>, Box<dyn Error>> {
        let operation = match operation {
            Ok(operation) => operation,
            Err(rule) => return Ok(vec![strerror(rule.errno())]),
        };
        let mut refusals = Vec::new();
        for operation in [forward_operation(&operation), Some(operation)].iter().flatten().rev() {
            let errno = self.ask(operation)?;
            refusals.extend((errno != 0).then(|| words(operation, errno)));
        }
        Ok(refusals)
    }

    /// The errno of the answer. AF_KEY does it all before send(2) returns.
    fn ask(&self, operation: &Operation) -> Result<i32, Box<dyn Error>> {
        let message = request::message(operation, &request::PfKeyExtras::default())?;
        let message = message.numbered(0, process::id());
        rustix::net::send(&self.0, &message.encode()?, SendFlags::empty())?;
        let (mut buffer, mut errno) = (vec![0; 1 << 16], None);
        loop {
            match rustix::net::recv(&self.0, &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((_, length)) => {
                    let answer = Message::decode(&buffer[..length])?;
                    errno = errno.or(Some(answer.errno.into()));
                }
                Err(Errno::AGAIN) => return Ok(errno.ok_or("AF_KEY does not answer")?),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// An errno in the words of the original.
fn words(operation: &Operation, errno: i32) -> String {
    match (operation, Errno::from_raw_os_error(errno)) {
        (Operation::DeletePolicy(_), Errno::NOENT) => String::from("No entry"),
        (_, errno) => strerror(errno),
    }
}

fn strerror(errno: Errno) -> String {
    let text = io::Error::from(errno).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
