//! The usage of each dialect.

use model::Dialect;

/// What ipsec-tools 0.8.2 prints for `-h`, `-V` (its first line) and a wrong option.
const LINUX: &str = "\
setkey @(#) ipsec-tools 0.8.2 (http://ipsec-tools.sourceforge.net)
usage: setkey [-vrk] file ...
       setkey [-nvrk] -c
       setkey [-nvrk] -f filename
       setkey [-Palpvrk] -D
       setkey [-Pv] -F
       setkey [-H] -x
       setkey [-V] [-h]
";

const NETBSD: &str = "\
usage: setkey [-v] file ...
       setkey [-nv] -c
       setkey [-nv] -f filename
       setkey [-Palpv] -D
       setkey [-Pv] -F
       setkey [-h] -x
";

const FREEBSD: &str = "\
usage: setkey [-v] -c
       setkey [-v] -f filename
       setkey [-v] -e \"<script>\"
       setkey [-Pagltv] -D
       setkey [-Pv] -F
       setkey [-h] -x
";

/// The usage text.
pub fn text(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Linux => LINUX,
        Dialect::NetBsd => NETBSD,
        Dialect::FreeBsd => FREEBSD,
    }
}

/// The original's version line (`-V`).
pub fn version() -> &'static str {
    LINUX.lines().next().unwrap_or_default()
}

/// The short options.
pub fn letters(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Linux => "acfHlnvxDFPphVrk",
        Dialect::NetBsd => "acfHlnvxDFPphV",
        Dialect::FreeBsd => "acefghltvxDFP",
    }
}
