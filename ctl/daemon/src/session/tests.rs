//! What a client may do to a session.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream as Peer;

use coremill_config::Config;
use coremill_protocol::Reply;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::*;
use crate::access::Access;

fn session() -> (Session, Peer) {
    let (here, there) = Peer::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    let peer = Access::new(&Config::default()).peer(&here).unwrap();
    (Session::new(UnixStream::from_std(here), peer), there)
}

fn error_kind(peer: &Peer) -> ErrorKind {
    let mut line = String::new();
    BufReader::new(peer).read_line(&mut line).unwrap();
    match serde_json::from_str(&line).unwrap() {
        Answer::Error { error } => error.kind,
        other => panic!("{other:?}"),
    }
}

const HELLO: &[u8] = b"{\"request\":\"hello\",\"version\":1,\"client\":\"test\"}\n";

#[test]
fn requests_come_one_at_a_time() {
    let (mut session, mut peer) = session();
    peer.write_all(HELLO).unwrap();
    peer.write_all(b"{\"request\":\"status\"}\n{\"request\":\"ports\"}\n")
        .unwrap();
    assert!(matches!(
        session.next(),
        Wish::Answer(Request::Hello { version: 1, .. })
    ));
    assert_eq!(session.next(), Wish::Nothing);
    session.answer(&Reply::Shutdown {}.into());
    assert_eq!(session.next(), Wish::Answer(Request::Status {}));
    session.answer(&Reply::Shutdown {}.into());
    assert_eq!(session.next(), Wish::Answer(Request::Ports {}));
    session.answer(&Reply::Shutdown {}.into());
    assert_eq!(session.next(), Wish::Nothing);
    drop(peer);
    assert_eq!(session.next(), Wish::Close);
}

#[test]
fn the_first_request_must_be_hello() {
    let (mut session, mut peer) = session();
    peer.write_all(b"{\"request\":\"status\"}\n").unwrap();
    assert_eq!(session.next(), Wish::Nothing);
    assert_eq!(error_kind(&peer), ErrorKind::NoHello);
}

#[test]
fn garbage_is_answered_and_the_session_goes_on() {
    let (mut session, mut peer) = session();
    peer.write_all(b"\xff\xfe\n").unwrap();
    assert_eq!(session.next(), Wish::Nothing);
    assert_eq!(error_kind(&peer), ErrorKind::Malformed);
    peer.write_all(HELLO).unwrap();
    assert!(matches!(
        session.next(),
        Wish::Answer(Request::Hello { .. })
    ));
}

#[test]
fn a_request_without_end_is_answered_and_the_session_closed() {
    let (mut session, mut peer) = session();
    peer.set_nonblocking(true).unwrap();
    let mut sent = 0;
    while sent < REQUEST_BYTES_MAX + 1 {
        sent += peer.write(&[b'x'; 4096]).unwrap_or(REQUEST_BYTES_MAX + 1);
    }
    while session.next() == Wish::Nothing {}
    peer.set_nonblocking(false).unwrap();
    assert_eq!(error_kind(&peer), ErrorKind::TooLong);
    assert_eq!(session.next(), Wish::Close);
}

#[test]
fn a_client_that_does_not_read_makes_nothing_grow() {
    let (mut session, mut peer) = session();
    let garbage = [b"no\n".as_slice(); 1_000].concat();
    peer.set_nonblocking(true).unwrap();
    for _ in 0..2_000 {
        let _ = peer.write(&garbage);
        session.next();
    }
    assert!(session.out.len() < 1 << 10, "{}", session.out.len());
    assert!(session.lines.pending_bytes() <= REQUEST_BYTES_MAX + (16 << 10));
}

#[test]
fn descriptors_come_once_with_the_first_byte_of_their_answer() {
    let (mut session, mut peer) = session();
    peer.write_all(HELLO).unwrap();
    assert!(matches!(session.next(), Wish::Answer(_)));
    let before = open_descriptors();
    let given = (0..60).map(|_| std::fs::File::open("/dev/null").unwrap().into());
    session.answer_with(&Reply::Shutdown {}.into(), given.collect());
    assert!(session.holds_descriptors());
    assert_eq!(session.next(), Wish::Nothing);
    assert!(!session.holds_descriptors());

    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(60))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 4096];
    let mut room = [io::IoSliceMut::new(&mut bytes)];
    let got = recvmsg(&peer, &mut room, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
    let mut received = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            received.extend(descriptors);
        }
    }
    assert_eq!((received.len(), bytes[got.bytes - 1]), (60, b'\n'));
    assert_eq!(open_descriptors(), before + 60, "the session keeps none");
    drop(received);
    assert_eq!(open_descriptors(), before);
}

/// Null devices that this process has open: other tests open other things meanwhile.
fn open_descriptors() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let links = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    links.filter(|link| link.as_os_str() == "/dev/null").count()
}
