//! One attachment and a control socket that hands it out, as far as the client library asks.

use std::io::{BufRead, BufReader, IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;

use coremill_engine::applications::{Attachment, AttachmentId, AttachmentParts};
use coremill_engine::doorbell::Doorbell;
use coremill_protocol::attach::{AttachView, DescriptorKind, DescriptorView, ShapeView};
use coremill_protocol::{Answer, Reply, Request, VERSION, encode};
use coremill_ring::doorbell::{doorbell, worker_doorbell};
use coremill_ring::header::write_header;
use coremill_ring::layout::{self, Layout};
use coremill_ring::memory::{create_application_memory, create_daemon_memory};
use coremill_ring::shape::Shape;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

/// A control socket with one attachment to give.
pub struct Control {
    pub attachment: Arc<Attachment>,
    folder: tempfile::TempDir,
}

impl Control {
    /// For so many workers.
    pub fn start(workers: u32) -> Self {
        let layout = Layout::new(&shape(workers)).expect("a shape");
        let daemon = create_daemon_memory(layout.daemon_bytes()).expect("memory");
        let application = create_application_memory(layout.application_bytes()).expect("memory");
        write_header(&daemon.words, &layout);
        let mut given = vec![
            (DescriptorKind::DaemonMemory, 0, daemon.descriptor),
            (DescriptorKind::ApplicationMemory, 0, application.descriptor),
        ];
        let own = |end: &dyn AsFd| end.as_fd().try_clone_to_owned().expect("a descriptor");
        let (mut bells, mut ears) = (Vec::new(), Vec::new());
        for worker in 0..workers {
            let (bell, ear) = worker_doorbell().expect("a doorbell");
            given.push((DescriptorKind::WorkerBell, worker, own(&bell)));
            ears.push(ear);
        }
        for notifier in 0..layout.shape().notifiers {
            let (bell, ear) = doorbell().expect("a doorbell");
            given.push((DescriptorKind::NotifierEar, notifier, own(&ear)));
            bells.push(bell);
        }
        let attachment = Attachment::new(AttachmentParts {
            id: AttachmentId(1),
            layout,
            daemon: daemon.words,
            application: application.words,
            bells,
            ears,
            alarm: Arc::new(Doorbell::new().expect("eventfd")),
        });
        let folder = tempfile::tempdir().expect("temporary folder");
        let listener = UnixListener::bind(folder.path().join("control")).expect("a socket");
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a session");
            session(&stream, workers, given);
        });
        Self {
            attachment: attachment.expect("parts that fit"),
            folder,
        }
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("control")
    }
}

fn session(stream: &UnixStream, workers: u32, given: Vec<(DescriptorKind, u32, OwnedFd)>) {
    let mut given = Some(given);
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        match serde_json::from_str(&line).expect("a request") {
            Request::Hello { .. } => say(
                stream,
                Reply::Hello {
                    version: VERSION,
                    server: "wake".into(),
                    pid: 0,
                },
            ),
            Request::Attach { .. } => {
                hand_over(stream, workers, &given.take().expect("it is given once"));
            }
            Request::Detach { .. } => say(stream, Reply::Detach {}),
            other => panic!("{other:?}"),
        }
    }
}

fn say(mut stream: &UnixStream, reply: Reply) {
    let line = encode(&Answer::from(reply)).expect("a line");
    stream.write_all(&line).expect("answer");
}

fn hand_over(stream: &UnixStream, workers: u32, given: &[(DescriptorKind, u32, OwnedFd)]) {
    let shape = shape(workers);
    let descriptors = given.iter().map(|(what, number, _)| DescriptorView {
        what: *what,
        number: *number,
    });
    let attach = AttachView {
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
        descriptors: descriptors.collect(),
    };
    let line = encode(&Answer::from(Reply::Attach { attach })).expect("a line");
    let descriptors: Vec<_> = given.iter().map(|(_, _, end)| end.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
    let sent = sendmsg(
        stream,
        &[IoSlice::new(&line)],
        &mut ancillary,
        SendFlags::empty(),
    );
    assert_eq!(sent, Ok(line.len()));
}

fn shape(workers: u32) -> Shape {
    Shape {
        workers,
        contexts: 2,
        notifiers: 6,
        listeners: 8,
        sockets: 64,
        command_slots: 64,
        event_slots: 64,
        accept_slots: 4,
        receive_chunks: [64, 32, 16],
        send_chunks: [64, 32, 16],
    }
}
