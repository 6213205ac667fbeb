use super::{
    DeflevMode::{Net, Trans},
    DeflevProto::{Ah, Esp},
    Meaning, Values, Variable,
};
use crate::{
    ActionKind,
    IpVersion::{V4, V6},
    LevelKind, Spi,
};

const LEVEL: Values = Values::OneOf(&[level(LevelKind::Use), level(LevelKind::Require)]);
const DEFAULT_POLICY: Values =
    Values::OneOf(&[action(ActionKind::Discard), action(ActionKind::None)]);
const ECN: Values = Values::OneOfBut(
    &[(0, "forbidden"), (1, "allowed")],
    -1,
    "the kernel copies ECN bits both ways or not at all, never outwards only",
);
const SPI_MIN: i32 = Spi::FIRST_FREE.0.cast_signed();
const SPI_MAX: i32 = Spi::LAST_CHOSEN.0.cast_signed();
const SPI: Values = Values::Range(SPI_MIN, SPI_MAX);

const fn level(level: LevelKind) -> (i32, &'static str) {
    (level.pfkey_number() as i32, level.word())
}

const fn action(action: ActionKind) -> (i32, &'static str) {
    (action.pfkey_number() as i32, action.word())
}

const fn row(
    name: &'static str,
    meaning: Meaning,
    initial: i32,
    values: Values,
    description: &'static str,
) -> Variable {
    Variable { name, meaning, initial, values, description }
}

/// Every variable by every name: those of ipsec(4), and those of net.key that Linux can honour.
pub static VARIABLES: [Variable; 22] = [
    row(
        "net.inet.ipsec.esp_trans_deflev",
        Meaning::Deflev(V4, Esp, Trans),
        2,
        LEVEL,
        "Level of `default` requests for ESP in transport mode (IPv4 policies)",
    ),
    row(
        "net.inet.ipsec.esp_net_deflev",
        Meaning::Deflev(V4, Esp, Net),
        2,
        LEVEL,
        "Level of `default` requests for ESP in tunnel mode (IPv4 policies)",
    ),
    row(
        "net.inet.ipsec.ah_trans_deflev",
        Meaning::Deflev(V4, Ah, Trans),
        2,
        LEVEL,
        "Level of `default` requests for AH in transport mode (IPv4 policies)",
    ),
    row(
        "net.inet.ipsec.ah_net_deflev",
        Meaning::Deflev(V4, Ah, Net),
        2,
        LEVEL,
        "Level of `default` requests for AH in tunnel mode (IPv4 policies)",
    ),
    row(
        "net.inet.ipsec.def_policy",
        Meaning::DefaultPolicy(V4),
        1,
        DEFAULT_POLICY,
        "What becomes of IPv4 packets that no policy matches",
    ),
    row(
        "net.inet.ipsec.ah_cleartos",
        Meaning::AhClearTos,
        1,
        Values::Only(
            1,
            "the kernel computes ICVs by RFC 4302, which leaves the type of service out",
        ),
        "AH leaves the type of service out of its ICV",
    ),
    row(
        "net.inet.ipsec.ah_offsetmask",
        Meaning::AhOffsetMask,
        0,
        Values::Only(
            0,
            "the kernel computes ICVs by RFC 4302, which leaves the fragment offset out",
        ),
        "Bits of the fragment offset that AH takes into its ICV",
    ),
    row(
        "net.inet.ipsec.dfbit",
        Meaning::DfBit,
        2,
        Values::OneOf(&[(0, "clear"), (1, "set"), (2, "copy from the inner header")]),
        "DF bit of the outer header of IPv4 tunnels",
    ),
    row(
        "net.inet.ipsec.ecn",
        Meaning::Ecn(V4),
        1,
        ECN,
        "ECN bits are carried by tunnels with an IPv4 outer header",
    ),
    row(
        "net.inet.ipsec.debug",
        Meaning::Debug,
        0,
        Values::Range(0, i32::MAX),
        "How much ipsecd logs: 0 what matters, 1 every decision, 2 every event",
    ),
    row(
        "net.inet6.ipsec6.esp_trans_deflev",
        Meaning::Deflev(V6, Esp, Trans),
        2,
        LEVEL,
        "Level of `default` requests for ESP in transport mode (IPv6 policies)",
    ),
    row(
        "net.inet6.ipsec6.esp_net_deflev",
        Meaning::Deflev(V6, Esp, Net),
        2,
        LEVEL,
        "Level of `default` requests for ESP in tunnel mode (IPv6 policies)",
    ),
    row(
        "net.inet6.ipsec6.ah_trans_deflev",
        Meaning::Deflev(V6, Ah, Trans),
        2,
        LEVEL,
        "Level of `default` requests for AH in transport mode (IPv6 policies)",
    ),
    row(
        "net.inet6.ipsec6.ah_net_deflev",
        Meaning::Deflev(V6, Ah, Net),
        2,
        LEVEL,
        "Level of `default` requests for AH in tunnel mode (IPv6 policies)",
    ),
    row(
        "net.inet6.ipsec6.def_policy",
        Meaning::DefaultPolicy(V6),
        1,
        DEFAULT_POLICY,
        "What becomes of IPv6 packets that no policy matches",
    ),
    row(
        "net.inet6.ipsec6.ecn",
        Meaning::Ecn(V6),
        1,
        ECN,
        "ECN bits are carried by tunnels with an IPv6 outer header",
    ),
    row(
        "net.inet6.ipsec6.debug",
        Meaning::Debug,
        0,
        Values::Range(0, i32::MAX),
        "How much ipsecd logs: the same variable as net.inet.ipsec.debug",
    ),
    row(
        "net.key.spi_min_value",
        Meaning::SpiMin,
        SPI_MIN,
        SPI,
        "Lowest SPI chosen where none is asked for",
    ),
    row(
        "net.key.spi_max_value",
        Meaning::SpiMax,
        SPI_MAX,
        SPI,
        "Highest SPI chosen where none is asked for",
    ),
    row(
        "net.key.spi_minval",
        Meaning::SpiMin,
        SPI_MIN,
        SPI,
        "FreeBSD's name of net.key.spi_min_value",
    ),
    row(
        "net.key.spi_maxval",
        Meaning::SpiMax,
        SPI_MAX,
        SPI,
        "FreeBSD's name of net.key.spi_max_value",
    ),
    row(
        "net.key.larval_lifetime",
        Meaning::LarvalLifetime,
        30,
        Values::Range(1, i32::MAX),
        "Seconds that a larval SA waits for its keys (net.core.xfrm_acq_expires)",
    ),
];

/// Variables of the BSDs that Linux has nothing for, each with the reason.
pub static UNSUPPORTED: [(&str, &str); 25] = [
    ("net.key.debug", "there is no PF_KEY in this kernel to watch; see net.inet.ipsec.debug"),
    ("net.key.spi_try", "the kernel itself looks for a free SPI until it has tried the range"),
    ("net.key.spi_trycnt", "the kernel itself looks for a free SPI until it has tried the range"),
    ("net.key.random_int", "the kernel's random numbers need no reseeding"),
    ("net.key.int_random", "the kernel's random numbers need no reseeding"),
    (
        "net.key.blockacq_count",
        "the kernel asks once for each larval SA; see net.key.larval_lifetime",
    ),
    (
        "net.key.blockacq_lifetime",
        "the kernel asks once for each larval SA; see net.key.larval_lifetime",
    ),
    ("net.key.esp_keymin", "the kernel makes no proposals"),
    ("net.key.esp_auth", "the kernel makes no proposals"),
    ("net.key.ah_keymin", "the kernel makes no proposals"),
    ("net.key.prefered_oldsa", "the kernel always takes the newest SA"),
    ("net.key.preferred_oldsa", "the kernel always takes the newest SA"),
    ("net.key.dumpsa", "it is a table, not a number: setkey -D prints it"),
    ("net.key.dumpsp", "it is a table, not a number: setkey -DP prints it"),
    (
        "net.inet.ipsec.enabled",
        "IPsec cannot be switched off as a whole: setkey -FP empties the SPD",
    ),
    (
        "net.inet6.ipsec6.enabled",
        "IPsec cannot be switched off as a whole: setkey -FP empties the SPD",
    ),
    ("net.inet.ipsec.used", "the kernel does not count this: setkey -DP prints the SPD"),
    ("net.inet6.ipsec6.used", "the kernel does not count this: setkey -DP prints the SPD"),
    ("net.inet.ipsec.ah_enable", "unload or blacklist the module ah4"),
    ("net.inet.ipsec.esp_enable", "unload or blacklist the module esp4"),
    ("net.inet.ipsec.ipcomp_enable", "unload or blacklist the module ipcomp"),
    (
        "net.inet.ipsec.crypto_support",
        "the kernel takes the fastest driver that it has (/proc/crypto)",
    ),
    ("net.inet.ipsec.ipip_spoofcheck", "net.ipv4.conf.*.rp_filter is Linux's check"),
    ("net.inet.ipsec.ipsecstats", "it is a table, not a number: see /proc/net/xfrm_stat"),
    ("net.inet6.ipsec6.ipsecstats", "it is a table, not a number: see /proc/net/xfrm_stat"),
];
