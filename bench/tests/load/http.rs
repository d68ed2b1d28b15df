//! The load `http`: what it counts, and each way in which a response can be wrong.

use serde_json::Value;

use crate::server::{self, Behaviour};
use crate::{fail, succeed};

#[test]
fn requests_are_counted_by_status_on_connections_kept_alive() {
    let address = serve(HELLO, usize::MAX);
    let report = succeed(&[
        "http",
        &address,
        "--connections",
        "5",
        "--requests",
        "20",
        "--body-bytes",
        "5",
        "--sha256",
        HELLO_DIGEST,
    ]);
    assert_eq!(report["requests"], 100, "{report}");
    assert_eq!(report["connections"], 5);
    assert_eq!(report["statuses"]["200"], 100);
    assert_eq!(report["request_micros"]["count"], 100);
    assert_eq!(report["bytes_received"], 100 * HELLO.len());
}

#[test]
fn one_request_for_each_connection() {
    let address = serve(HELLO, 1);
    let report = succeed(&[
        "http",
        &address,
        "--close",
        "--connections",
        "3",
        "--requests",
        "7",
    ]);
    assert_eq!(
        (&report["requests"], &report["connections"]),
        (&21.into(), &21.into()),
        "{report}"
    );
}

#[test]
fn a_server_that_announces_its_end_is_connected_to_anew() {
    let text = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    let report = succeed(&["http", &serve(text, 1), "--requests", "4"]);
    assert_eq!(
        (&report["requests"], &report["connections"]),
        (&4.into(), &4.into()),
        "{report}"
    );
}

#[test]
fn it_ends_by_duration() {
    let report = succeed(&["http", &serve(HELLO, usize::MAX), "--duration", "300ms"]);
    assert!(report["requests"].as_u64().unwrap() > 3, "{report}");
    let seconds = report["seconds"].as_f64().unwrap();
    assert!((0.3..3.0).contains(&seconds), "{seconds}");
}

#[test]
fn each_wrong_response_has_its_kind() {
    let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello";
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello";
    let cases: [(&str, &[&str], &str); 6] = [
        (missing, &[], "status"),
        (HELLO, &["--body-bytes", "6"], "body_length"),
        (
            HELLO,
            &["--sha256", &HELLO_DIGEST.replace('2', "3")],
            "mismatch",
        ),
        (short, &[], "closed_early"),
        (long, &[], "bad_answer"),
        ("220 ftp is here\r\n\r\n", &[], "bad_answer"),
    ];
    for (response, options, word) in cases {
        let address = serve(response, 1);
        let report = fail(&[&["http", &address, "--requests", "1"], options].concat());
        assert_eq!(report["errors"][word], 1, "{report}");
        assert_eq!(report["requests"], 0, "{report}");
    }
    let report = succeed(&[
        "http",
        &serve(missing, 1),
        "--requests",
        "1",
        "--status",
        "404",
    ]);
    assert_eq!(
        report["statuses"],
        serde_json::from_str::<Value>(r#"{"404":1}"#).unwrap()
    );
}

fn serve(response: &'static str, per_connection: usize) -> String {
    server::start(Behaviour::Http {
        response,
        per_connection,
    })
}

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const HELLO_DIGEST: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
