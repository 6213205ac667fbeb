//! The remedies that are the same whatever the packet and the tables are.

/// For the SA of another mark.
pub(super) const OTHER_MARK: &str =
    "add the SA without its mark, or let the packets that it is for have it: --mark";

/// For a tunnel whose SA has no selector, so that its own IP version decides.
pub(super) const NO_SELECTOR: &str =
    "add the SA again by setkey(8), which gives tunnels the flag af-unspec";

/// For a BEET SA without the addresses inside.
pub(super) const BEET: &str =
    "add the SA with the addresses inside as its selector: -sel SRC DST any";

/// An SA that has reached a limit, or its last sequence number.
pub(super) const EXPIRED: &str = "add a new SA at both ends, and delete this one";

/// An SA of the other direction.
pub(super) const SA_DIRECTION: &str =
    "`ipsecctl show sas -o spi,direction`; add the SA without -dir, or with that of its packets";

/// ESP in UDP that no socket decapsulates.
pub(super) const NO_UDP_SOCKET: &str = "start the key management, which has the UDP socket of NAT traversal, or make port of SA and socket the same at both ends";

/// An SPI that no SA has.
pub(super) const UNKNOWN_SPI: &str =
    "add the SA that the peer uses: `ipsecctl show sas` there has its SPI";

/// A policy with more templates than the kernel takes.
pub(super) const TOO_MANY_TEMPLATES: &str = "take templates out of the policy: five are the most";
// One less than the constant.
const _: () = assert!(model::MAX_DEPTH == 6);

/// A tunnel whose source is no address of this host.
pub(super) const TUNNEL_SOURCE: &str =
    "give the host the address, or make the source of SA and template one that it has";

/// A device of IPsec that no SA serves.
pub(super) const INTERFACE_WITHOUT_SA: &str = "give policy and SA the mark that is the key of the vti device, or the if_id of the xfrm interface";

/// A vti device with other ends than the template has.
pub(super) const INTERFACE_ENDS: &str =
    "make the ends of template and SA those of the vti device: `ip -d link show`";

/// A packet that is longer than the MTU.
pub(super) const TOO_LONG: &str = "have the sender make shorter packets, as by the MSS of TCP, or let them be fragmented; or raise the MTU of the route or link";

/// A sequence number outside the replay window.
pub(super) const REPLAY: &str = "where the peer has added its SA again, add this one again too; where packets come late, add it with a wider window: -r, as in -r 1024";

/// An SA without keys.
pub(super) const LARVAL: &str =
    "have the key management program complete the SA: it has reserved the SPI and added no keys";

/// An SPI of a template that another SA has.
pub(super) const SPI_IS_TAKEN: &str = "take another SPI for the template, or none";

/// A packet that is decrypted to nonsense.
pub(super) const DECRYPTION: &str = "compare encryption, authentication and key_fingerprint in `ipsecctl show sas --json` at both ends";

/// AH inside of ESP.
pub(super) const NESTED_AH: &str =
    "have AH outside at both ends: the first template of a policy is the innermost";

/// A packet outside the selector of its SA.
pub(super) const SA_SELECTOR: &str =
    "correct the selector of the SA: `ipsecctl show sas -o spi,selector`";

/// A packet that has been forwarded too often.
pub(super) const HOP_LIMIT: &str = "have the sender begin with a higher TTL or hop limit";

/// A packet with more SAs than the kernel undoes.
pub(super) const TOO_MANY_HEADERS: &str = "have the peer nest fewer SAs";

/// A header of another length than that of the SA.
pub(super) const HEADER_LENGTH: &str = "compare encryption, authentication and aead of the SA at both ends: `ipsecctl show sas -o spi,encryption,authentication,aead`";
