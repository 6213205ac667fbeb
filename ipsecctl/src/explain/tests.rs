use clap::Parser;
use explain::{Arrival, Flow};

use super::*;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    explain: Explain,
}

fn parse(words: &str) -> Result<Explain, clap::Error> {
    let words = ["explain"].into_iter().chain(words.split_whitespace());
    Command::try_parse_from(words).map(|command| command.explain)
}

fn packet_of(words: &str) -> Result<(Option<Flow>, Vec<Arrival>), Error> {
    parse(words).unwrap().packet(&[]).map(|Packet { flow, arrivals, .. }| (flow, arrivals))
}

#[test]
fn the_packet_is_what_is_given() {
    let (flow, arrivals) =
        packet_of("out 10.0.0.1:1000 10.0.0.2:53 udp --mark 0x10 --dev eth0 --ifid 7").unwrap();
    let flow = flow.unwrap();
    assert_eq!((flow.upper, flow.src_port, flow.dst_port), (Some(17), Some(1000), Some(53)));
    assert_eq!((flow.mark, flow.if_id, arrivals.len()), (16, NonZeroU32::new(7), 0));
    let (flow, arrivals) = packet_of("in 10.0.0.1 10.0.0.2 --spi 0x1001 --spi 4098").unwrap();
    assert!(flow.unwrap().upper.is_none());
    assert_eq!(arrivals.iter().map(|it| it.spi.0).collect::<Vec<_>>(), [0x1001, 4098]);
}

#[test]
fn a_captured_packet_has_the_headers_and_the_rest_may_be_given() {
    let esp = "4500002000004000403200 00c0000201c0000202000010010000000901020304";
    let esp = esp.replace(' ', "");
    let (flow, arrivals) = packet_of(&format!("in --from {esp}")).unwrap();
    assert_eq!((flow, arrivals[0].sequence), (None, Some(9)));
    let given = packet_of(&format!("in 10.0.0.1 10.0.0.2 tcp --from {esp}"));
    assert_eq!(given.unwrap().0.unwrap().upper, Some(6));
    assert!(matches!(packet_of("in --from /nowhere"), Err(Error::CaptureFile { .. })));
}

#[test]
fn too_little_is_refused() {
    assert!(matches!(packet_of("out"), Err(Error::NoPacket)));
    for words in [
        "",
        "up 10.0.0.1 10.0.0.2",
        "out 10.0.0.1",
        "out 10.0.0.1 10.0.0.2 --socket 7",
        "out 10.0.0.1 10.0.0.2 --ifid 0",
        "out 10.0.0.1 10.0.0.2 --length 65536",
        "out 10.0.0.1 10.0.0.2 --length 18446744073709551615",
        "out 10.0.0.1 10.0.0.2 --mtu 4294967296",
        "out 10.0.0.1 10.0.0.2 --uid 4294967296",
        "out 10.0.0.1 10.0.0.2 --cpu 4294967296",
        "out 10.0.0.1 10.0.0.2 --mark 4294967296",
        "in --spi 1 --from 45",
    ] {
        assert!(parse(words).is_err(), "{words}");
    }
    let mixed = packet_of("out 10.0.0.1 2001:db8::1");
    assert!(matches!(mixed, Err(Error::Model(_))));
}
