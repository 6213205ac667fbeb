use super::*;

#[test]
fn a_subject_is_an_address_an_spi_or_an_index() {
    assert_eq!(subject("192.0.2.2"), Ok(Subject::Peer([192, 0, 2, 2].into())));
    assert_eq!(subject("0x1001"), Ok(Subject::Spi(Spi(0x1001))));
    assert_eq!(subject("17"), Ok(Subject::Policy(17)));
    for wrong in ["", "0x", "gateway", "-1", "192.0.2"] {
        assert!(subject(wrong).is_err(), "{wrong}");
    }
}
