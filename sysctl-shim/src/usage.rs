//! The usages.

use model::Dialect;

/// The usage of a dialect.
pub fn text(program: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Linux => {
            format!("\nUsage:\n {program} [options] [variable[=value] ...]\n{PROCPS}{OURS}")
        }
        Dialect::NetBsd => bsd(
            program,
            &[
                "[-dnNeqx] variable ...",
                "[-neq] -w variable=value ...",
                "[-dnNex] -a",
                "[-neq] -f file",
            ],
        ),
        Dialect::FreeBsd => bsd(
            program,
            &["[-bdehiNnqx] name[=value] ...", "[-bdehNnqx] -a", "[-beinq] -f filename"],
        ),
    }
}

fn bsd(program: &str, synopses: &[&str]) -> String {
    let line = |(place, synopsis): (usize, &&str)| {
        let before = if place == 0 { "usage:" } else { "      " };
        format!("{before} {program} {synopsis}\n")
    };
    synopses.iter().enumerate().map(line).collect()
}

const PROCPS: &str = "
Options:
  -a, --all            display all variables
  -A                   alias of -a
  -X                   alias of -a
      --deprecated     include deprecated parameters to listing
      --dry-run        Print the key and values but do not write
  -b, --binary         print value without new line
  -e, --ignore         ignore unknown variables errors
  -N, --names          print variable names without values
  -n, --values         print only values of the given variable(s)
  -p, --load[=<file>]  read values from file
  -f                   alias of -p
      --system         read values from all system directories
  -r, --pattern <expression>
                       select setting that match expression
  -q, --quiet          do not echo variable set
  -w, --write          enable writing a value to variable
  -o                   does nothing
";

const OURS: &str = "
Options that procps has not:
  -d                   print what variables are; alone it is -h
  -i                   alias of -e
  -x                   print the variables of ipsec(4) in hexadecimal
      --json           print variables as JSON
      --ours           the variables of ipsec(4) alone
      --force          set def_policy to 0 although this ssh session needs it
      --rekey-flags    recreate SAs whose DF or ECN settings differ
      --root <dir>     where --system looks for directories
      --dialect <name> linux, netbsd or freebsd

 -h, --help     display this help and exit
 -V, --version  output version information and exit

For more details see sysctl-shim(8).
";
