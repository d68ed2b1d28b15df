use std::time::Duration;

use coremill_tcp::address::{Endpoint, Flow};

use super::*;

fn row() -> ConnectionRow {
    let end = Endpoint::new(std::net::Ipv4Addr::LOCALHOST.into(), 80);
    ConnectionRow {
        flow: Flow {
            local: end,
            remote: end,
        },
        state: State::Established,
        receive_queue_bytes: 0,
        send_queue_bytes: 0,
        congestion_window_bytes: 12_000,
        slow_start_threshold_bytes: u32::MAX,
        send_window_bytes: 0,
        receive_window_bytes: 0,
        maximum_segment_bytes: 1_000,
        receive_segment_bytes: 1_000,
        round_trip: Some(Duration::from_millis(3)),
        round_trip_variation: Duration::from_millis(1),
        retransmission_timeout: Duration::from_millis(200),
        retransmissions: 0,
        hold: "idle",
        orphan: false,
    }
}

#[test]
fn code_sees_the_connection() {
    let mut assertions = Assertions::default();
    let code = "assert tcpi_snd_cwnd == 12\nassert tcpi_rtt == 3000 and tcpi_rto == 200000\n\
                assert tcpi_snd_ssthresh == TCP_INFINITE_SSTHRESH, \"quoted \\\\ \"\nkept = 7";
    assertions.add(4, code, Some(&row())).expect("known fields");
    assertions
        .add(
            9,
            "assert kept == 7 and tcpi_state == TCP_ESTABLISHED",
            Some(&row()),
        )
        .expect("known");
    assert_eq!(assertions.check(), Ok(None));
}

#[test]
fn the_first_that_fails_is_told_with_its_line() {
    let mut assertions = Assertions::default();
    assertions.add(4, "assert True", None).expect("no fields");
    assertions
        .add(6, "assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd", Some(&row()))
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
    let result = assertions.add(1, "assert tcpi_sacked == 1", Some(&row()));
    assert_eq!(
        result,
        Err(Trouble::Unsupported("tcpi_sacked in an assertion".into()))
    );
}
