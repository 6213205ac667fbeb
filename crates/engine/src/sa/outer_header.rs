//! The outer headers of tunnels. What becomes of their DF and ECN bits is decided by flags that an SA
//! is made with.

use model::{
    IpVersion, Mode, Sa, SaDirection, SaFlags, Setting, Variables,
    variable::{DfBit, Meaning},
};

/// Gives an SA that is to be made the flags that the host's variables ask for, if it is a tunnel.
/// The flags that it has already stay.
pub fn choose(variables: &Variables, sa: &mut Sa) {
    if sa.mode.installed() == Mode::Tunnel {
        sa.flags = sa.flags | flags(variables, sa);
    }
}

/// The flags that an SA should have for the variables. Of those it has, the ones that `decided`
/// leaves out stay.
pub fn findings(variables: &Variables, decided: SaFlags, sa: &Sa) -> SaFlags {
    if sa.mode.installed() == Mode::Tunnel {
        sa.flags.without(decided) | flags(variables, sa) & decided
    } else {
        sa.flags
    }
}

/// The flags that these settings decide, in SAs with this outer header.
pub fn decided(settings: &[Setting], outer: IpVersion) -> SaFlags {
    let flag = |setting: &Setting| match setting.variable().meaning {
        Meaning::DfBit if outer == IpVersion::V4 => SaFlags::NO_PMTU_DISC,
        Meaning::Ecn(version) if outer == version => SaFlags::NO_ECN,
        _ => SaFlags::default(),
    };
    settings.iter().map(flag).fold(SaFlags::default(), |all, flag| all | flag)
}

fn flags(variables: &Variables, sa: &Sa) -> SaFlags {
    let outer = IpVersion::of(sa.ends.dst());
    let mut flags = SaFlags::default();
    // The kernel refuses the flag where an SA is for packets that arrive (`verify_newsa_info`,
    // net/xfrm/xfrm_user.c, Linux 6.10).
    if outer == IpVersion::V4
        && variables.df_bit() == DfBit::Clear
        && sa.direction != Some(SaDirection::In)
    {
        flags = flags | SaFlags::NO_PMTU_DISC;
    }
    if !variables.carries_ecn(outer) {
        flags = flags | SaFlags::NO_ECN;
    }
    flags
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Proto, Spi, Variable};

    use super::*;

    fn setting(name: &str, value: i64) -> Setting {
        Variable::of_name(name).unwrap().set(value).unwrap()
    }

    fn variables(settings: &[Setting]) -> Variables {
        let mut variables = Variables::default();
        for setting in settings {
            variables.set(*setting);
        }
        variables
    }

    fn tunnel(src: &str, dst: &str) -> Sa {
        let ends = AddressPair::new(src.parse().unwrap(), dst.parse().unwrap()).unwrap();
        Sa { mode: Mode::Tunnel.into(), ..Sa::bare(ends, Proto::Esp, Spi(4096)) }
    }

    fn v4() -> Sa {
        tunnel("192.0.2.1", "192.0.2.2")
    }

    fn v6() -> Sa {
        tunnel("2001:db8::1", "2001:db8::2")
    }

    fn chosen(variables: &Variables, sa: Sa) -> SaFlags {
        let mut sa = sa;
        choose(variables, &mut sa);
        sa.flags
    }

    #[test]
    fn each_version_of_the_outer_header_has_its_own_variables() {
        let none = SaFlags::default();
        assert_eq!(chosen(&Variables::default(), v4()), none);
        let v4_only = variables(&[setting("net.inet.ipsec.dfbit", 0)]);
        assert_eq!(chosen(&v4_only, v4()), SaFlags::NO_PMTU_DISC);
        assert_eq!(chosen(&v4_only, v6()), none);
        let both = variables(&[setting("net.inet.ipsec.ecn", 0)]);
        assert_eq!((chosen(&both, v4()), chosen(&both, v6())), (SaFlags::NO_ECN, none));
        let v6_only = variables(&[setting("net.inet6.ipsec6.ecn", 0)]);
        assert_eq!((chosen(&v6_only, v4()), chosen(&v6_only, v6())), (none, SaFlags::NO_ECN));
        // Setting DF is no flag's work.
        assert_eq!(chosen(&variables(&[setting("net.inet.ipsec.dfbit", 1)]), v4()), none);
    }

    #[test]
    fn only_tunnels_have_an_outer_header() {
        let variables =
            variables(&[setting("net.inet.ipsec.dfbit", 0), setting("net.inet.ipsec.ecn", 0)]);
        for mode in [Mode::Transport, Mode::Beet, Mode::RouteOptimization] {
            let sa = Sa { mode: mode.into(), flags: SaFlags::NO_ECN, ..v4() };
            let decided = SaFlags::NO_ECN | SaFlags::NO_PMTU_DISC;
            assert_eq!(findings(&Variables::default(), decided, &sa), SaFlags::NO_ECN);
            assert_eq!(
                chosen(&variables, Sa { flags: SaFlags::default(), ..sa }).words().count(),
                0
            );
        }
    }

    #[test]
    fn an_sa_for_arriving_packets_has_no_df_flag() {
        let variables = variables(&[setting("net.inet.ipsec.dfbit", 0)]);
        let directed = |direction| chosen(&variables, Sa { direction: Some(direction), ..v4() });
        assert_eq!(directed(SaDirection::In), SaFlags::default());
        assert_eq!(directed(SaDirection::Out), SaFlags::NO_PMTU_DISC);
    }

    #[test]
    fn flags_of_a_script_stay_until_a_setting_decides_them() {
        let scripted = Sa { flags: SaFlags::NO_PMTU_DISC | SaFlags::DECAP_DSCP, ..v4() };
        let variables = variables(&[setting("net.inet.ipsec.ecn", 0)]);
        assert_eq!(chosen(&variables, scripted.clone()), scripted.flags | SaFlags::NO_ECN);

        let ecn = decided(&[setting("net.inet.ipsec.ecn", 0)], IpVersion::V4);
        assert_eq!(findings(&variables, ecn, &scripted), scripted.flags | SaFlags::NO_ECN);
        let df = decided(&[setting("net.inet.ipsec.dfbit", 2)], IpVersion::V4);
        assert_eq!(findings(&variables, df, &scripted), SaFlags::DECAP_DSCP);
    }

    #[test]
    fn settings_decide_their_own_flags() {
        let settings = [
            setting("net.inet.ipsec.dfbit", 1),
            setting("net.inet6.ipsec6.ecn", 0),
            setting("net.inet.ipsec.def_policy", 1),
        ];
        assert_eq!(decided(&settings, IpVersion::V4), SaFlags::NO_PMTU_DISC);
        assert_eq!(decided(&settings, IpVersion::V6), SaFlags::NO_ECN);
    }
}
