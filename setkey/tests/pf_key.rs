//! `--pfkey`: what is sent, and what becomes of the answers. A stand-in takes the place of the service.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

use std::{
    io::Write,
    net::IpAddr,
    os::fd::OwnedFd,
    process::{Command, Stdio},
    thread::{self, JoinHandle},
};

use model::{AddressPair, Current, Mode, Proto, Sa, SaEntry, SaState, Spi};
use pfkey::{Message, MessageType, sad};
use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType, accept, bind, listen,
        recv, send, socket,
    },
};

/// Runs setkey with a script against a service that gives these answers. Returns its status, what
/// it printed, and the messages that it sent, without its REGISTER.
fn setkey(
    words: &[&str],
    script: &str,
    answers: impl Fn(&Message) -> Vec<Message> + Send + 'static,
) -> (i32, [String; 2], Vec<Message>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pfkey.sock");
    let service = serve(&path, answers);
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("setkey"));
    command.arg(format!("--pfkey={}", path.display())).args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut setkey = command.spawn().unwrap();
    // It may have ended without reading it.
    let _ = setkey.stdin.take().unwrap().write_all(script.as_bytes());
    let output = setkey.wait_with_output().unwrap();
    let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    let mut sent = service.join().unwrap();
    sent.retain(|message| message.msg_type != MessageType::REGISTER);
    (output.status.code().unwrap(), printed, sent)
}

/// Serves one client until it hangs up, or becomes a monitor. Returns the messages that the client sent.
fn serve(
    path: &std::path::Path,
    answers: impl Fn(&Message) -> Vec<Message> + Send + 'static,
) -> JoinHandle<Vec<Message>> {
    let listener = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
    bind(&listener, &SocketAddrUnix::new(path).unwrap()).unwrap();
    listen(&listener, 1).unwrap();
    thread::spawn(move || {
        let client = accept(&listener).unwrap();
        let mut sent = Vec::new();
        while let Some(request) = receive(&client) {
            let answers = match request.msg_type {
                MessageType::REGISTER => vec![request.clone()],
                _ => answers(&request),
            };
            sent.push(request);
            for answer in &answers {
                send(&client, &answer.encode().unwrap(), SendFlags::NOSIGNAL).unwrap();
            }
            if sent.last().is_some_and(|request| request.msg_type == MessageType::PROMISC) {
                break;
            }
        }
        sent
    })
}

fn receive(client: &OwnedFd) -> Option<Message> {
    let mut buffer = vec![0; 1 << 16];
    let (_, length) = recv(client, &mut buffer[..], RecvFlags::empty()).ok()?;
    (length != 0).then(|| Message::decode(&buffer[..length]).unwrap())
}

/// An SA of another protocol or other ends, as an entry of a dump.
fn entry(proto: Proto, dst: [u8; 4], seq: u32, request: &Message) -> Message {
    let ends = AddressPair::new([192, 0, 2, 1].into(), IpAddr::from(dst)).unwrap();
    let sa = Sa { mode: Mode::Tunnel.into(), ..Sa::bare(ends, proto, Spi(0x1000 + seq)) };
    let entry = SaEntry::new(sa, SaState::Mature, Current::default());
    sad::message(request.msg_type, &entry).unwrap().numbered(seq, request.pid)
}

fn types(sent: &[Message]) -> Vec<MessageType> {
    sent.iter().map(|message| message.msg_type).collect()
}

const ADD: &str = "add 192.0.2.1 192.0.2.2 esp 0x1000 -E aes-cbc \"sixteen byte key\"";

#[test]
fn an_answer_is_separated_from_notifications() {
    let (status, [out, err], sent) =
        setkey(&["-f", "-"], &format!("flush;\n{ADD};\nspdflush;\n"), |request| {
            let news = request.refusal(Errno::SRCH).numbered(0, 1);
            let answer = match request.msg_type {
                MessageType::ADD => request.refusal(Errno::EXIST),
                _ => request.clone(),
            };
            vec![news, answer]
        });
    assert_eq!((status, out.as_str()), (0, "The result of line 2: File exists.\n"));
    assert!(err.contains("is there already"), "{err}");
    assert_eq!(types(&sent), [MessageType::FLUSH, MessageType::ADD, MessageType::SPDFLUSH]);
    assert_eq!(sent[1].sa().unwrap().spi, 0x1000);
    assert!(sent.iter().all(|message| message.seq == 0 && message.pid != 0));
}

#[test]
fn an_in_policy_has_its_copy() {
    let policy = "spdadd 192.0.2.1 192.0.2.2 any -P in none;";
    let echo = |request: &Message| vec![request.clone()];
    let directions = |sent: Vec<Message>| -> Vec<u8> {
        sent.iter().map(|message| message.policy().unwrap().dir).collect()
    };
    assert_eq!(directions(setkey(&["-f", "-"], policy, echo).2), [1, 3]);
    assert_eq!(directions(setkey(&["-k", "-f", "-"], policy, echo).2), [1]);
}

#[test]
fn what_pf_key_cannot_say_is_named_and_not_sent() {
    let esn = ADD.replace("-E", "-esn -E");
    let script = format!("{esn};\nspdflush;\nspdadd ::1 ::2 any -ifid 7 -P out none;\n");
    let (status, [out, err], sent) =
        setkey(&["--strict", "-f", "-"], &script, |request| vec![request.clone()]);
    assert_eq!(status, 2, "{err}");
    let lines = [1, 3].map(|line| format!("The result of line {line}: Operation not supported.\n"));
    assert_eq!(out, lines.concat());
    for option in ["-esn", "-ifid"] {
        assert!(err.contains(&format!("PF_KEY has no word for {option}: leave it out")), "{err}");
    }
    assert_eq!(types(&sent), [MessageType::SPDFLUSH]);
}

fn two_entries(request: &Message) -> Vec<Message> {
    let entry = |proto, dst, seq| entry(proto, dst, seq, request);
    match request.msg_type {
        MessageType::DUMP => {
            vec![entry(Proto::Esp, [192, 0, 2, 2], 1), entry(Proto::Ah, [192, 0, 2, 3], 0)]
        }
        _ => vec![request.clone()],
    }
}

#[test]
fn a_dump_ends_at_number_0() {
    let (status, [out, _], sent) = setkey(&["-D"], "", two_entries);
    assert_eq!((status, types(&sent)), (0, vec![MessageType::DUMP]));
    let heads = out.lines().filter(|line| line.starts_with("192")).collect::<Vec<_>>();
    assert_eq!(heads, ["192.0.2.1 192.0.2.2 ", "192.0.2.1 192.0.2.3 "]);
    assert!(out.contains("sadb_seq=1 ") && out.contains("sadb_seq=0 "), "{out}");

    let nothing = |request: &Message| vec![request.refusal(Errno::NOENT)];
    assert_eq!(setkey(&["-DP"], "", nothing).1[0], "No SPD entries.\n");
}

/// Each message of a dump precedes its entry; the request has its bytes before it.
#[test]
fn messages_are_shown() {
    let (_, [out, _], _) = setkey(&["-DvH"], "", two_entries);
    let is_mark = |line: &&str| line.starts_with("sadb_msg{") || line.starts_with("192");
    let marks = out.lines().filter(is_mark).map(|line| line.split_at(8).0).collect::<Vec<_>>();
    assert_eq!(marks, ["sadb_msg", "sadb_msg", "192.0.2.", "sadb_msg", "192.0.2."]);
    assert!(out.starts_with("00000000: 02 0a 00 00 02 00 00 00 "), "{out}");
    assert_eq!(out.matches("00000000: ").count(), 1, "{out}");
}

#[test]
fn deleteall_deletes_what_a_dump_finds() {
    let script = "deleteall 192.0.2.1 192.0.2.3 ah;";
    let (_, _, sent) = setkey(&["-f", "-"], script, two_entries);
    assert_eq!(types(&sent), [MessageType::DUMP, MessageType::DELETE]);
    assert_eq!((sent[1].satype, sent[1].sa().unwrap().spi), (2, 0x1000));
}

#[test]
fn a_monitor_shows_what_is_received() {
    let (status, [out, err], sent) = setkey(&["-xxH"], "", |request| {
        vec![request.clone(), Message::new(MessageType::FLUSH, 3).numbered(7, 42)]
    });
    assert_eq!((sent[0].msg_type, sent[0].satype), (MessageType::PROMISC, 1));
    let mut lines = out.lines();
    // Its own X_PROMISC has no words.
    for first in ["00000000: 02 0b 00 01 ", "00000000: 02 09 00 03 "] {
        let seconds = lines.next().unwrap().trim_end();
        assert!(seconds.parse::<f64>().is_ok(), "{seconds}");
        assert!(lines.next().unwrap().starts_with(first), "{out}");
    }
    let words = "sadb_msg{ version=2 type=9 errno=0 satype=3\n  len=2 reserved=0 seq=7 pid=42\n\n";
    assert!(out.ends_with(words), "{out}");
    assert_eq!(status, 1);
    assert!(err.contains("the service has hung up"), "{err}");
}

#[test]
fn a_client_that_is_refused_reports_why() {
    let turned_away = |_: &Message| vec![Message::new(MessageType(0), 0).refusal(Errno::PERM)];
    let (status, [out, err], _) = setkey(&["-F"], "", turned_away);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(err.contains("CAP_NET_ADMIN is missing"), "{err}");
}

#[test]
fn without_a_service_there_is_an_error() {
    let output = Command::new(assert_cmd::cargo::cargo_bin("setkey"))
        .args(["--pfkey=/nonexistent/pfkey.sock", "-D"])
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.starts_with("setkey: cannot open a socket of /nonexistent/pfkey.sock: "), "{err}");
    assert!(err.contains("start ipsecd"), "{err}");
    // Nothing is sent, so no service need listen.
    let mut check = assert_cmd::Command::cargo_bin("setkey").unwrap();
    check.args(["--pfkey=/nonexistent/pfkey.sock", "-n", "-D"]).assert().code(0).stdout("");
}
