//! `ipsecctl run` with a static program whose service ends, and starts again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod linked;
mod restarting;

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Stdio},
    sync::LazyLock,
    thread::sleep,
    time::Duration,
};

use restarting::{Header, Restarting};

/// How long there is no service.
const A_WHILE: Duration = Duration::from_secs(2);

/// The number of the message that the program waits for.
const BROADCAST: u32 = 77;

static PROGRAM: LazyLock<(tempfile::TempDir, PathBuf)> =
    LazyLock::new(|| linked::static_program("ended.c"));

/// Runs a test of the program; `act` carries out the lines that it prints. The messages that the last service has received.
fn passes(test: &str, act: impl Fn(&mut Restarting, &str)) -> Vec<Header> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root has PF_KEY sockets");
        return Vec::new();
    }
    let mut service = Restarting::start();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipsecctl"));
    command.args(["run", "--no-preload", "--"]).arg(&PROGRAM.1).arg(test);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = service.for_command(&mut command).spawn().unwrap();
    let (mut to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut lines = Vec::new();
    for line in BufReader::new(from).lines() {
        let line = line.unwrap();
        // The program goes on at once, while the line is carried out.
        let _ = to.write_all(if is_meanwhile(&line) { b"meanwhile\n" } else { b"" });
        act(&mut service, &line);
        let _ = to.write_all(if is_meanwhile(&line) { b"" } else { b"done\n" });
        lines.push(line);
    }
    assert!(child.wait().unwrap().success(), "{test}: {lines:#?}");
    service.received(0)
}

fn is_meanwhile(line: &str) -> bool {
    ["stop for a while", "start soon"].contains(&line)
}

fn message(kind: u8, seq: u32) -> Header {
    let mut message = [0; 16];
    (message[0], message[1], message[4]) = (2, kind, 2);
    message[8..12].copy_from_slice(&seq.to_ne_bytes());
    message
}

fn obey(service: &mut Restarting, line: &str) {
    match line {
        "restart" => {
            service.stop();
            service.start_again();
        }
        "stop" => service.stop(),
        "start" => service.start_again(),
        "broadcast" => service.broadcast(message(6, BROADCAST)),
        "stop for a while" => {
            sleep(Duration::from_millis(200));
            service.stop();
            sleep(A_WHILE);
            service.start_again();
            service.wait_for_clients(1);
            service.broadcast(message(6, BROADCAST));
        }
        _ => {}
    }
}

#[test]
fn what_was_registered_is_registered_again() {
    let received = passes("registers", obey);
    let kinds: Vec<_> = received.iter().map(|header| (header[1], header[3])).collect();
    assert!(kinds.is_empty() || kinds == [(7, 2), (7, 3), (11, 1), (10, 0)], "{kinds:?}");
}

#[test]
fn by_whichever_call_it_is_received() {
    passes("calls", obey);
}

#[test]
fn an_event_loop_does_not_spin() {
    passes("event loop", obey);
}

#[test]
fn nor_one_with_a_socket_that_blocks() {
    passes("event loop that blocks", obey);
}

#[test]
fn who_waits_for_a_message_gets_it() {
    passes("waits", obey);
}

/// A service that ends each connection is not asked all the time.
#[test]
fn a_program_that_is_turned_away_does_not_spin() {
    passes("turned away", |service, line| {
        if is_meanwhile(line) {
            service.stop();
            service.turn_away();
            sleep(A_WHILE);
        }
        obey(service, line);
    });
}

#[test]
fn a_call_that_sends_waits_for_the_service() {
    passes("sends", |service, line| match line {
        "start soon" => {
            sleep(Duration::from_secs(1));
            service.start_again();
        }
        _ => obey(service, line),
    });
}

#[test]
fn calls_that_wait_delay_no_others() {
    passes("crowd", obey);
}
