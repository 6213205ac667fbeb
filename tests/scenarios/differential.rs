//! setkey does what AF_KEY does: scripts made up by chance, loaded by setkey and, message by message, through the kernel's
//! own AF_KEY (`src/bin/af_key.rs`). What is refused, and what then stands in the SAD and the SPD, must be the same.
//!
//! Not in the scripts, since setkey is to differ there (docs/quirks.md):
//! - what PF_KEY cannot say: AEAD, the length of an ICV, ESN, windows over 32, marks, xfrm interfaces, BEET requests;
//! - `use` on an outbound tunnel, which AF_KEY refuses, and IPComp's `default`, which it takes for `require`;
//! - a CPI over 16 bits, which AF_KEY takes and XFRM refuses, and a request in transport mode behind a tunnel of the other
//!   IP version, with which no packet passes;
//! - SAs of a tunnel whose packets are of the other IP version: setkey makes them find each other;
//! - `get` prints an SA: only its refusal is compared.

use std::sync::LazyLock;

use model::{Lifetimes, Policy, Sa};
use proptest::{collection::vec, prelude::*, sample::select};
use regex::{Captures, Regex};
use scenarios::{
    Host, Session, difference,
    generated::{policy_of_pfkey, sa_of_pfkey, sample},
    masked, setkey, times, with_plain_templates,
};

#[test]
fn as_af_key() {
    let hosts = [Host::new("af-key"), Host::new("xfrm")];
    let mut af_key = Session::open(&mut hosts[0].command(env!("CARGO_BIN_EXE_af_key")));
    let mut setkey = Session::open(&mut hosts[1].command(setkey()));
    let (mut statements, mut refusals, mut differences) = (0, 0, Vec::new());
    let scripts = times(200, 60);
    for script in sample(&script(), scripts) {
        let expected = load(&mut af_key, &hosts[0], &script);
        let actual = load(&mut setkey, &hosts[1], &script);
        statements += script.lines().count();
        refusals += expected.matches("The result of line").count();
        let difference = difference(&expected, &actual);
        differences.extend(difference.map(|difference| format!("{script}\n{difference}\n")));
    }
    println!("{scripts} scripts, {statements} statements, {refusals} refusals");
    assert!((statements / 10..statements / 2).contains(&refusals), "{refusals} refusals");
    assert!(differences.is_empty(), "{}: {}", differences.len(), differences.concat());
}

/// What becomes of a script: what is refused, and what stands in the SAD and SPD then, without what cannot be the same.
fn load(session: &mut Session, host: &Host, script: &str) -> String {
    let printed = session.run(script);
    let refusals = printed.lines().filter(|line| line.starts_with("The result of line"));
    let refusals = refusals.fold(String::new(), |all, line| all + line + "\n");
    let seen = masked(&(host.show("-s xfrm state") + &host.show("-s xfrm policy")));
    refusals + &renumbered(&with_plain_templates(&seen))
}

/// The numbers that `unique` chooses, from 0x4000 up, in the order in which they appear: AF_KEY never restarts.
fn renumbered(seen: &str) -> String {
    static TEMPLATE: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = r"(?m)^(\t\tproto .*) reqid ([0-9]+)\(0x[0-9a-f]+\)";
        Regex::new(pattern).expect("a pattern")
    });
    let mut chosen = Vec::new();
    let renumber = |found: &Captures<'_>| {
        let number: u32 = found[2].parse().expect("a number");
        if number <= 0x3fff {
            return found[0].to_owned();
        }
        let known = chosen.iter().position(|other| *other == number);
        let place = known.unwrap_or_else(|| {
            chosen.push(number);
            chosen.len() - 1
        });
        format!("{} reqid chosen #{place}", &found[1])
    };
    TEMPLATE.replace_all(seen, renumber).into_owned()
}

/// 1 to 8 statements about a few SAs and policies, so that they meet.
fn script() -> impl Strategy<Value = String> {
    let things = (vec(sa_of_pfkey(), 1..=3), vec(policy_of_pfkey(), 1..=3));
    things.prop_flat_map(|(sas, policies)| {
        let on_sa = (select(sas), sa_statement());
        let on_policy = (select(policies), policy_statement());
        let statement = prop_oneof![
            8 => on_sa.prop_map(|(sa, statement)| statement(&sa)),
            8 => on_policy.prop_map(|(policy, statement)| statement(&policy)),
            1 => select(vec!["flush;", "flush esp;", "flush ah;", "flush ipcomp;", "spdflush;"])
                .prop_map(String::from),
        ];
        let statements = vec(statement, 1..=8);
        statements.prop_map(|statements| format!("flush;\nspdflush;\n{}", statements.join("\n")))
    })
}

fn sa_statement() -> impl Strategy<Value = fn(&Sa) -> String> {
    let add: fn(&Sa) -> String = |sa| grammar::script_of_sa(sa).text.to_string();
    let delete: fn(&Sa) -> String = |sa| format!("delete {};", name(sa));
    let get: fn(&Sa) -> String = |sa| format!("get {};", name(sa));
    prop_oneof![6 => Just(add), 1 => Just(delete), 1 => Just(get)]
}

fn name(sa: &Sa) -> String {
    format!("{} {} {} {:#x}", sa.ends.src(), sa.ends.dst(), sa.proto.word(), sa.spi.0)
}

fn policy_statement() -> impl Strategy<Value = fn(&Policy) -> String> {
    let add: fn(&Policy) -> String = |policy| grammar::script_of_policy(policy).text.to_string();
    let update: fn(&Policy) -> String = |policy| instead("spdupdate", policy);
    // Limits do nothing there, and setkey refuses them.
    let delete: fn(&Policy) -> String = |policy| {
        instead("spddelete", &Policy { lifetimes: Lifetimes::default(), ..policy.clone() })
    };
    prop_oneof![6 => Just(add), 2 => Just(update), 1 => Just(delete)]
}

fn instead(word: &str, policy: &Policy) -> String {
    grammar::script_of_policy(policy).text.replacen("spdadd", word, 1)
}
