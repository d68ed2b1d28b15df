//! Who may attach, and what is left when an attachment is over.

use std::num::NonZero;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use coremill_config::schema::Applications as Section;
use coremill_protocol::DescriptorKind;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::*;

fn small() -> Section {
    Section {
        attachments_max: 3,
        attachments_per_user_max: 2,
        contexts: 2,
        notifiers: 4,
        sockets: 16,
        receive_chunks: vec![8, 4, 2],
        send_chunks: vec![8, 4, 2],
        ..Section::default()
    }
}

fn table() -> Applications {
    let options = Options::new(&small(), 2).unwrap();
    Applications::new(options, Arc::default()).unwrap()
}

fn wanted(process: u32, user: u32, session: usize) -> Wanted<'static> {
    let process = i32::try_from(process).unwrap();
    Wanted {
        peer: Peer {
            process: Pid::from_raw(process).unwrap(),
            user,
            operates: true,
            attaches: true,
        },
        client: "test",
        session: Token(session),
        layout: VERSION,
        flags: 0,
        watch: pidfd_open(Pid::from_raw(process).unwrap(), PidfdFlags::empty())
            .map_err(std::io::Error::from),
    }
}

/// A process that waits until it is dropped.
struct Sleeper(Child);

impl Sleeper {
    fn new() -> Self {
        let mut command = Command::new("sleep");
        Self(command.arg("600").stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn refusal(applications: &mut Applications, wanted: Wanted<'_>) -> (ErrorKind, String) {
    match applications.begin(wanted, Instant::now()) {
        Ok(_) => panic!("attached"),
        Err(error) => (error.kind, error.message),
    }
}

/// Waits for what was ordered.
fn made(applications: &Applications) -> Made {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(made) = applications.maker().next() {
            return made;
        }
        assert!(Instant::now() < deadline, "it is never made");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_is_made_for_one_that_ended_is_not_given() {
    let mut applications = table();
    let process = wanted(std::process::id(), 0, 1);
    let id = applications.begin(process, Instant::now()).unwrap();
    assert_eq!(applications.forget_session(Token(1), false), Some(id));
    applications.get_mut(id).unwrap().phase = Phase::Detaching(Reason::Abandoned);
    let made = made(&applications);
    assert!(applications.equip(made.id, made.parts.unwrap()).is_none());
    assert!(applications.get_mut(id).unwrap().attachment.is_none());
}

#[test]
fn what_is_given_is_what_the_protocol_says() {
    let mut applications = table();
    let id = applications
        .begin(wanted(std::process::id(), 0, 7), Instant::now())
        .unwrap();
    let made = made(&applications);
    let parts = made.parts.unwrap();
    let begun = applications.equip(made.id, parts).unwrap();
    assert_eq!((id, begun.view.attachment, begun.commands.len()), (1, 1, 2));
    let kinds: Vec<_> = begun
        .view
        .descriptors
        .iter()
        .map(|view| (view.what, view.number))
        .collect();
    use DescriptorKind::{ApplicationMemory, DaemonMemory, NotifierEar, WorkerBell};
    assert_eq!(
        kinds,
        [
            (DaemonMemory, 0),
            (ApplicationMemory, 0),
            (WorkerBell, 0),
            (WorkerBell, 1),
            (NotifierEar, 0),
            (NotifierEar, 1),
            (NotifierEar, 2),
            (NotifierEar, 3)
        ]
    );
    let entry = applications.get_mut(1).unwrap();
    assert_eq!(entry.descriptors.len(), kinds.len());
    let memory = coremill_ring::memory::map_daemon_memory(entry.descriptors[0].as_fd()).unwrap();
    let layout = coremill_ring::header::read_header(&memory).unwrap();
    assert_eq!(layout.shape().notifiers, begun.view.shape.notifiers);
}

#[test]
fn each_refusal_names_its_reason() {
    let mut applications = table();
    let (own, others) = (std::process::id(), [Sleeper::new(), Sleeper::new()]);
    let mut odd = wanted(own, 0, 1);
    odd.layout = VERSION + 1;
    assert_eq!(refusal(&mut applications, odd).0, ErrorKind::Version);
    let mut odd = wanted(own, 9, 1);
    odd.peer.attaches = false;
    let (kind, message) = refusal(&mut applications, odd);
    assert_eq!(kind, ErrorKind::Forbidden);
    assert_eq!(
        message,
        "user 9 may not attach; add it to applications.allowed_uids"
    );
    let mut odd = wanted(own, 0, 1);
    odd.flags = 4;
    assert_eq!(refusal(&mut applications, odd).0, ErrorKind::Invalid);

    applications
        .begin(wanted(own, 0, 1), Instant::now())
        .unwrap();
    let (kind, message) = refusal(&mut applications, wanted(own, 0, 2));
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(message.contains("is attached already, as 1"), "{message}");
    let [second, third] = others.each_ref().map(|sleeper| sleeper.0.id());
    applications
        .begin(wanted(second, 0, 2), Instant::now())
        .unwrap();
    let (kind, message) = refusal(&mut applications, wanted(third, 0, 3));
    assert_eq!(kind, ErrorKind::Quota);
    assert!(message.contains("attachments_per_user_max"), "{message}");
    applications
        .begin(wanted(third, 1, 3), Instant::now())
        .unwrap();
    let (kind, message) = refusal(&mut applications, wanted(1, 2, 4));
    assert_eq!(kind, ErrorKind::Quota);
    assert!(
        message.contains("applications.attachments_max"),
        "{message}"
    );
}

#[test]
fn a_process_that_is_gone_cannot_attach() {
    let mut applications = table();
    let gone = Sleeper::new();
    let number = gone.0.id();
    drop(gone);
    let (kind, message) = refusal(&mut applications, wanted(number, 0, 1));
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(message.contains("cannot be watched"), "{message}");
    assert!(applications.entries.is_empty());
}

#[test]
fn a_process_may_attach_anew_once_its_session_is_over() {
    let mut applications = table();
    let process = wanted(std::process::id(), 0, 1);
    let peer = process.peer;
    let first = applications.begin(process, Instant::now()).unwrap();
    assert_eq!(applications.abandoned_by(peer), None);
    // Its reply was not sent: nobody can ever use it.
    assert_eq!(applications.forget_session(Token(1), true), Some(first));
    applications.get_mut(first).unwrap().phase = Phase::Detaching(Reason::Abandoned);
    let second = wanted(std::process::id(), 0, 2);
    let second = applications.begin(second, Instant::now()).unwrap();
    applications.get_mut(second).unwrap().phase = Phase::Attached;
    assert_eq!(
        applications.forget_session(Token(2), false),
        None,
        "it goes on"
    );
    assert_eq!(applications.abandoned_by(peer), Some(second));
}

#[test]
fn what_is_to_be_tried_again_is_due_once() {
    let mut applications = table();
    let now = Instant::now();
    let id = applications
        .begin(wanted(std::process::id(), 0, 1), now)
        .unwrap();
    let later = now + Duration::from_secs(1);
    applications.get_mut(id).unwrap().retry = Some(later);
    assert_eq!(applications.next_deadline(), Some(later));
    assert_eq!(applications.due(now), [0; 0]);
    assert_eq!(applications.due(later), [id]);
    assert_eq!(applications.due(later), [0; 0]);
    let views = applications.views(later);
    assert_eq!(
        (views[0].attached_ms, views[0].phase.as_str()),
        (1_000, "attaching")
    );
    assert_eq!(
        NonZero::new(views[0].process).map(NonZero::get),
        Some(std::process::id())
    );
}
