//! Sessions that say nothing are closed; an attached application's stays.

use std::io::Read;
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use super::applications::{apps, await_that};
use super::process::{Daemon, config};
use super::session::Session;

#[test]
fn silent_sessions_lock_nobody_out_and_an_applications_session_stays() {
    let daemon = Daemon::start_with(|directory| {
        let control = "[control]\nsessions_max = 2\nidle_timeout = \"400ms\"\n";
        config(directory, "idling").replace("[control]\n", control) + CONFIG
    });
    let mut application = Session::open(&daemon.socket);
    assert_eq!(application.attach().0["reply"], "attach");
    let mut silent: Vec<_> = (0..2).map(|_| Session::open(&daemon.socket)).collect();
    assert!(!daemon.ask(&["status"]).status.success(), "all are taken");
    await_that("an operator is let in", || {
        daemon.ask(&["status"]).status.success()
    });
    for session in &mut silent {
        let count = session.stream.read(&mut [0; 16]).unwrap();
        assert_eq!(count, 0, "it was closed");
    }
    sleep(Duration::from_millis(1_000));
    assert_eq!(apps(&daemon).len(), 1);
    let status = application.ask(&json!({"request": "status"})).0;
    assert_eq!(status["reply"], "status");
    assert_eq!(application.detach()["reply"], "detach");
    // An ordinary one now.
    let ended = application.stream.read(&mut [0; 16]).unwrap();
    assert_eq!(ended, 0);
}

const CONFIG: &str = r#"
[applications]
notifiers = 8
contexts = 4
sockets = 64
receive_chunks = [64, 32, 8]
send_chunks = [64, 32, 8]
"#;
