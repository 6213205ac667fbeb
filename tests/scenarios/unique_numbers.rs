//! The numbers of `unique`: never the same for two policies, whichever programs run at the same time, and
//! never one that an SA has or that was given before.

use std::{collections::BTreeSet, fs, thread};

use regex::Regex;
use scenarios::{
    Host, Outcome,
    pfkey::{PID, RunningService, Side, ask, receive},
};

/// The numbers of all templates in the SPD.
fn numbers(host: &Host) -> Vec<u32> {
    let pattern = Regex::new(r"reqid (\d+)").expect("a pattern");
    let spd = host.show("xfrm policy");
    let found = pattern.captures_iter(&spd).map(|found| found[1].parse().expect("a number"));
    let mut numbers: Vec<u32> = found.filter(|number| *number >= 0x4000).collect();
    numbers.sort_unstable();
    numbers
}

fn unique(src: usize, dst: usize) -> String {
    format!(
        "spdadd 192.0.{src}.{} 10.0.{}.{} any -P out ipsec esp/transport//unique;\n",
        src + 1,
        dst / 250,
        dst % 250
    )
}

#[test]
fn programs_at_the_same_time() {
    const POLICIES: usize = 500;
    let host = Host::new("parallel");
    let service = RunningService::start(&host);
    let socket = Side::service(Host::new("client"), service.path()).open();
    thread::scope(|scope| {
        for src in 0..4 {
            let host = &host;
            scope.spawn(move || {
                let script: String = (0..POLICIES).map(|dst| unique(src, dst)).collect();
                host.load(&script);
            });
        }
        for seq in 1..=100 {
            let words = "spdadd any policy:type=ipsec,dir=out rq:esp,transport,unique";
            ask(&socket, &format!("{words} src:192.0.9.{seq} dst:10.9.0.1"), seq);
            while {
                let answer = receive(&socket);
                assert!(answer.pid != PID || answer.errno == 0);
                (answer.pid, answer.seq) != (PID, seq)
            } {}
        }
    });
    let numbers = numbers(&host);
    assert_eq!(numbers.len(), 4 * POLICIES + 100);
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len());
}

#[test]
fn a_number_is_not_given_again() {
    let host = Host::new("again");
    let tunnel = |net: &str, level: &str| {
        format!(
            "spdadd 192.0.2.0/24 {net} any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.9/{level};"
        )
    };
    host.load(&tunnel("198.51.100.0/24", "unique"));
    assert_eq!(numbers(&host), [16384], "the first is AF_KEY's");
    let sa = |spi: u32, number: u32| {
        format!(
            "add 192.0.2.1 192.0.2.9 esp {spi} -m tunnel -u {number} -E null -A hmac-sha1 \"hmac-sha1 from a - b\";"
        )
    };
    host.load(&sa(0x1000, 16384));
    host.load("spddelete 192.0.2.0/24 198.51.100.0/24 any -P out;");
    // The SA with the number is there. It does not serve the new policy.
    host.load(&tunnel("203.0.113.0/24", "unique"));
    assert_eq!(numbers(&host), [16385]);
    // Also when the SA has gone.
    host.load("flush; spdflush;");
    host.load(&tunnel("203.0.113.0/24", "unique"));
    assert_eq!(numbers(&host), [16386]);
    // Numbers that an SA or a policy of another program has are passed over.
    host.load(&sa(0x1000, 16387));
    host.ip("xfrm policy add src 10.7.0.0/16 dst 10.8.0.0/16 dir out tmpl proto esp mode transport reqid 16388");
    host.load(&format!("{}{}", sa(0x1001, 16389), tunnel("198.51.100.0/24", "unique")));
    assert_eq!(numbers(&host), [16386, 16388, 16390]);
    // What a script has left over is given to the next.
    host.load("spdflush; flush;");
    host.load(&(0..7).map(|dst| unique(1, dst)).collect::<String>());
    host.load(&unique(2, 1));
    assert_eq!(numbers(&host), (16391..=16398).collect::<Vec<u32>>());
}

/// Where there can be no counter, numbers begin at random.
#[test]
fn without_a_counter() {
    let host = Host::new("counterless");
    host.load(&unique(1, 1));
    fs::write(host.kept().join("reqids"), [0xff; 99]).expect("a file");
    let outcome = host.setkey_text(&unique(1, 2));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("reqids.damaged"), "{outcome:?}");
    host.load(&unique(1, 3));
    let found = numbers(&host);
    assert!(found[0] == 16384 && found[1] > 16385 && found[2] == found[1] + 1, "{found:?}");
    let script: String = (0..200).map(|dst| unique(2, dst)).collect();
    let file = host.kept().join("script");
    fs::write(&file, &script).expect("a file");
    let mounted = format!(
        "mount -o bind /run/xfrm-tools /run/xfrm-tools; mount -o remount,bind,ro /run/xfrm-tools
        sed s/192.0.2/192.0.3/ {0} >/tmp/script.$$; '{1}' -f {0} & '{1}' -f /tmp/script.$$; wait; rm /tmp/script.$$",
        file.display(),
        scenarios::setkey().display()
    );
    let outcome = Outcome::of(host.command("sh").arg("-c").arg(mounted));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
    let found = numbers(&host);
    assert_eq!(found.len(), 403);
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
}

/// Policies of sockets take their numbers from the same counter.
#[test]
fn sockets_and_policies() {
    let host = Host::new("sockets");
    host.load(&unique(1, 1));
    let policies = "out ipsec esp/transport//unique";
    let chosen = host.within(|| {
        let mut policies =
            [grammar::socket_policy(policies, model::Dialect::Linux, &sys::SystemNames)
                .expect("a policy")];
        engine::choose_reqids(&mut policies).expect("a number");
        let [policy] = policies;
        policy.templates()[0].level.reqid().map(model::ReqId::number)
    });
    assert_eq!(chosen, Some(16385));
    host.load(&unique(1, 2));
    assert_eq!(numbers(&host), [16384, 16386]);
}
