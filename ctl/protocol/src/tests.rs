//! Messages survive the way over the wire, and what is no message is refused.

use serde_json::{Value, json};

use super::*;

#[test]
fn every_request_round_trips_under_its_name() {
    let route = RouteChange {
        network: "198.51.100.0/24".parse().unwrap(),
        gateway: Some("192.0.2.1".parse().unwrap()),
        port: Some("tap0".into()),
        source: None,
        local_through_port: false,
    };
    let sockets = Request::Sockets {
        state: Some("TIME-WAIT".into()),
        address: Some("2001:db8::1".parse().unwrap()),
        port: Some(80),
        limit: Some(10),
        cursor: Some("1.5".into()),
    };
    for request in [
        Request::Hello {
            version: VERSION,
            client: "test".into(),
        },
        Request::Status {},
        sockets,
        Request::Listeners {},
        Request::Counters {},
        Request::Drops {},
        Request::Neighbors {},
        Request::Routes {},
        Request::RouteAdd(route.clone()),
        Request::RouteRemove(route),
        Request::Destinations {},
        Request::DestinationsForget { address: None },
        Request::FastOpenKeys {
            present: "00000000-00000000-00000000-00000000".into(),
            previous: None,
        },
        Request::Workers {},
        Request::Services {},
        Request::Ports {},
        Request::Shutdown {
            drain: true,
            timeout_ms: Some(1_000),
        },
    ] {
        let line = encode(&request).unwrap();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let value: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value["request"], request.name());
        assert_eq!(serde_json::from_slice::<Request>(&line).unwrap(), request);
    }
}

#[test]
fn optional_fields_may_be_left_out() {
    let request: Request = serde_json::from_value(json!({"request": "sockets"})).unwrap();
    assert!(matches!(
        request,
        Request::Sockets {
            state: None,
            limit: None,
            cursor: None,
            ..
        }
    ));
    let request: Request =
        serde_json::from_value(json!({"request": "route-remove", "network": "10.0.0.0/8"}))
            .unwrap();
    assert_eq!(request.name(), "route-remove");
}

#[test]
fn what_is_no_request_is_refused() {
    for text in [
        "",
        "{}",
        "[]",
        "nonsense",
        r#"{"request":"flowers"}"#,
        r#"{"request":"status","extra":1}"#,
        r#"{"request":"hello","version":"one","client":"x"}"#,
        r#"{"request":"sockets","port":70000}"#,
        r#"{"request":"sockets","address":"here"}"#,
        r#"{"request":"route-add","network":"10.0.0.0/33"}"#,
        r#"{"request":"route-add","network":"10.0.0.0/8","color":1}"#,
        r#"{"request":"shutdown"}"#,
    ] {
        assert!(serde_json::from_str::<Request>(text).is_err(), "{text}");
    }
}

#[test]
fn errors_and_replies_are_told_apart() {
    let error = Answer::error(ErrorKind::TooLong, "a line\nof two");
    let line = encode(&error).unwrap();
    assert_eq!(
        String::from_utf8(line.clone()).unwrap(),
        "{\"error\":{\"kind\":\"too-long\",\"message\":\"a line\\nof two\"}}\n"
    );
    assert_eq!(serde_json::from_slice::<Answer>(&line).unwrap(), error);

    let reply = Answer::from(Reply::Sockets {
        sockets: vec![socket()],
        cursor: Some("0.7".into()),
    });
    let line = encode(&reply).unwrap();
    let value: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(value["reply"], "sockets");
    assert_eq!(value["sockets"][0]["local"], "192.0.2.2:80");
    assert_eq!(serde_json::from_slice::<Answer>(&line).unwrap(), reply);
}

#[test]
fn unknown_fields_of_an_answer_are_ignored() {
    let text = r#"{"reply":"hello","version":1,"server":"coremilld 9","pid":1,"new":true}"#;
    let answer: Answer = serde_json::from_str(text).unwrap();
    assert!(matches!(
        answer,
        Answer::Reply(Reply::Hello { version: 1, .. })
    ));
}

#[test]
fn lines_are_cut_wherever_the_bytes_come_apart() {
    let stream = b"one\n\nthree\nrest";
    for piece in 1..stream.len() {
        let mut lines = Lines::new(64);
        let mut seen = Vec::new();
        for bytes in stream.chunks(piece) {
            lines.push(bytes);
            while let Some(line) = lines.next_line().unwrap() {
                seen.push(String::from_utf8(line).unwrap());
            }
        }
        assert_eq!(seen, ["one", "", "three"]);
        assert_eq!(lines.pending_bytes(), 4);
    }
}

#[test]
fn a_line_may_be_as_long_as_the_bound_and_no_longer() {
    let mut lines = Lines::new(8);
    lines.push(b"1234567\n");
    assert_eq!(lines.next_line(), Ok(Some(b"1234567".to_vec())));
    lines.push(b"12345678\n");
    assert_eq!(lines.next_line(), Err(FrameError::TooLong { bytes_max: 8 }));
    let mut lines = Lines::new(8);
    lines.push(b"1234567");
    assert_eq!(lines.next_line(), Ok(None));
    lines.push(b"8");
    assert_eq!(lines.next_line(), Err(FrameError::TooLong { bytes_max: 8 }));
}

fn socket() -> SocketView {
    SocketView {
        worker: 1,
        state: "ESTABLISHED".into(),
        local: "192.0.2.2:80".parse().unwrap(),
        remote: "[2001:db8::1]:40000".parse().unwrap(),
        receive_queue_bytes: 1,
        send_queue_bytes: 2,
        congestion_window_bytes: 14_600,
        slow_start_threshold_bytes: None,
        congestion: Some("cubic".into()),
        pacing_rate: None,
        send_window_bytes: 65_535,
        receive_window_bytes: 65_535,
        maximum_segment_bytes: 1_460,
        round_trip_us: Some(120),
        retransmission_timeout_us: 200_000,
        retransmissions: 0,
        hold: "idle".into(),
        recovery: Some("open".into()),
        orphan: false,
        signed_by: Some("ao 61/84".into()),
        ecn: Some("accecn".into()),
        memory: None,
        statistics: Some([("PerfSegsOut".to_owned(), 7)].into()),
    }
}
