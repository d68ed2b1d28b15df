//! Tests of responses, cut at every place.

use super::{Expected, Received, Response};
use crate::failure::Kind;

fn whole(text: &str) -> Result<Option<Received>, Kind> {
    let response = Response::new(true).take(text.as_bytes());
    response.map_err(|failure| failure.kind)
}

#[test]
fn a_response_is_the_same_wherever_it_is_cut() {
    let text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let all = Response::new(true).take(text).unwrap().expect("complete");
    assert_eq!((all.status, all.body_bytes, all.closes), (200, 5, false));
    assert_eq!(all.sha256.unwrap()[..4], [0x2c, 0xf2, 0x4d, 0xba]);
    for first in 1..text.len() {
        for second in first..text.len() {
            let mut response = Response::new(true);
            let pieces = [&text[..first], &text[first..second], &text[second..]];
            let mut last = None;
            for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
                assert_eq!(last, None, "complete before {piece:?}");
                last = response.take(piece).unwrap();
            }
            assert_eq!(last, Some(all), "cut at {first} and {second}");
        }
    }
}

#[test]
fn the_next_response_begins_anew() {
    let mut response = Response::new(true);
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab";
    let first = response.take(text).unwrap();
    response.restart();
    assert_eq!(response.take(text).unwrap(), first);
}

#[test]
fn a_body_without_length_ends_with_the_connection() {
    let mut response = Response::new(false);
    let head = b"HTTP/1.1 200 OK\r\n\r\nabc";
    assert_eq!(response.take(head).unwrap(), None);
    let received = response.end().unwrap();
    assert_eq!((received.body_bytes, received.closes), (3, true));
}

#[test]
fn an_early_end_is_none() {
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
    ] {
        let mut response = Response::new(false);
        assert_eq!(response.take(text.as_bytes()).unwrap(), None);
        assert_eq!(response.end().unwrap_err().kind, Kind::ClosedEarly);
    }
}

#[test]
fn who_closes_and_what_has_no_body() {
    let closes = |text: &str| whole(text).unwrap().unwrap().closes;
    assert!(closes(
        "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n"
    ));
    assert!(closes("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
    assert!(!closes(
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"
    ));
    assert!(!closes("HTTP/1.1 204 No Content\r\n\r\n"));
}

#[test]
fn nonsense_is_refused() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(20_000));
    for text in [
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc",
        &long,
    ] {
        assert_eq!(whole(text), Err(Kind::BadAnswer), "{text}");
    }
}

#[test]
fn each_difference_has_its_kind() {
    let received = whole("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let received = received.unwrap().unwrap();
    let expected = Expected {
        status: 200,
        body_bytes: Some(5),
        sha256: received.sha256,
    };
    let kind = |expected: Expected| expected.check(&received).map_err(|failure| failure.kind);
    assert_eq!(kind(expected), Ok(()));
    assert_eq!(
        kind(Expected {
            status: 404,
            ..expected
        }),
        Err(Kind::Status)
    );
    let longer = Expected {
        body_bytes: Some(6),
        ..expected
    };
    assert_eq!(kind(longer), Err(Kind::BodyLength));
    let other = Expected {
        sha256: Some([0; 32]),
        ..expected
    };
    assert_eq!(kind(other), Err(Kind::Mismatch));
}
