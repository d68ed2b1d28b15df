//! Tests of request heads.

use super::super::response::{Answer, Refusal};
use super::{HEAD_BYTES_MAX, Parsed, parse};

fn answer(head: &str) -> Answer {
    match parse(head.as_bytes()) {
        Parsed::Request { answer, .. } => answer,
        Parsed::Partial => panic!("{head:?} is taken for incomplete"),
    }
}

#[test]
fn keep_alive_follows_version_and_header() {
    let cases = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n",
            true,
        ),
        (
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: TE, close\r\n\r\n",
            true,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
            true,
        ),
        ("GET / HTTP/1.0\r\n\r\n", true),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false),
    ];
    for (head, close) in cases {
        assert_eq!(
            answer(head),
            Answer::Ok {
                with_body: true,
                close
            },
            "{head:?}"
        );
    }
}

#[test]
fn head_requests_get_no_body() {
    let head = "HEAD /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(
        answer(head),
        Answer::Ok {
            with_body: false,
            close: false
        }
    );
}

#[test]
fn only_the_head_is_taken_of_pipelined_requests() {
    let two = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    let Parsed::Request { head_bytes, .. } = parse(two) else {
        panic!("incomplete")
    };
    assert_eq!(&two[head_bytes..head_bytes + 6], b"GET /2");
}

#[test]
fn every_beginning_of_a_head_is_partial() {
    let head = b"GET /a/b HTTP/1.1\r\nHost: example\r\nAccept: */*\r\n\r\n";
    for length in 0..head.len() {
        assert_eq!(parse(&head[..length]), Parsed::Partial, "{length} bytes");
    }
}

#[test]
fn what_cannot_be_served_is_refused_by_name() {
    let cases = [
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
            Refusal::Method,
        ),
        ("GET / HTTP/1.1\r\n\r\n", Refusal::BadRequest),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
            Refusal::BadRequest,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            Refusal::BadRequest,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 3\r\n\r\n",
            Refusal::BadRequest,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            Refusal::BadRequest,
        ),
        ("\x01\x02\x03\r\n\r\n", Refusal::BadRequest),
        ("GET / HTTP/2.0\r\n\r\n", Refusal::Version),
    ];
    for (head, refusal) in cases {
        assert_eq!(answer(head), Answer::Refused(refusal), "{head:?}");
    }
    let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(HEAD_BYTES_MAX));
    assert_eq!(answer(&long), Answer::Refused(Refusal::TooLarge));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(40));
    assert_eq!(answer(&many), Answer::Refused(Refusal::TooLarge));
}
