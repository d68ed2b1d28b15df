//! Processes attach to the real daemon, leave it, die, and lie; nothing is left of them.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use coremill_ring::doorbell::WorkerBell;
use coremill_ring::header::read_header;
use coremill_ring::layout::VERSION;
use coremill_ring::memory::{map_application_memory, map_daemon_memory};
use serde_json::{Value, json};

use super::child::{self, Application};
use super::process::Daemon;
use super::session::{Session, ended};

/// A process that another test starts: attaches, leaves its session to a child of its own, waits.
#[test]
fn an_application() {
    let Some(socket) = child::socket() else {
        return;
    };
    let mut session = Session::open(&socket);
    let (answer, _descriptors) = session.attach();
    let heir = OwnedFd::from(session.stream.try_clone().unwrap());
    let mut heir = Command::new("sleep").arg("5").stdin(heir).spawn().unwrap();
    child::say(&answer.to_string());
    // Until the tests' process is gone, or kills this one.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    let _ = heir.kill();
    let _ = heir.wait();
}

/// One daemon serves all of it: starting DPDK is the slow part, and a process starts it once.
#[test]
fn processes_attach_and_leave_nothing_behind() {
    let daemon = Daemon::start("attach", CONFIG);
    let before = held(&daemon);
    what_is_given_is_usable(&daemon);
    refusals_are_clear(&daemon);
    a_second_attach_is_refused(&daemon);
    garbage_after_attach_is_answered(&daemon);
    other_users_are_refused(&daemon);
    await_that("nothing is held", || held(&daemon) == before);
    an_operator_ends_an_attachment(&daemon);
    death_is_seen_though_the_session_lives_on(&daemon);
    the_quota_is_kept(&daemon);
    a_liar_is_detached(&daemon);
    a_closed_session_ends_nothing(&daemon);
    for _ in 0..30 {
        let mut session = Session::open(&daemon.socket);
        assert_eq!(session.attach().0["reply"], "attach");
        assert_eq!(session.detach()["reply"], "detach");
    }
    await_that("nothing is held", || held(&daemon) == before);
    totals_are_told(&daemon);
}

fn what_is_given_is_usable(daemon: &Daemon) {
    let mut session = Session::open(&daemon.socket);
    let (answer, given) = session.attach();
    assert_eq!(answer["reply"], "attach", "{answer}");
    let listed = answer["attach"]["descriptors"].as_array().unwrap();
    assert_eq!(listed.len(), given.len());
    let memory = map_daemon_memory(borrow(&given[0])).unwrap();
    let layout = read_header(&memory).unwrap();
    let application = map_application_memory(borrow(&given[1])).unwrap();
    assert_eq!(application.words() * 8, layout.application_bytes());
    assert_eq!(layout.shape().notifiers, 8);
    assert_eq!(given.len(), 2 + 1 + 8);
    let rows = apps(daemon);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["process"], std::process::id());
    assert_eq!(
        (&rows[0]["phase"], &rows[0]["sockets"]["max"]),
        (&json!("attached"), &json!(64))
    );
    assert_eq!(session.detach()["reply"], "detach");
    assert_eq!(apps(daemon).len(), 0);
    assert!(
        given[3..].iter().all(ended),
        "every notifier is told of the end"
    );
    assert_eq!(session.detach()["error"]["kind"], "invalid");
    // Another one, in the same session.
    assert_eq!(session.attach().0["reply"], "attach");
    assert_eq!(session.detach()["reply"], "detach");
}

fn refusals_are_clear(daemon: &Daemon) {
    let refused = |request: Value| -> (String, String) {
        let (answer, given) = Session::open(&daemon.socket).ask(&request);
        assert!(given.is_empty());
        let error = &answer["error"];
        let text = |field: &str| error[field].as_str().unwrap_or_default().to_string();
        (text("kind"), text("message"))
    };
    let (kind, message) = refused(json!({"request": "attach", "layout": 99}));
    assert_eq!(kind, "version");
    let expected = format!("as version {VERSION}, not 99");
    assert!(message.contains(&expected), "{message}");
    let (kind, _) = refused(json!({"request": "attach", "layout": VERSION, "flags": 2}));
    assert_eq!(kind, "invalid");
    let (kind, _) = refused(json!({"request": "attach", "layout": VERSION, "colour": 1}));
    assert_eq!(kind, "malformed");
    let (kind, message) = refused(json!({"request": "detach", "attachment": 4711}));
    assert_eq!(kind, "invalid");
    assert!(message.contains("no attachment 4711"), "{message}");
}

fn a_second_attach_is_refused(daemon: &Daemon) {
    let (mut first, mut second) = (Session::open(&daemon.socket), Session::open(&daemon.socket));
    assert_eq!(first.attach().0["reply"], "attach");
    for session in [&mut second, &mut first] {
        let (answer, given) = session.attach();
        assert_eq!(answer["error"]["kind"], "invalid", "{answer}");
        assert!(
            answer["error"]["message"]
                .as_str()
                .unwrap()
                .contains("attaches once")
        );
        assert!(given.is_empty());
    }
    assert_eq!(first.detach()["reply"], "detach");
}

fn garbage_after_attach_is_answered(daemon: &Daemon) {
    let mut session = Session::open(&daemon.socket);
    assert_eq!(session.attach().0["reply"], "attach");
    assert_eq!(
        session.send(b"\xff\xfe{{{\n").0["error"]["kind"],
        "malformed"
    );
    assert_eq!(apps(daemon).len(), 1);
    // Too long: the session is closed; the process lives and keeps what it has.
    let mut line = vec![b'x'; 70_000];
    line.push(b'\n');
    assert_eq!(session.send(&line).0["error"]["kind"], "too-long");
    assert_eq!(apps(daemon).len(), 1);
    // Until it attaches anew.
    let mut session = Session::open(&daemon.socket);
    assert_eq!(session.attach().0["reply"], "attach");
    assert_eq!(session.detach()["reply"], "detach");
    await_that("the first one is gone", || apps(daemon).is_empty());
}

/// Needs the right to be another user.
fn other_users_are_refused(daemon: &Daemon) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    std::fs::set_permissions(
        daemon.socket.parent().unwrap(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    for (user, expected) in [(LISTED, "attach"), (UNLISTED, "forbidden")] {
        let socket = daemon.socket.clone();
        // Credentials are a thread's own here, and those that count are those of whoever connects.
        let attach = move || {
            let uid = rustix::process::Uid::from_raw(user);
            rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
            let mut session = Session::open(&socket);
            let answer = session.attach().0;
            let _ = (answer["reply"] == "attach").then(|| session.detach());
            answer
        };
        let answer = std::thread::spawn(attach).join().unwrap();
        let told = [&answer["reply"], &answer["error"]["kind"]];
        assert!(told.contains(&&json!(expected)), "{user}: {answer}");
    }
}

fn an_operator_ends_an_attachment(daemon: &Daemon) {
    let mut session = Session::open(&daemon.socket);
    let (answer, given) = session.attach();
    let id = answer["attach"]["attachment"].to_string();
    let output = daemon.ask(&["detach", &id]);
    assert!(output.status.success(), "{output:?}");
    assert!(given[3..].iter().all(ended));
    assert!(!daemon.ask(&["detach", &id]).status.success());
}

fn death_is_seen_though_the_session_lives_on(daemon: &Daemon) {
    let before = held(daemon);
    let (application, answer) = Application::start(&daemon.socket, ROLE);
    assert!(answer.contains("\"reply\":\"attach\""), "{answer}");
    assert_eq!(apps(daemon).len(), 1);
    application.kill();
    await_that("the dead process is detached", || apps(daemon).is_empty());
    // All but the session's own descriptor: its heir holds the other end.
    let session_only = (before.0 + 1, before.1);
    await_that("all else is gone", || held(daemon) == session_only);
    await_that("its heir leaves", || held(daemon) == before);
}

fn the_quota_is_kept(daemon: &Daemon) {
    let mut all: Vec<_> = (0..3)
        .map(|_| Application::start(&daemon.socket, ROLE))
        .collect();
    let (_, refusal) = all.pop().unwrap();
    assert!(refusal.contains("\"kind\":\"quota\""), "{refusal}");
    assert!(
        refusal.contains("applications.attachments_max"),
        "{refusal}"
    );
    assert_eq!(apps(daemon).len(), 2);
    drop(all);
    await_that("they are gone", || apps(daemon).is_empty());
    let (_next, answer) = Application::start(&daemon.socket, ROLE);
    assert!(answer.contains("\"reply\":\"attach\""), "{answer}");
    drop(_next);
    await_that("it is gone", || apps(daemon).is_empty());
}

fn a_liar_is_detached(daemon: &Daemon) {
    let mut session = Session::open(&daemon.socket);
    let (_, mut given) = session.attach();
    let layout = read_header(&map_daemon_memory(borrow(&given[0])).unwrap()).unwrap();
    let memory = map_application_memory(borrow(&given[1])).unwrap();
    // A message at the ring's first position, of a kind that there is not.
    let ring = memory.part(layout.command_ring(0, 0).unwrap());
    ring.store_release(0, 1 | 200 << 32 | 8 << 48);
    memory.part(layout.ready_bits(0).unwrap()).set_bits(0, 1);
    WorkerBell::from(given.swap_remove(2)).ring();
    await_that("the liar is detached", || apps(daemon).is_empty());
    assert!(given[3..].iter().all(ended));
    assert_eq!(
        session.send(b"{\"request\":\"status\"}\n").0["reply"],
        "status"
    );
    await_that("the lie is counted", || {
        metrics(daemon).contains("violations_total{violation=\"unknown_kind\"} 1")
    });
}

fn a_closed_session_ends_nothing(daemon: &Daemon) {
    let (_answer, given) = Session::open(&daemon.socket).attach();
    sleep(Duration::from_millis(100));
    let rows = apps(daemon);
    assert_eq!(rows.len(), 1);
    assert!(!given[3..].iter().any(ended));
    let id = rows[0]["attachment"].to_string();
    assert!(daemon.ask(&["detach", &id]).status.success());
}

fn totals_are_told(daemon: &Daemon) {
    await_that("metrics are fresh", || {
        metrics(daemon).contains("coremill_attachments 0\n")
    });
    let text = metrics(daemon);
    for line in [
        "coremill_detached_total{reason=\"lied\"} 1",
        "coremill_detached_total{reason=\"operator\"} 2",
        "coremill_application_receive_chunks_lent 0",
        "coremill_application_send_chunks_lent 0",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}

/// Descriptors that the daemon has open, and memories that it has mapped.
pub fn held(daemon: &Daemon) -> (usize, usize) {
    // A session that was just closed takes a moment to be seen.
    sleep(Duration::from_millis(20));
    let directory = Path::new("/proc").join(daemon.process().to_string());
    let maps = std::fs::read_to_string(directory.join("maps")).unwrap();
    (
        std::fs::read_dir(directory.join("fd")).unwrap().count(),
        maps.matches("/memfd:coremill").count(),
    )
}

pub fn apps(daemon: &Daemon) -> Vec<Value> {
    let output = daemon.ask(&["--json", "apps"]);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

pub fn metrics(daemon: &Daemon) -> String {
    let mut stream = std::net::TcpStream::connect(daemon.metrics).unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

pub fn await_that(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is() {
        assert!(Instant::now() < deadline, "never: {what}");
        sleep(Duration::from_millis(20));
    }
}

fn borrow(descriptor: &OwnedFd) -> std::os::fd::BorrowedFd<'_> {
    std::os::fd::AsFd::as_fd(descriptor)
}

const ROLE: &str = "daemon::applications::an_application";
const LISTED: u32 = 54_321;
const UNLISTED: u32 = 54_322;
const CONFIG: &str = r#"
[applications]
allowed_uids = [54321]
attachments_max = 2
contexts = 4
notifiers = 8
sockets = 64
receive_chunks = [64, 32, 8]
send_chunks = [64, 32, 8]
"#;
