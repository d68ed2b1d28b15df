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
        .add(4, code, Some(&info()), Vec::new)
        .expect("known fields");
    assertions
        .add(
            9,
            "assert kept == 7 and tcpi_state == TCP_ESTABLISHED",
            Some(&info()),
            Vec::new,
        )
        .expect("known");
    assert_eq!(assertions.check(), Ok(None));
}

#[test]
fn the_first_that_fails_is_told_with_its_line() {
    let mut assertions = Assertions::default();
    assertions
        .add(4, "assert True", None, Vec::new)
        .expect("no fields");
    assertions
        .add(
            6,
            "assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd",
            Some(&info()),
            Vec::new,
        )
        .expect("known");
    assertions
        .add(8, "assert False", None, Vec::new)
        .expect("no fields");
    assert_eq!(
        assertions.check(),
        Ok(Some((6, "AssertionError: 12".into())))
    );
    let mut wrong = Assertions::default();
    wrong.add(3, "assert (", None, Vec::new).expect("no fields");
    assert!(matches!(wrong.check(), Ok(Some((3, text))) if text.starts_with("SyntaxError")));
}

#[test]
fn a_field_that_nothing_knows_is_named() {
    let mut assertions = Assertions::default();
    let result = assertions.add(1, "assert tcpi_sacked == 1", Some(&info()), Vec::new);
    assert_eq!(
        result,
        Err(Trouble::Unsupported("tcpi_sacked in an assertion".into()))
    );
}

#[test]
fn counters_are_asked_for_where_they_are_named() {
    let mut assertions = Assertions::default();
    let counters = || vec![("PAWSEstab".to_owned(), 3)];
    let code = "assert nstat['PAWSEstab'] == 3";
    assertions.add(2, code, None, counters).expect("known");
    assertions
        .add(3, "assert nstat == {}", None, || unreachable!())
        .expect("not asked");
    assert_eq!(assertions.check(), Ok(None));
    assert_eq!(
        assertions.add(4, code, None, Vec::new),
        Err(Trouble::Unsupported("counters in an assertion".into()))
    );
}
