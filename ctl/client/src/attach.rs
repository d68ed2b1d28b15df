//! The conversation on the control socket by which a process becomes an application.

use std::io::{self, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use coremill_protocol::attach::{AttachView, DESCRIPTORS_MAX, DescriptorKind, RESET_ON_DEATH};
use coremill_protocol::{ANSWER_BYTES_MAX, Answer, Lines, Reply, Request, VERSION, encode};
use coremill_ring::doorbell::{Ear, WorkerBell};
use coremill_ring::header::read_header;
use coremill_ring::injection::point;
use coremill_ring::layout::{self, Layout};
use coremill_ring::memory::{map_application_memory, map_daemon_memory};
use coremill_ring::words::{SharedRead, SharedWrite, WORD_BYTES};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use crate::error::AttachError;
use crate::stack::{OnDeath, Options};

/// What a process gets when it attaches.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) session: Session,
    pub(crate) member: u16,
    pub(crate) layout: Layout,
    pub(crate) daemon: SharedRead,
    pub(crate) application: SharedWrite,
    /// One for each worker.
    pub(crate) bells: Vec<WorkerBell>,
    /// One for each notifier.
    pub(crate) ears: Vec<Ear>,
}

/// A session on the control socket, with the descriptors that came and belong to no answer yet.
#[derive(Debug)]
pub(crate) struct Session {
    stream: UnixStream,
    lines: Lines,
    descriptors: Vec<OwnedFd>,
}

/// Connects, says hello, attaches and maps.
pub(crate) fn attach(path: &Path, options: &Options) -> Result<Attached, AttachError> {
    point("attach: not connected");
    let stream = UnixStream::connect(path).map_err(|source| AttachError::Connect {
        path: path.to_owned(),
        source,
    })?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    let mut session = Session {
        stream,
        lines: Lines::new(ANSWER_BYTES_MAX),
        descriptors: Vec::new(),
    };
    session.ask(&Request::Hello {
        version: VERSION,
        client: format!("{} {}", program_name(), env!("CARGO_PKG_VERSION")),
    })?;
    point("attach: said hello");
    let reply = session.ask(&Request::Attach {
        layout: layout::VERSION,
        flags: match options.on_death {
            OnDeath::Deliver => 0,
            OnDeath::Reset => RESET_ON_DEATH,
        },
    })?;
    let Reply::Attach { attach } = reply else {
        return Err(AttachError::Answer(format!("{reply:?}")));
    };
    map(session, &attach)
}

impl Session {
    /// Asks and waits for the answer.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Reply, AttachError> {
        let line = encode(request).map_err(io::Error::from)?;
        self.stream.write_all(&line)?;
        point("session: asked");
        let line = self.line()?;
        let text = || String::from_utf8_lossy(&line).into_owned();
        match serde_json::from_slice(&line) {
            Ok(Answer::Reply(reply)) => Ok(reply),
            Ok(Answer::Error { error }) => Err(AttachError::Refused(error)),
            Err(error) => Err(AttachError::Answer(format!("{error} in `{}`", text()))),
        }
    }

    /// The next line; descriptors that come with it are kept.
    fn line(&mut self) -> Result<Vec<u8>, AttachError> {
        loop {
            let line = self.lines.next_line();
            if let Some(line) = line.map_err(|error| AttachError::Answer(error.to_string()))? {
                return Ok(line);
            }
            let mut bytes = [0; 4096];
            let mut space =
                [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            let received = recvmsg(
                &self.stream,
                &mut [IoSliceMut::new(&mut bytes)],
                &mut ancillary,
                RecvFlags::CMSG_CLOEXEC,
            )
            .map_err(io::Error::from)?;
            point("session: answered");
            for message in ancillary.drain() {
                if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                    self.descriptors.extend(descriptors);
                }
            }
            if received.bytes == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            self.lines
                .push(bytes.get(..received.bytes).unwrap_or_default());
        }
    }
}

/// Sorts the descriptors and maps both memories.
fn map(mut session: Session, attach: &AttachView) -> Result<Attached, AttachError> {
    let descriptors = std::mem::take(&mut session.descriptors);
    if descriptors.len() != attach.descriptors.len() {
        return Err(AttachError::Answer(format!(
            "{} descriptors came where {} were announced",
            descriptors.len(),
            attach.descriptors.len()
        )));
    }
    point("attach: not mapped");
    let (mut daemon, mut application) = (None, None);
    let (mut bells, mut ears) = (Vec::new(), Vec::new());
    for (view, descriptor) in attach.descriptors.iter().zip(descriptors) {
        match view.what {
            DescriptorKind::DaemonMemory => daemon = Some(map_daemon_memory(descriptor.as_fd())?),
            DescriptorKind::ApplicationMemory => {
                application = Some(map_application_memory(descriptor.as_fd())?);
            }
            DescriptorKind::WorkerBell => bells.push(WorkerBell::from(descriptor)),
            DescriptorKind::NotifierEar => ears.push(Ear::from(descriptor)),
            DescriptorKind::Unknown => {}
        }
    }
    point("attach: mapped");
    let missing = |what: &str| AttachError::Answer(format!("it brings no {what}"));
    let daemon = daemon.ok_or_else(|| missing("daemon-memory"))?;
    let application = application.ok_or_else(|| missing("application-memory"))?;
    let layout = read_header(&daemon)?;
    let shape = layout.shape();
    let counts = (bells.len(), ears.len());
    if counts != (shape.workers as usize, shape.notifiers as usize) {
        return Err(missing("doorbell for each worker and notifier"));
    }
    if application.words() * WORD_BYTES != layout.application_bytes() {
        return Err(missing("application-memory of the size of its shape"));
    }
    Ok(Attached {
        session,
        member: attach.member,
        layout,
        daemon,
        application,
        bells,
        ears,
    })
}

fn program_name() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&path).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Attaching includes reserving memory; a daemon that takes longer is stuck.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
