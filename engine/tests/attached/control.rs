//! The control socket of a daemon, as much of it as one attaching application needs.

use std::error::Error;
use std::io::{BufRead, BufReader, IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use coremill_protocol::attach::{AttachView, DescriptorKind, DescriptorView, ShapeView};
use coremill_protocol::{Answer, Reply, Request, VERSION, encode};
use coremill_ring::doorbell::{Bell, Ear, WorkerBell, WorkerEar, doorbell, worker_doorbell};
use coremill_ring::header::write_header;
use coremill_ring::layout::{self, Layout};
use coremill_ring::memory::{Created, create_application_memory, create_daemon_memory};
use coremill_ring::shape::Shape;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tempfile::TempDir;

/// The socket, and the thread that answers on it until the application has left.
pub struct Control {
    path: PathBuf,
    _folder: TempDir,
    talker: Option<JoinHandle<()>>,
}

/// The daemon's ends.
pub struct DaemonParts {
    pub layout: Layout,
    pub daemon: Created,
    pub application: Created,
    /// One for each notifier.
    pub bells: Vec<Bell>,
    /// One for each worker.
    pub ears: Vec<WorkerEar>,
}

/// What the application gets.
struct Given {
    view: AttachView,
    descriptors: Vec<OwnedFd>,
}

impl Control {
    /// Makes the memories of a domain with room for so many connections, both ends of each.
    pub fn start(connections: usize) -> Result<(Self, DaemonParts), Box<dyn Error>> {
        let shape = shape(u32::try_from(connections)?);
        let layout = Layout::new(&shape)?;
        let daemon = create_daemon_memory(layout.daemon_bytes())?;
        let application = create_application_memory(layout.application_bytes())?;
        write_header(&daemon.words, &layout);
        let pairs = (0..shape.notifiers).map(|_| doorbell());
        let (bells, given_ears): (_, Vec<Ear>) =
            pairs.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let pairs = (0..shape.workers).map(|_| worker_doorbell());
        let (given_bells, ears): (Vec<WorkerBell>, _) =
            pairs.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let parts = DaemonParts {
            layout,
            daemon,
            application,
            bells,
            ears,
        };
        let given = Given::new(&parts, &shape, (&given_bells, &given_ears))?;
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("control.sock");
        let listener = UnixListener::bind(&path)?;
        let talker = std::thread::spawn(move || {
            if let Ok((stream, _)) = listener.accept() {
                let ended = talk(&stream, &given);
                assert!(ended.is_ok(), "{ended:?}");
            }
        });
        let control = Self {
            path,
            _folder: folder,
            talker: Some(talker),
        };
        Ok((control, parts))
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Some(talker) = self.talker.take() {
            let ended = talker.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

impl Given {
    fn new(
        parts: &DaemonParts,
        shape: &Shape,
        (bells, ears): (&[WorkerBell], &[Ear]),
    ) -> std::io::Result<Self> {
        let mut all = vec![
            (
                DescriptorKind::DaemonMemory,
                0,
                parts.daemon.descriptor.as_fd(),
            ),
            (
                DescriptorKind::ApplicationMemory,
                0,
                parts.application.descriptor.as_fd(),
            ),
        ];
        let bells = (0..).zip(bells);
        all.extend(bells.map(|(number, bell)| (DescriptorKind::WorkerBell, number, bell.as_fd())));
        let ears = (0..).zip(ears);
        all.extend(ears.map(|(number, ear)| (DescriptorKind::NotifierEar, number, ear.as_fd())));
        let descriptors = all
            .iter()
            .map(|(_, _, descriptor)| descriptor.try_clone_to_owned())
            .collect::<Result<_, _>>()?;
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
            descriptors: all
                .iter()
                .map(|(what, number, _)| DescriptorView {
                    what: *what,
                    number: *number,
                })
                .collect(),
        };
        Ok(Self { view, descriptors })
    }
}

fn talk(stream: &UnixStream, given: &Given) -> std::io::Result<()> {
    for line in BufReader::new(stream).lines() {
        match serde_json::from_str(&line?)? {
            Request::Hello { .. } => say(
                stream,
                Reply::Hello {
                    version: VERSION,
                    server: "one worker".into(),
                    pid: 0,
                },
            )?,
            Request::Attach { .. } => hand_over(stream, given)?,
            _ => say(stream, Reply::Detach {})?,
        }
    }
    Ok(())
}

fn say(mut stream: &UnixStream, reply: Reply) -> std::io::Result<()> {
    stream.write_all(&encode(&Answer::from(reply))?)
}

fn hand_over(stream: &UnixStream, given: &Given) -> std::io::Result<()> {
    let line = encode(&Answer::from(Reply::Attach {
        attach: given.view.clone(),
    }))?;
    let descriptors: Vec<_> = given.descriptors.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    sendmsg(
        stream,
        &[IoSlice::new(&line)],
        &mut ancillary,
        SendFlags::empty(),
    )?;
    Ok(())
}

/// Two sockets a connection and a few besides, each subscribed to by two notifiers.
fn shape(connections: u32) -> Shape {
    let sockets = (2 * connections + 16).next_power_of_two();
    Shape {
        workers: 1,
        contexts: 1,
        notifiers: 3,
        listeners: 2,
        sockets,
        command_slots: 4_096,
        event_slots: 2 * sockets,
        accept_slots: 16,
        receive_chunks: [2 * sockets, 64, 16],
        send_chunks: [64, 64, 16],
    }
}
