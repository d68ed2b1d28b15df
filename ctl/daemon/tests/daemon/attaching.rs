//! How long others wait while the largest attachment is made and freed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::process::Daemon;
use super::session::{Session, ended};

#[test]
fn nobody_waits_while_the_largest_attachment_comes_and_goes() {
    let daemon = Daemon::start("attaching", LARGEST);
    // What others wait on this machine anyway.
    let calm = waits(&daemon, || thread::sleep(Duration::from_secs(1)));
    let mut attached = Duration::ZERO;
    let waits = waits(&daemon, || {
        let mut session = Session::open(&daemon.socket);
        let begun = Instant::now();
        let (answer, given) = session.attach();
        assert_eq!(answer["reply"], "attach", "{answer}");
        attached = begun.elapsed();
        drop(given);
        assert_eq!(session.detach()["reply"], "detach");
        // What it had is freed behind the answer.
        thread::sleep(Duration::from_secs(1));
    });
    eprintln!("attach {attached:?}; longest waits before {calm:?}, meanwhile {waits:?}");
    for (before, meanwhile) in calm.into_iter().zip(waits) {
        assert!(
            meanwhile < before + WAIT_MAX,
            "somebody waited {meanwhile:?}"
        );
    }
}

/// Memory is freed behind the answer; what tells a process of the end does not wait for that.
#[test]
fn who_is_detached_hears_of_it_before_what_it_had_is_freed() {
    let daemon = Daemon::start("hearing", LARGEST);
    let mut session = Session::open(&daemon.socket);
    for _ in 0..3 {
        let (answer, given) = session.attach();
        assert_eq!(answer["reply"], "attach", "{answer}");
        assert_eq!(session.detach()["reply"], "detach");
        assert!(given[3..].iter().all(ended));
    }
}

/// The longest waits of an operator and of a reader of metrics while something is done.
fn waits(daemon: &Daemon, deed: impl FnOnce()) -> [Duration; 2] {
    let is_over = AtomicBool::new(false);
    let longest = |ask: &mut dyn FnMut()| {
        let mut longest = Duration::ZERO;
        while !is_over.load(Ordering::Relaxed) {
            let begun = Instant::now();
            ask();
            longest = longest.max(begun.elapsed());
            thread::sleep(Duration::from_millis(5));
        }
        longest
    };
    thread::scope(|scope| {
        let operator = scope.spawn(|| {
            let mut session = Session::open(&daemon.socket);
            longest(&mut || {
                let (answer, _) = session.ask(&json!({"request": "status"}));
                assert_eq!(answer["reply"], "status", "{answer}");
            })
        });
        let metrics = scope.spawn(|| {
            longest(&mut || {
                let mut stream = TcpStream::connect(daemon.metrics).unwrap();
                stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                assert!(text.contains("coremill_attachments"), "{text}");
            })
        });
        deed();
        is_over.store(true, Ordering::Relaxed);
        [operator.join().unwrap(), metrics.join().unwrap()]
    })
}

#[test]
fn who_attaches_too_often_is_refused_for_a_while() {
    let daemon = Daemon::start("hurry", HURRY);
    let mut session = Session::open(&daemon.socket);
    let refused = (0..5).find_map(|_| {
        let (answer, _) = session.attach();
        if answer["reply"] == "attach" {
            assert_eq!(session.detach()["reply"], "detach");
            return None;
        }
        Some(answer["error"].clone())
    });
    let error = refused.expect("a refusal");
    assert_eq!(error["kind"], "busy", "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("applications.attaches_per_second"),
        "{message}"
    );
    thread::sleep(Duration::from_millis(600));
    assert_eq!(session.attach().0["reply"], "attach");
}

/// As long as an operator or a scrape may wait.
const WAIT_MAX: Duration = Duration::from_millis(100);
/// Nearly all of the memory that the default lets all have together.
const LARGEST: &str = r#"
[applications]
receive_chunks = [65536, 65536, 20000]
send_chunks = [65536, 65536, 20000]
"#;
const HURRY: &str = r#"
[applications]
attaches_per_second = 2
sockets = 64
receive_chunks = [64, 64, 8]
send_chunks = [64, 64, 8]
"#;
