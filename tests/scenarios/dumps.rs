//! Dumps that no script can show: of a socket's own policy, again every second, as JSON, of nothing.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use regex::Regex;
use scenarios::{Host, Outcome, assert_same, masked, setkey};
use serde_json::{Value, json};

/// A program makes a policy for one of its sockets (`IP_XFRM_POLICY`, linux/xfrm.h) and keeps it open until its input ends.
const PROGRAM: &str = r#"
import socket, struct, sys
selector = struct.pack("=16s16sHHHHHBBB3xII", b"", b"", 0, 0, 0, 0, socket.AF_INET, 0, 0, 0, 0, 0)
no_limits = struct.pack("=8Q", *[2**64 - 1] * 4, 0, 0, 0, 0)
OUT, ALLOW = 1, 0
policy = selector + no_limits + bytes(32) + struct.pack("=IIBBBB4x", 0, 0, OUT, ALLOW, 0, 0)
ESP, TRANSPORT = 50, 0
template = struct.pack("=16sIB3xH2x16sIBBBxIII", b"", 0, ESP, socket.AF_INET, b"", 0, TRANSPORT, 0, 0, *[2**32 - 1] * 3)
socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
socket.setsockopt(0, 17, policy + template)
print("it has a policy", flush=True)
sys.stdin.read()
"#;

#[test]
fn a_policy_of_a_socket() {
    let host = Host::new("host");
    let mut program = host.command("python3");
    program.args(["-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut program = program.spawn().expect("python3 runs");
    let mut line = String::new();
    let output = program.stdout.take().expect("its output is piped");
    BufReader::new(output).read_line(&mut line).expect("its output");
    assert_eq!(line, "it has a policy\n");

    let expected = format!(
        "(per-socket policy) \n\tout(socket) ipsec\n\tesp/transport//require\n\
         \tcreated: TIME  lastused: {:20}\n\tlifetime: 0(s) validtime: 0(s)\n\
         \tspid=4 seq=0 pid=N\n\trefcnt=N\n",
        ""
    );
    assert_same(&expected, &masked(&host.setkey("-DP").stdout));

    drop(program.stdin.take());
    assert!(program.wait().expect("it ends").success());
}

#[test]
fn again_every_second() {
    let host = Host::new("host");
    host.load(
        r#"
        add 192.0.2.1 192.0.2.2 ah 0x1000 -lh 3600 -ls 2880 -A hmac-md5 "sixteen byte key";
        add 2001:db8::1 2001:db8::2 esp 0x1001 -E null;
        add 192.0.2.1 192.0.2.2 ipcomp 0x1002 -C deflate;
        "#,
    );
    let mut command = host.command(setkey());
    let mut setkey = command.args(["-D", "-l"]).stdout(Stdio::piped()).spawn().expect("it runs");
    let output = setkey.stdout.take().expect("its output is piped");
    let lines = BufReader::new(output).lines().map_while(Result::ok).take(7);
    let lines = lines.collect::<Vec<_>>();
    setkey.kill().expect("it runs for ever");
    setkey.wait().expect("it has ended");

    let row = |rest: &str| format!(r"^[0-5]\d[0-5]\d {rest}$");
    let rows = [
        row(r"#9  M 00001002  [ \d]\d/0   192\.0\.2\.1 -> 192\.0\.2\.2"),
        row(r"esp M 00001001  [ \d]\d/0   2001:db8::1 -> 2001:db8::2"),
        row(r"ah  M 00001000  [ \d]\d/big 192\.0\.2\.1 -> 192\.0\.2\.2"),
    ];
    assert_eq!(lines[0], "time p   s spi      ltime   src -> dst");
    for (line, row) in lines[1..].iter().zip(rows.iter().cycle()) {
        assert!(Regex::new(row).expect("a pattern").is_match(line), "{row}: {lines:#?}");
    }
}

#[test]
fn as_json() {
    let host = Host::new("host");
    let json = |words: &str| -> Value {
        let printed = host.setkey(words).stdout;
        assert!(!printed.contains("736978"), "the key is in it: {printed}");
        serde_json::from_str(&printed).expect("JSON")
    };
    for (words, member) in [("-D --json", "sas"), ("-DP --json", "policies")] {
        let printed = json(words);
        assert_eq!((&printed["schema_version"], &printed[member]), (&json!(1), &json!([])));
    }

    host.load(
        r#"
        add 192.0.2.1 192.0.2.2 esp 0x1000 -u 7 -E aes-cbc "sixteen byte key";
        spdadd 192.0.2.1 192.0.2.0/24[80] tcp -P out ipsec esp/transport//unique:7;
        "#,
    );
    let sa = json("-D --json")["sas"][0].clone();
    let policy = json("-DP --json")["policies"][0].clone();
    for (member, expected) in [
        ("/src", json!("192.0.2.1")),
        ("/protocol", json!("esp")),
        ("/spi", json!(4096)),
        ("/reqid", json!(7)),
        ("/encryption/algorithm", json!("aes-cbc")),
        ("/encryption/key_bits", json!(128)),
    ] {
        assert_eq!(sa.pointer(member), Some(&expected), "{member}");
    }
    for (member, expected) in [
        ("/selector/dst", json!("192.0.2.0/24")),
        ("/selector/dst_port", json!(80)),
        ("/direction", json!("out")),
        ("/templates/0/level", json!("unique")),
        ("/templates/0/reqid", json!(7)),
    ] {
        assert_eq!(policy.pointer(member), Some(&expected), "{member}");
    }
}

/// Equal keys have equal fingerprints, which are others in another namespace; keys are printed on demand.
#[test]
fn fingerprints_of_keys() {
    let sas = r#"
        add 192.0.2.1 192.0.2.2 esp 0x1000 -E aes-cbc "sixteen byte key" -A hmac-md5 "sixteen byte kez";
        add 192.0.2.2 192.0.2.1 esp 0x1001 -E aes-cbc "sixteen byte key" -A hmac-md5 "sixteen byte kex";
        add 192.0.2.2 192.0.2.1 esp 0x1002 -E null;
    "#;
    let hosts = [Host::new("a"), Host::new("b")];
    let json = |host: &Host, words: &str| -> Value {
        serde_json::from_str(&host.setkey(words).stdout).expect("JSON")
    };
    let [a, b] = hosts.each_ref().map(|host| {
        host.load(sas);
        json(host, "-D --json")
    });
    let of = |json: &Value, spi: u32, algorithm: &str| {
        let sas = json["sas"].as_array().expect("SAs").iter();
        let sa = sas.clone().find(|sa| sa["spi"] == spi).expect("the SA");
        sa[algorithm]["key_fingerprint"].clone()
    };
    assert!(of(&a, 0x1000, "encryption").is_string());
    assert_eq!(of(&a, 0x1000, "encryption"), of(&a, 0x1001, "encryption"));
    assert_ne!(of(&a, 0x1000, "authentication"), of(&a, 0x1001, "authentication"));
    assert_eq!(of(&a, 0x1002, "encryption"), Value::Null);
    assert_ne!(of(&a, 0x1000, "encryption"), of(&b, 0x1000, "encryption"));
    assert_ne!(a["fingerprint_scope"], b["fingerprint_scope"]);

    let [a, _] = &hosts;
    let again = json(a, "-D --json --keys");
    assert_eq!(again["fingerprint_scope"], json(a, "-D --json")["fingerprint_scope"]);
    let shown: Value = serde_json::from_str(&a.ipsecctl("show sas --json").stdout).expect("JSON");
    assert_eq!(of(&shown, 0x1000, "encryption"), of(&again, 0x1000, "encryption"));
    assert_eq!(again["sas"][2]["encryption"]["key"], "0x7369787465656e2062797465206b6579");
}

#[test]
fn of_nothing() {
    let host = Host::new("host");
    host.load(
        r#"
        add 192.0.2.1 192.0.2.2 ah 0x1000 -A hmac-md5 "sixteen byte key";
        spdadd 192.0.2.1 192.0.2.2 any -P out none;
        "#,
    );
    // The last mode counts.
    for (words, stdout) in
        [("-D -F", ""), ("-PF", ""), ("-F -D", "No SAD entries.\n"), ("-DP", "No SPD entries.\n")]
    {
        let expected = Outcome { status: 0, stdout: stdout.into(), stderr: String::new() };
        assert_eq!(host.setkey(words), expected, "setkey {words}");
    }
}
