//! `ipsecctl metrics` and `ipsecctl top` with 10,000 SAs.

use std::{
    error::Error,
    net::Ipv4Addr,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use model::{
    AddressPair, Algorithm, AlgorithmKind, Key, Keyed, Mode, Proto, Sa, SaMode, Spi, SpiRequest,
};
use xfrm::{Answer, Change, Connection};

const SAS: u32 = 10_000;

/// The SPI of the first.
pub const FIRST_SPI: u32 = 0x1000;

/// What a scrape may take, of time.
const MOST_TIME: Duration = Duration::from_millis(200);

/// The same of memory, in MiB.
const MOST_MEMORY: u64 = 32;

/// An interval between the two looks of `top`.
const INTERVAL: Duration = Duration::from_millis(100);

/// Loads SAs, and prints how long each command takes and the most memory that it has.
pub fn measure(ipsecctl: &Path) -> Result<(), Box<dyn Error>> {
    let mut connection = Connection::open()?;
    let kind = load(&mut connection)?;
    for args in [&["metrics"][..], &["metrics", "--by", "sa"], &["top", "--once", "--interval=0.1"]]
    {
        let times = crate::times(|| crate::run(ipsecctl, args))?;
        // It looks twice.
        let is_top = args[0] == "top";
        let look = |time: Duration| if is_top { time.saturating_sub(INTERVAL) / 2 } else { time };
        let ms = |time: Duration| format!("{:.1} ms", look(time).as_secs_f64() * 1e3);
        let what = if is_top { "a look of top".to_owned() } else { args.join(" ") };
        let (least, median) = (ms(times[0]), ms(times[times.len() / 2]));
        let memory = memory(ipsecctl, args)? >> 10;
        let is_within = look(times[0]) <= MOST_TIME && memory <= MOST_MEMORY;
        let verdict = if is_within { "within" } else { "EXCEEDS" };
        println!(
            "{SAS:>8} {kind}: {what} {median}, least {least}, {memory} MiB; {verdict} {MOST_TIME:?}, {MOST_MEMORY} MiB"
        );
    }
    let mut batch = connection.batch();
    batch.push(&Change::FlushSad(None));
    connection.send(&mut batch)?;
    Ok(())
}

/// Loads ESP with AES-CBC and HMAC-SHA-1; where the kernel has no ESP, larval SAs. Returns which.
fn load(connection: &mut Connection) -> Result<&'static str, Box<dyn Error>> {
    if has_esp(connection)? {
        let mut batch = connection.batch();
        for n in 0..SAS {
            batch.push(&Change::AddSa(&sa(n)?));
            if batch.is_full() || n + 1 == SAS {
                let refusals = connection.send(&mut batch)?;
                if let Some((_, refusal)) = refusals.first() {
                    return Err(format!("an SA was refused: {refusal:?}").into());
                }
            }
        }
        return Ok("SAs");
    }
    for n in 0..SAS {
        let (mode, reqid) = (SaMode::Of(Mode::Transport), None);
        let request = SpiRequest { ends: ends(n)?, proto: Proto::Esp, spi: None, mode, reqid };
        let spi = Spi(FIRST_SPI + n);
        if let Answer::Refused(refusal) = connection.get_spi(&request, (spi, spi))? {
            return Err(format!("a larval SA was refused: {refusal:?}").into());
        }
    }
    Ok("larval SAs")
}

/// Whether the kernel has ESP.
pub fn has_esp(connection: &mut Connection) -> Result<bool, Box<dyn Error>> {
    let sa = sa(SAS)?;
    let mut batch = connection.batch();
    batch.push(&Change::AddSa(&sa));
    let has_esp = connection.send(&mut batch)?.is_empty();
    if has_esp {
        batch.push(&Change::DeleteSa(sa.id()));
        connection.send(&mut batch)?;
    }
    Ok(has_esp)
}

/// The SA of this number, to one of some hundred peers.
pub fn sa(n: u32) -> Result<Sa, Box<dyn Error>> {
    let keyed = |kind, name, key: &[u8]| -> Result<Keyed, Box<dyn Error>> {
        let algorithm = Algorithm::by_name(kind, name).ok_or("no such algorithm")?;
        Ok(Keyed::new(algorithm, Key::new(key.to_vec())))
    };
    Ok(Sa {
        crypt: Some(keyed(AlgorithmKind::Crypt, "aes-cbc", b"sixteen byte key")?),
        auth: Some(keyed(AlgorithmKind::Auth, "hmac-sha1", b"twenty bytes of key!")?),
        ..Sa::bare(ends(n)?, Proto::Esp, Spi(FIRST_SPI + n))
    })
}

fn ends(n: u32) -> Result<AddressPair, model::Error> {
    let peer = Ipv4Addr::from(0x0a00_0001 + n % 250);
    AddressPair::new(Ipv4Addr::new(192, 0, 2, 1).into(), peer.into())
}

/// The most memory that a command has, in KiB.
fn memory(program: &Path, args: &[&str]) -> Result<u64, Box<dyn Error>> {
    let mut time = Command::new("/usr/bin/time");
    let time = time.args(["-f", "%M"]).arg(program).args(args).stdout(Stdio::null()).output()?;
    let printed = String::from_utf8(time.stderr)?;
    Ok(printed.lines().next_back().ok_or("no memory was printed")?.trim().parse()?)
}
