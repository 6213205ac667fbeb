//! ipsecd(8).

fn main() -> std::process::ExitCode {
    ipsecd::main()
}
