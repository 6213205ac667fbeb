//! What setkey dumps as a script makes the same SAD and SPD again: of databases made up by chance from all that the model
//! and Linux 6.1 can say. Left out is what needs a newer kernel or a device: -dir, -keepalive, -offload.

use std::{net::IpAddr, sync::LazyLock};

use model::{Direction, Policy, Prefix, Sa, Selector, Spi};
use proptest::{collection::vec, prelude::*};
use regex::Regex;
use scenarios::{
    Host, Session, difference,
    generated::{policy, sa, sample},
    masked, setkey, times,
};

/// How many pairs of a SAD and an SPD.
fn pairs() -> usize {
    times(250, 50)
}

#[test]
fn as_it_was() {
    there_and_back("-k", pairs(), |_| false);
}

#[test]
fn with_fwd_copies() {
    there_and_back("-r", pairs() / 10, |policy| policy.id.direction == Direction::In);
}

/// Loads databases, dumps them, flushes, loads what was dumped, and looks at the kernel before and after.
fn there_and_back(option: &str, pairs: usize, has_copy: fn(&Policy) -> bool) {
    let host = Host::new("round-trip");
    let mut session = Session::open(host.command(setkey()).args([option, "--script"]));
    let (mut all_sas, mut all_policies) = (0, 0);
    for (sas, policies) in sample(&databases(), pairs) {
        let script = script(&sas, &policies);
        assert_eq!(session.run(&script), "", "{script}");
        let before = in_the_kernel(&host);
        let copies = policies.iter().filter(|policy| has_copy(policy)).count();
        let wanted = (sas.len(), policies.len() + copies);
        assert_eq!(entries(&before), wanted, "{script}\n{before}");

        let dumped = session.run("dump; spddump;");
        assert_eq!(session.run(&format!("flush; spdflush;\n{dumped}")), "", "{script}\n{dumped}");
        if let Some(difference) = difference(&before, &in_the_kernel(&host)) {
            panic!("{script}\ndumped:\n{dumped}\n{difference}");
        }
        session.run("flush; spdflush;");
        all_sas += wanted.0;
        all_policies += wanted.1;
    }
    println!("setkey {option}: {pairs} SADs, {all_sas} SAs; {pairs} SPDs, {all_policies} policies");
}

/// The SAD and the SPD, without times and the numbers of policies, which go on, and without the SAs (protocols 4 and 41)
/// that Linux makes by itself for IPComp tunnels.
fn in_the_kernel(host: &Host) -> String {
    static INDEX: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\bindex [0-9]+").expect("a pattern"));
    static MADE_BY_LINUX: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)^src .*\n\tproto (4|41) .*\n(\t.*\n)*").expect("a pattern")
    });
    let seen = masked(&(host.show("-d -s xfrm state") + &host.show("-d -s xfrm policy")));
    MADE_BY_LINUX.replace_all(&INDEX.replace_all(&seen, "index N"), "").into_owned()
}

/// How many SAs and policies there are.
fn entries(seen: &str) -> (usize, usize) {
    let lines = |word| seen.lines().filter(|line| line.starts_with(word)).count();
    (lines("\tproto "), lines("\tdir "))
}

fn script(sas: &[Sa], policies: &[Policy]) -> String {
    let sas = sas.iter().map(grammar::script_of_sa);
    let written = sas.chain(policies.iter().map(grammar::script_of_policy));
    let statements = written.map(|statement| {
        assert_eq!(statement.lost, [""; 0], "{}", *statement.text);
        statement.text.to_string()
    });
    statements.collect::<Vec<_>>().join("\n")
}

/// 1 to 4 SAs and as many policies, each with a name of its own.
fn databases() -> impl Strategy<Value = (Vec<Sa>, Vec<Policy>)> {
    (vec(sa(), 1..=4), vec(policy(), 1..=4)).prop_map(|(mut sas, mut policies)| {
        for (number, sa) in (0x1000..).zip(&mut sas) {
            sa.spi = Spi(number);
        }
        for (number, policy) in (1..).zip(&mut policies) {
            policy.id.selector = from_host(number, &policy.id.selector);
        }
        (sas, policies)
    })
}

/// The selector with a source of its own.
fn from_host(number: u8, selector: &Selector) -> Selector {
    let host = match selector.dst().addr() {
        IpAddr::V4(_) => IpAddr::from([10, 0, 0, number]),
        IpAddr::V6(_) => IpAddr::from([number; 16]),
    };
    let mut own = Selector::new(Prefix::host(host), selector.dst()).expect("one family");
    (own.upper, own.src_port, own.dst_port) =
        (selector.upper, selector.src_port, selector.dst_port);
    own
}
