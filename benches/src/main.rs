//! Loads and dumps an SPD with `setkey`, with `ip -batch`, and with nothing but prepared netlink
//! messages, and explains a packet; prints the ratios. With `sas` what is measured of SAs and of `ipsecctl monitor`,
//! which is the last part without it. Run it by `make bench` and `make bench-sas`: it empties the tables of its namespace.

mod flood;
mod raw;
mod sas;

use std::{
    error::Error,
    fmt::Write as _,
    fs::File,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let setkey = std::env::current_exe()?.with_file_name("setkey");
    if std::env::args().nth(1).as_deref() != Some("sas") {
        policies(&setkey)?;
        explain(&setkey)?;
    }
    let ipsecctl = setkey.with_file_name("ipsecctl");
    sas::measure(&ipsecctl)?;
    flood::measure(&ipsecctl)
}

/// How long an SPD takes to be loaded and dumped.
fn policies(setkey: &Path) -> Result<(), Box<dyn Error>> {
    println!("median of {RUNS} runs; ratios below 1 mean setkey is faster");
    println!(
        "{:>8} {:>6} {:>10} {:>10} {:>10} {:>8} {:>8}",
        "policies", "what", "setkey", "ip", "raw", "/ip", "/raw"
    );
    for count in [2_000, 16_000, 64_000] {
        let files = Files::new(count)?;
        let load = |program: &Path, args: &[&str]| {
            median(|| {
                run(setkey, &["-FP"])?;
                run(program, args)
            })
        };
        let script = files.script.to_string_lossy();
        let batch = files.batch.to_string_lossy();
        report(
            count,
            "load",
            load(setkey, &["-k", "-f", &script])?,
            load(Path::new("ip"), &["-batch", &batch])?,
            median(|| {
                run(setkey, &["-FP"])?;
                raw::load(count)
            })?,
        );
        report(
            count,
            "dump",
            median(|| run(setkey, &["-DP"]))?,
            median(|| run(Path::new("ip"), &["xfrm", "policy"]))?,
            median(raw::dump)?,
        );
        run(setkey, &["-FP"])?;
    }
    Ok(())
}

/// What a packet is explained from is a dump of the SPD: the kernel returns no part of it.
fn explain(setkey: &Path) -> Result<(), Box<dyn Error>> {
    let ipsecctl = setkey.with_file_name("ipsecctl");
    let count = 100_000;
    raw::load(count)?;
    let (src, dst) = raw::addresses(count / 2);
    let args = ["explain", "out", &src.to_string(), &dst.to_string(), "udp"];
    let explain = median(|| Ok(timed(&ipsecctl, &args)?.0))?;
    let raw = median(raw::dump)?;
    run(setkey, &["-FP"])?;
    let [explain, raw] = [explain, raw].map(|time| time.as_secs_f64() * 1e3);
    println!(
        "{count:>8} explain {explain:.1} ms, raw dump {raw:.1} ms, ratio {:.2}",
        explain / raw
    );
    Ok(())
}

fn report(count: u32, what: &str, setkey: Duration, ip: Duration, raw: Duration) {
    let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    let ratio = |other: Duration| setkey.as_secs_f64() / other.as_secs_f64();
    println!(
        "{count:>8} {what:>6} {:>10} {:>10} {:>10} {:>8.2} {:>8.2}",
        ms(setkey),
        ms(ip),
        ms(raw),
        ratio(ip),
        ratio(raw)
    );
}

fn median(
    once: impl FnMut() -> Result<Duration, Box<dyn Error>>,
) -> Result<Duration, Box<dyn Error>> {
    Ok(times(once)?[RUNS / 2])
}

/// The times of all runs, the least first.
fn times(
    mut once: impl FnMut() -> Result<Duration, Box<dyn Error>>,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut times = (0..RUNS).map(|_| once()).collect::<Result<Vec<_>, _>>()?;
    times.sort_unstable();
    Ok(times)
}

/// Runs a program and takes the time of the whole process.
fn run(program: &Path, args: &[&str]) -> Result<Duration, Box<dyn Error>> {
    let (time, status) = timed(program, args)?;
    if status.success() { Ok(time) } else { Err(format!("{} failed", program.display()).into()) }
}

fn timed(program: &Path, args: &[&str]) -> Result<(Duration, ExitStatus), Box<dyn Error>> {
    let start = Instant::now();
    let status = Command::new(program).args(args).stdout(Stdio::null()).status()?;
    Ok((start.elapsed(), status))
}

/// The same policies as a setkey script and as an `ip -batch` file.
struct Files {
    script: PathBuf,
    batch: PathBuf,
    _dir: tempfile::TempDir,
}

impl Files {
    fn new(count: u32) -> Result<Self, Box<dyn Error>> {
        let dir = tempfile::tempdir()?;
        let (mut script, mut batch) = (String::new(), String::new());
        for n in 0..count {
            let (src, dst) = raw::addresses(n);
            writeln!(script, "spdadd {src} {dst} any -P out ipsec esp/transport//require;")?;
            writeln!(
                batch,
                "xfrm policy add src {src}/32 dst {dst}/32 dir out priority 2147483648 \
                 tmpl proto esp mode transport"
            )?;
        }
        let files = Self {
            script: dir.path().join("setkey.conf"),
            batch: dir.path().join("ip.batch"),
            _dir: dir,
        };
        std::io::Write::write_all(&mut File::create(&files.script)?, script.as_bytes())?;
        std::io::Write::write_all(&mut File::create(&files.batch)?, batch.as_bytes())?;
        Ok(files)
    }
}
