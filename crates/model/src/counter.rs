//! The kernel's counters of packets that XFRM has dropped (`/proc/net/xfrm_stat`).

mod values;

pub use values::{CounterValues, MalformedCounter};

use crate::{Direction, depth::MAX_DEPTH, table};

/// The text of a counter below names it.
const _: () = assert!(MAX_DEPTH == 6);

/// What an administrator needs to know of a counter. Each text is one sentence without a full stop.
struct Row {
    word: &'static str,
    direction: Direction,
    meaning: &'static str,
    cause: &'static str,
    remedy: &'static str,
}

table! {
    /// A counter of dropped packets, by the name that the kernel prints (`xfrm_mib_list`,
    /// net/xfrm/xfrm_proc.c), in its order, up to Linux 7.2.
    pub enum Counter: Row, "counter" {
        /// An inbound packet, for another reason than those below.
        InError => Row {
            word: "XfrmInError",
            direction: Direction::In,
            meaning: "an inbound packet was dropped for a reason that has no counter of its own",
            cause: "the kernel was short of memory",
            remedy: "check the memory of the host and the kernel's log",
        },
        /// Too little room, or too many transformations.
        InBufferError => Row {
            word: "XfrmInBufferError",
            direction: Direction::In,
            meaning: "an inbound packet has more than six transformations, or there was no memory for it",
            cause: "the packet is encapsulated repeatedly, as by a tunnel that is routed into itself",
            remedy: "look for a routing loop through the tunnel, and check the memory of the host",
        },
        /// Headers that cannot be read.
        InHdrError => Row {
            word: "XfrmInHdrError",
            direction: Direction::In,
            meaning: "the AH, ESP or IPComp header, or the inner header, of an inbound packet cannot be read",
            cause: "the packet is truncated, or is no IPsec although its protocol number is",
            remedy: "capture the packets of the peer with tcpdump and look at their lengths",
        },
        /// No SA has its SPI.
        InNoStates => Row {
            word: "XfrmInNoStates",
            direction: Direction::In,
            meaning: "an inbound packet has an SPI, destination and protocol for which there is no SA",
            cause: "the peer uses an SA that this host does not have, or that has expired here",
            remedy: "compare the SPIs that the peer sends with `ipsecctl show sas`, and add the SA on this host",
        },
        /// Not authentic, or not decrypted.
        InStateProtoError => Row {
            word: "XfrmInStateProtoError",
            direction: Direction::In,
            meaning: "an inbound packet failed the integrity check or the decryption of its SA",
            cause: "the keys or algorithms of the two ends differ",
            remedy: "look for `integrity_failed` in `ipsecctl show sas`, and give both ends the same keys and algorithms",
        },
        /// Not what the SA's mode demands.
        InStateModeError => Row {
            word: "XfrmInStateModeError",
            direction: Direction::In,
            meaning: "the inner packet of an inbound packet does not suit the mode of its SA",
            cause: "one end has the SA in mode tunnel and the other in mode transport, or for another IP version",
            remedy: "give the SA the same mode on both ends",
        },
        /// Replayed, or too old.
        InStateSeqError => Row {
            word: "XfrmInStateSeqError",
            direction: Direction::In,
            meaning: "an inbound packet was received before, or is older than the replay window",
            cause: "packets are reordered by more than the window, the peer began again with sequence number 1, or they are replayed",
            remedy: "enlarge the replay window (`setkey -r`), and replace the SA on both ends after a restart of the peer",
        },
        /// An SA past its hard limit.
        InStateExpired => Row {
            word: "XfrmInStateExpired",
            direction: Direction::In,
            meaning: "the SA of an inbound packet has passed a hard limit",
            cause: "the SA was not replaced before its lifetime ended",
            remedy: "add a new SA on both ends, and check the key management that should have",
        },
        /// Of another encapsulation or selector.
        InStateMismatch => Row {
            word: "XfrmInStateMismatch",
            direction: Direction::In,
            meaning: "an inbound packet is not encapsulated in UDP or TCP as its SA demands, or is outside the SA's selector",
            cause: "only one end has NAT traversal enabled, or the selectors of the ends differ",
            remedy: "compare `encapsulation` and `selector` of the SA on both ends",
        },
        /// An SA that is dead or not yet valid.
        InStateInvalid => Row {
            word: "XfrmInStateInvalid",
            direction: Direction::In,
            meaning: "the SA of an inbound packet is not in state mature or dying",
            cause: "the SA is being deleted or has expired while the peer still uses it",
            remedy: "replace the SA on both ends",
        },
        /// No template that these SAs satisfy.
        InTmplMismatch => Row {
            word: "XfrmInTmplMismatch",
            direction: Direction::In,
            meaning: "an inbound or forwarded packet came through other SAs than the templates of its policy demand, or in clear",
            cause: "the peer sends in clear, or protocol, mode, reqid or endpoints of the SA differ from the template",
            remedy: "compare the template in `ipsecctl show policies` with the SA, and check that the peer has the policy too",
        },
        /// No policy allows it.
        InNoPols => Row {
            word: "XfrmInNoPols",
            direction: Direction::In,
            meaning: "no policy matches an inbound or forwarded packet that came through a tunnel, or that the default policy blocks",
            cause: "the `in` or `fwd` policy of a tunnel is missing",
            remedy: "add the policy: `in` for packets to this host, `fwd` for packets through it",
        },
        /// A policy discards it.
        InPolBlock => Row {
            word: "XfrmInPolBlock",
            direction: Direction::In,
            meaning: "a policy with the action discard matches an inbound or forwarded packet",
            cause: "a policy of the SPD, or the default policy (`def_policy`), discards it",
            remedy: "look for `discard` in `ipsecctl show policies` and `ipsecctl show default`",
        },
        /// The look-up of the policy failed.
        InPolError => Row {
            word: "XfrmInPolError",
            direction: Direction::In,
            meaning: "the look-up of the policy for an inbound or forwarded packet failed",
            cause: "a security module, such as SELinux, does not permit the policy for the packet",
            remedy: "check the log of the security module, and `security_context` of the policy",
        },
        /// An outbound packet, for another reason than those below.
        OutError => Row {
            word: "XfrmOutError",
            direction: Direction::Out,
            meaning: "an outbound packet was dropped for a reason that has no counter of its own",
            cause: "there was no memory, or no route to the other end of the tunnel",
            remedy: "check the route to the other end, and the memory of the host",
        },
        /// No chain of SAs could be made.
        OutBundleGenError => Row {
            word: "XfrmOutBundleGenError",
            direction: Direction::Out,
            meaning: "the kernel could not make the chain of SAs and routes for an outbound packet",
            cause: "there is no route to the other end of a tunnel",
            remedy: "check the route with `ip route get` and the other end's address",
        },
        /// The chain of SAs was not valid.
        OutBundleCheckError => Row {
            word: "XfrmOutBundleCheckError",
            direction: Direction::Out,
            meaning: "the chain of SAs and routes for an outbound packet was not valid when it was checked",
            cause: "a route or policy changed at that moment",
            remedy: "nothing, unless the counter keeps rising",
        },
        /// No SA for a template.
        OutNoStates => Row {
            word: "XfrmOutNoStates",
            direction: Direction::Out,
            meaning: "an outbound packet needs an SA that does not exist",
            cause: "the SA is missing, has expired, or has another mode, reqid, mark or if_id than the policy demands",
            remedy: "look for `sas=none` in `ipsecctl show policies`, and add the SA or start the key management",
        },
        /// Not encrypted.
        OutStateProtoError => Row {
            word: "XfrmOutStateProtoError",
            direction: Direction::Out,
            meaning: "the encryption or authentication of an outbound packet failed",
            cause: "the cipher of the kernel or of a device reported an error, or there was no memory",
            remedy: "check the kernel's log, and try the SA without `-offload`",
        },
        /// No outer header.
        OutStateModeError => Row {
            word: "XfrmOutStateModeError",
            direction: Direction::Out,
            meaning: "the outer header of an outbound packet could not be made",
            cause: "the packet is of another IP version than the SA, or does not fit the path and must not be fragmented",
            remedy: "compare the IP versions of policy and SA, and check the MTU of the path",
        },
        /// No sequence number is left.
        OutStateSeqError => Row {
            word: "XfrmOutStateSeqError",
            direction: Direction::Out,
            meaning: "the sequence numbers of an outbound SA are used up",
            cause: "the SA has sent 4294967295 packets without ESN",
            remedy: "replace the SA on both ends, with `-esn` or with a limit of packets",
        },
        /// An SA past its hard limit.
        OutStateExpired => Row {
            word: "XfrmOutStateExpired",
            direction: Direction::Out,
            meaning: "the SA of an outbound packet has passed a hard limit",
            cause: "the SA was not replaced before its lifetime ended",
            remedy: "add a new SA on both ends, and check the key management that should have",
        },
        /// A policy discards it.
        OutPolBlock => Row {
            word: "XfrmOutPolBlock",
            direction: Direction::Out,
            meaning: "a policy with the action discard matches an outbound packet",
            cause: "a policy of the SPD, or the default policy (`def_policy`), discards it",
            remedy: "look for `discard` in `ipsecctl show policies` and `ipsecctl show default`",
        },
        /// A policy that was deleted.
        OutPolDead => Row {
            word: "XfrmOutPolDead",
            direction: Direction::Out,
            meaning: "the policy of an outbound packet was deleted before the packet was sent",
            cause: "the SPD was changed or flushed at that moment",
            remedy: "nothing, unless the counter keeps rising",
        },
        /// The look-up of the policy or its SAs failed.
        OutPolError => Row {
            word: "XfrmOutPolError",
            direction: Direction::Out,
            meaning: "the policy of an outbound packet, or the SAs of its templates, could not be looked up",
            cause: "no SA serves a template and none can be requested, or a security module does not permit the policy",
            remedy: "look for `sas=none` in `ipsecctl show policies`, and start the key management or add the SA",
        },
        /// A forwarded packet whose headers cannot be read.
        FwdHdrError => Row {
            word: "XfrmFwdHdrError",
            direction: Direction::Fwd,
            meaning: "the header of a packet that is to be forwarded cannot be read",
            cause: "the packet is truncated",
            remedy: "capture the packet with tcpdump where it arrives",
        },
        /// An SA that is dead or not yet valid.
        OutStateInvalid => Row {
            word: "XfrmOutStateInvalid",
            direction: Direction::Out,
            meaning: "the SA of an outbound packet is not in state mature or dying",
            cause: "the SA was deleted or has expired while packets were sent",
            remedy: "replace the SA on both ends",
        },
        /// A larval SA.
        AcquireError => Row {
            word: "XfrmAcquireError",
            direction: Direction::In,
            meaning: "an inbound packet arrived for a larval SA, which has no keys yet",
            cause: "the peer uses the new SA before the key management here has added its keys",
            remedy: "nothing, unless the counter keeps rising: then check the log of the key management",
        },
        /// An inbound SA on the way out.
        OutStateDirError => Row {
            word: "XfrmOutStateDirError",
            direction: Direction::Out,
            meaning: "the SA that was found for an outbound packet is for direction in",
            cause: "the SA was added with the wrong direction (`-dir in`)",
            remedy: "delete the SA and add it with `-dir out`, or without a direction",
        },
        /// An outbound SA on the way in.
        InStateDirError => Row {
            word: "XfrmInStateDirError",
            direction: Direction::In,
            meaning: "the SA that was found for an inbound packet is for direction out",
            cause: "the SA was added with the wrong direction (`-dir out`), or the host receives its own packets",
            remedy: "delete the SA and add it with `-dir in`, or without a direction",
        },
        /// IP-TFS blocks that cannot be reassembled.
        InIptfsError => Row {
            word: "XfrmInIptfsError",
            direction: Direction::In,
            meaning: "the blocks of an inbound IP-TFS packet cannot be put together",
            cause: "packets of the peer were lost or reordered, or its IP-TFS is malformed",
            remedy: "check the path for loss, and enlarge the reorder window of the SA (`-iptfs`)",
        },
        /// A full IP-TFS queue.
        OutNoQueueSpace => Row {
            word: "XfrmOutNoQueueSpace",
            direction: Direction::Out,
            meaning: "the queue of an outbound IP-TFS SA is full",
            cause: "more is sent than the SA's rate allows",
            remedy: "enlarge the queue of the SA (`-iptfs`), or send less",
        },
    }
}

impl Counter {
    /// Of which packets. Those that `In` counts may be forwarded ones, which are checked as received.
    #[must_use]
    pub const fn direction(self) -> Direction {
        self.row().direction
    }

    /// What has happened to a packet, as a part of a sentence.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.row().meaning
    }

    /// What mostly causes it, as a part of a sentence.
    #[must_use]
    pub const fn cause(self) -> &'static str {
        self.row().cause
    }

    /// What to do about it, in the imperative.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        self.row().remedy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_one_sentence() {
        for counter in Counter::ALL {
            for text in [counter.meaning(), counter.cause(), counter.remedy()] {
                let is_sentence = !text.ends_with('.') && !text.contains(". ");
                let begins_small = text.starts_with(|first: char| first.is_lowercase());
                assert!(is_sentence && begins_small, "{counter:?}: {text}");
            }
            let prefix = match counter.direction() {
                Direction::In => "XfrmIn",
                Direction::Out => "XfrmOut",
                Direction::Fwd => "XfrmFwd",
            };
            assert!(*counter == Counter::AcquireError || counter.word().starts_with(prefix));
        }
    }
}
