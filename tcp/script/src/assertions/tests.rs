use super::*;

fn info() -> Info {
    Info::default()
        .with("tcpi_state", 1_u8)
        .with("tcpi_snd_cwnd", 12_u32)
        .with("tcpi_rtt", 3_000_u32)
        .with("tcpi_rto", 200_000_u32)
        .with("tcpi_snd_ssthresh", 0x7fff_ffff_u32)
}

#[test]
fn code_sees_the_connection() {
    let mut assertions = Assertions::default();
    let code = "assert tcpi_snd_cwnd == 12\nassert tcpi_rtt == 3000 and tcpi_rto == 200000\n\
                assert tcpi_snd_ssthresh == TCP_INFINITE_SSTHRESH, \"quoted \\\\ \"\nkept = 7";
    assertions
        .add(4, code, Some(&info()))
        .expect("known fields");
    assertions
        .add(
            9,
            "assert kept == 7 and tcpi_state == TCP_ESTABLISHED",
            Some(&info()),
        )
        .expect("known");
    assert_eq!(assertions.check(), Ok(None));
}

#[test]
fn the_first_that_fails_is_told_with_its_line() {
    let mut assertions = Assertions::default();
    assertions.add(4, "assert True", None).expect("no fields");
    assertions
        .add(
            6,
            "assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd",
            Some(&info()),
        )
        .expect("known");
    assertions.add(8, "assert False", None).expect("no fields");
    assert_eq!(
        assertions.check(),
        Ok(Some((6, "AssertionError: 12".into())))
    );
    let mut wrong = Assertions::default();
    wrong.add(3, "assert (", None).expect("no fields");
    assert!(matches!(wrong.check(), Ok(Some((3, text))) if text.starts_with("SyntaxError")));
}

#[test]
fn a_field_that_nothing_knows_is_named() {
    let mut assertions = Assertions::default();
    let result = assertions.add(1, "assert tcpi_sacked == 1", Some(&info()));
    assert_eq!(
        result,
        Err(Trouble::Unsupported("tcpi_sacked in an assertion".into()))
    );
}
