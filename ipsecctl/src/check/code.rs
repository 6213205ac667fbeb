//! The codes of findings: a code that was released stays.

use model::table;

struct Row {
    word: &'static str,
    is_error: bool,
    why: &'static str,
    help: &'static str,
}

const fn error(word: &'static str, why: &'static str, help: &'static str) -> Row {
    Row { word, is_error: true, why, help }
}

const fn warning(word: &'static str, why: &'static str, help: &'static str) -> Row {
    Row { word, is_error: false, why, help }
}

table! {
    /// What a finding is about. An error is one by which packets are dropped, or keys disclosed.
    pub enum Code: Row, "code of a finding" {
        /// RFC 8221 forbids the algorithm.
        AlgorithmMustNot => warning(
            "algorithm-must-not",
            "implementations MUST NOT use it (RFC 8221, RFC 9395): it can be broken, or its blocks have 64 bits",
            "use aes-gcm-16, or aes-cbc with hmac-sha256-128, on both hosts",
        ),
        /// RFC 8221 advises against the algorithm.
        AlgorithmShouldNot => warning(
            "algorithm-should-not",
            "implementations SHOULD NOT use it (RFC 8221): its blocks have 64 bits, which repeat after some gigabytes",
            "use aes-gcm-16, or aes-cbc with hmac-sha256-128, on both hosts",
        ),
        /// ESP that encrypts and does not authenticate.
        NoAuthentication => warning(
            "no-authentication",
            "encryption without authentication MUST NOT be used (RFC 8221, section 4): an attacker who changes packets can find out their contents",
            "add -A hmac-sha256-128 with a key, or use aes-gcm-16",
        ),
        /// ESP that does nothing.
        NoProtection => warning(
            "no-protection",
            "packets are neither encrypted nor authenticated",
            "add -A hmac-sha256-128 with a key, or use aes-gcm-16",
        ),
        /// SHA-256 as Linux truncated it once.
        Sha256At96 => warning(
            "sha256-96",
            "RFC 4868 has 128 bits: a peer that follows it drops every packet of this SA, and this host every packet of the peer",
            "use hmac-sha256-128, or hmac-sha256-96 if the peer truncates so too",
        ),
        /// A nonce that two SAs use.
        ReusedNonce => error(
            "reused-nonce",
            "with one key and salt, packets of equal sequence numbers have equal nonces: their contents, and with GCM \
             the authentication key, can be computed",
            "give each SA a key and salt of its own: `ipsecctl keygen`",
        ),
        /// A key that two SAs use.
        ReusedKey => warning(
            "reused-key",
            "packets of one SA can be replayed as those of the other, and both keys are disclosed at once",
            "give each SA keys of its own: `ipsecctl keygen`",
        ),
        /// A key that was typed.
        GuessableKey => warning(
            "guessable-key",
            "a key of letters, or of one byte or a count, is found by trying",
            "use a random key: `ipsecctl keygen`",
        ),
        /// A key of an example.
        PublishedKey => warning(
            "published-key",
            "the key is that of an example in public documentation",
            "use a random key: `ipsecctl keygen`",
        ),
        /// Two SAs that a receiver cannot distinguish.
        ReusedSpi => error(
            "reused-spi",
            "a receiver finds an SA by destination, protocol and SPI, and takes the first that fits",
            "choose another SPI",
        ),
        /// An SA without one for the answers.
        UnpairedSa => warning(
            "unpaired-sa",
            "an SA is for one direction: answers have none",
            "add an SA with both addresses exchanged and another SPI",
        ),
        /// Two SAs that differ.
        PairDiffers => warning(
            "pair-differs",
            "the two directions between two hosts nearly always have the same algorithms",
            "compare both with those of the peer",
        ),
        /// The SA that is there has another mode.
        SaOfOtherMode => error(
            "sa-of-other-mode",
            "a template takes SAs of its own mode only: packets are dropped",
            "give the SA the mode of the template: -m tunnel or -m transport",
        ),
        /// The SA that is there has another reqid.
        SaOfOtherReqId => error(
            "sa-of-other-reqid",
            "a template takes SAs of its own number only: packets are dropped",
            "give both the same number: unique:N of the template and -u N of the SA",
        ),
        /// No SA for a policy.
        PolicyWithoutSa => warning(
            "policy-without-sa",
            "packets that match the policy are dropped until a key daemon adds an SA",
            "add an SA between these addresses, with the protocol and mode of the template",
        ),
        /// A policy that an earlier one covers, with another effect.
        ShadowedPolicy => warning(
            "shadowed-policy",
            "the kernel takes the first policy that matches: by priority, then the oldest",
            "move the narrower policy first, or give it an earlier priority, as in `priority def + 1`",
        ),
        /// A policy that an earlier one covers, with the same effect.
        RedundantPolicy => warning(
            "redundant-policy",
            "an earlier policy does the same with all of its packets",
            "leave it out",
        ),
        /// A policy that no packet can match.
        UnreachablePolicy => warning(
            "unreachable-policy",
            "no packet has such addresses",
            "write 0.0.0.0/0 or ::/0 for all addresses, or leave the policy out",
        ),
        /// A tunnel to a network without a policy for forwarded packets.
        NoForwardPolicy => error(
            "no-forward-policy",
            "packets from the tunnel to other hosts are dropped: they need a policy of direction fwd",
            "leave -nofwd and -k out, or add the policy again with -P fwd",
        ),
        /// A policy for the key daemon's own packets.
        TunnelEndsCaught => warning(
            "tunnel-ends-caught",
            "a key daemon that sets no policy for its sockets waits for the SA that it is to negotiate",
            "add before it a policy between the two ends, for udp and port 500, with action none",
        ),
        /// A policy for neighbour discovery.
        NeighbourDiscoveryCaught => error(
            "neighbour-discovery-caught",
            "hosts on the link cannot be found: no packet for them is sent, not even those of IKE",
            "add before it `spdadd ::/0 ::/0 icmp6 135,0 -P out none`, and the same for 136,0 and -P in",
        ),
        /// A policy for the administrator's connection.
        ManagementSessionCaught => warning(
            "management-session-caught",
            "the connection ends when the policy is loaded and the other host does not do the same",
            "add before it a policy for tcp and this port with action none, at least for the time of the change",
        ),
        /// A policy that demands nothing of received packets.
        OptionalInbound => warning(
            "optional-inbound",
            "packets in clear are accepted: protection can be left out by any sender",
            "use require, or unique with the number of the SA",
        ),
        /// A soft limit that is never reached; for scripts it is `grammar`'s.
        LateSoftLimit => warning(
            "late-soft-limit",
            "key daemons are not asked for a new SA before the old one ends",
            "make the soft limit smaller than the hard one",
        ),
        /// No replay check of received packets.
        NoReplayWindow => warning(
            "no-replay-window",
            "a packet that was recorded is accepted again, any number of times",
            "add -r 64; when the sender begins with sequence number 1 again, add the SA again here",
        ),
        /// Packets that do not fit.
        Mtu => warning(
            "mtu",
            "larger packets are fragmented on the way, or dropped where this is not allowed",
            "make the packets smaller, or the MTU of the link larger",
        ),
    }
}

impl Code {
    /// Whether packets are dropped, or keys disclosed.
    pub const fn is_error(self) -> bool {
        self.row().is_error
    }

    /// Why it matters.
    pub const fn why(self) -> &'static str {
        self.row().why
    }

    /// What to do.
    pub const fn help(self) -> &'static str {
        self.row().help
    }
}

/// Every code that a finding can have, in alphabetical order: those of this program and those of scripts.
pub fn all() -> impl Iterator<Item = &'static str> {
    let own = Code::ALL.iter().map(|code| code.word());
    let mut codes: Vec<_> = own.chain(grammar::CODES.iter().copied()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_lists_every_code() {
        let manual = include_str!("../../../man/ipsecctl.8");
        for code in Code::ALL {
            let item = format!(".It Va {}\n", code.word());
            assert!(manual.contains(&item), "{} is not in man/ipsecctl.8", code.word());
        }
    }

    #[test]
    fn a_code_means_one_thing() {
        let shared = |code: &&Code| grammar::CODES.contains(&code.word());
        let shared: Vec<_> = Code::ALL.iter().filter(shared).collect();
        let same =
            [&Code::ReusedNonce, &Code::SaOfOtherMode, &Code::SaOfOtherReqId, &Code::LateSoftLimit];
        assert_eq!(shared, same);
    }
}
