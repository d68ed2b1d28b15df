//! The control socket of the daemon in this process.

use std::io::{BufRead, BufReader, IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coremill_protocol::attach::{AttachView, DescriptorKind, DescriptorView, ShapeView};
use coremill_protocol::{Answer, Reply, Request, VERSION, encode};
use coremill_ring::layout;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::{Counts, Parts};

/// What an application gets, in the order of the protocol.
pub struct Given {
    descriptors: Vec<OwnedFd>,
    view: AttachView,
}

impl Given {
    pub fn new(parts: &Parts) -> Self {
        let mut kinds = vec![(
            DescriptorKind::DaemonMemory,
            0,
            parts.daemon.descriptor.as_fd(),
        )];
        kinds.push((
            DescriptorKind::ApplicationMemory,
            0,
            parts.application.descriptor.as_fd(),
        ));
        let bells = (0..).zip(&parts.given_bells);
        kinds
            .extend(bells.map(|(number, bell)| (DescriptorKind::WorkerBell, number, bell.as_fd())));
        let ears = (0..).zip(&parts.given_ears);
        kinds.extend(ears.map(|(number, ear)| (DescriptorKind::NotifierEar, number, ear.as_fd())));
        let shape = parts.layout.shape();
        let view = AttachView {
            attachment: 1,
            domain: 1,
            member: 0,
            layout: layout::VERSION,
            shape: ShapeView {
                workers: shape.workers,
                contexts: shape.contexts,
                notifiers: shape.notifiers,
                listeners: shape.listeners,
                sockets: shape.sockets,
                command_slots: shape.command_slots,
                event_slots: shape.event_slots,
                accept_slots: shape.accept_slots,
                receive_chunks: shape.receive_chunks,
                send_chunks: shape.send_chunks,
            },
            descriptors: kinds
                .iter()
                .map(|(what, number, _)| DescriptorView {
                    what: *what,
                    number: *number,
                })
                .collect(),
        };
        let duplicate = |(_, _, descriptor): &(_, _, BorrowedFd<'_>)| {
            descriptor.try_clone_to_owned().expect("duplicate")
        };
        Self {
            descriptors: kinds.iter().map(duplicate).collect(),
            view,
        }
    }
}

/// Answers sessions, one after the other.
pub fn talk(listener: &UnixListener, given: &Given, stop: &AtomicBool, counts: &Counts) {
    listener.set_nonblocking(true).expect("listener");
    while !stop.load(Ordering::Acquire) {
        match listener.accept() {
            Ok((stream, _)) => session(&stream, given, stop, counts),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

fn session(stream: &UnixStream, given: &Given, stop: &AtomicBool, counts: &Counts) {
    stream.set_nonblocking(false).expect("stream");
    stream.set_read_timeout(Some(PAUSE)).expect("stream");
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while !stop.load(Ordering::Acquire) {
        match lines.read_line(&mut line) {
            Ok(0) => return,
            Ok(_) => {}
            Err(_) => continue,
        }
        let request = serde_json::from_str(&line).expect("a request");
        line.clear();
        match request {
            Request::Hello { .. } => say(
                stream,
                Reply::Hello {
                    version: VERSION,
                    server: "fake".into(),
                    pid: 0,
                },
            ),
            Request::Attach { layout, flags: 0 } if layout == layout::VERSION => {
                hand_over(stream, given)
            }
            Request::Detach { attachment: None } => {
                counts.detached.fetch_add(1, Ordering::Relaxed);
                say(stream, Reply::Detach {});
            }
            other => panic!("{other:?}"),
        }
    }
}

fn say(mut stream: &UnixStream, reply: Reply) {
    let line = encode(&Answer::from(reply)).expect("a line");
    stream.write_all(&line).expect("answer");
}

fn hand_over(stream: &UnixStream, given: &Given) {
    let line = encode(&Answer::from(Reply::Attach {
        attach: given.view.clone(),
    }));
    let line = line.expect("a line");
    let descriptors: Vec<_> = given.descriptors.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
    let slices = [IoSlice::new(&line)];
    let sent = sendmsg(stream, &slices, &mut ancillary, SendFlags::empty()).expect("send");
    assert_eq!(sent, line.len());
}

const PAUSE: Duration = Duration::from_millis(5);
