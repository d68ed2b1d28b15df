//! The control socket: it answers hello, attach and detach, one session after the other, and nothing else.

use std::io::{self, BufRead, BufReader, IoSlice, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use coremill_protocol::attach::DESCRIPTORS_MAX;
use coremill_protocol::{Answer, Reply, Request, VERSION, encode};
use coremill_ring::layout;
use coremill_ring::shape::Shape;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tempfile::TempDir;

use crate::memories::Given;
use crate::{Memories, StandInError};

/// Listens until it is dropped; then its session ends as if the daemon had been killed.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
    shared: Arc<Shared>,
    talker: Option<JoinHandle<io::Result<()>>>,
    _folder: TempDir,
}

#[derive(Debug, Default)]
struct Shared {
    is_stopping: AtomicBool,
    detached: AtomicU64,
    session: Mutex<Option<UnixStream>>,
}

impl ControlSocket {
    /// Makes the memories of an attachment of this shape, and listens for who attaches.
    ///
    /// # Errors
    /// [`StandInError`]: the shape is impossible, or the system gives no memory, descriptor, folder or socket.
    pub fn start(shape: &Shape) -> Result<(Self, Memories), StandInError> {
        let (memories, given) = Memories::new(shape)?;
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("control.sock");
        let listener = UnixListener::bind(&path)?;
        let shared = Arc::new(Shared::default());
        let talker = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || talk(&listener, &given, &shared))
        };
        let socket = Self {
            path,
            shared,
            talker: Some(talker),
            _folder: folder,
        };
        Ok((socket, memories))
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How often a process said that it leaves.
    pub fn detached(&self) -> u64 {
        self.shared.detached.load(Ordering::Relaxed)
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        if let Some(session) = &*self.shared.session() {
            let _closed_already = session.shutdown(Shutdown::Both);
        }
        // Wakes who waits for the next session.
        let _refused = UnixStream::connect(&self.path);
        if let Some(talker) = self.talker.take() {
            let ended = talker.join();
            assert!(
                matches!(ended, Ok(Ok(()))) || std::thread::panicking(),
                "{ended:?}"
            );
        }
    }
}

impl Shared {
    fn session(&self) -> MutexGuard<'_, Option<UnixStream>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn talk(listener: &UnixListener, given: &Given, shared: &Shared) -> io::Result<()> {
    for stream in listener.incoming() {
        let stream = stream?;
        *shared.session() = Some(stream.try_clone()?);
        // Whoever sets it looks for a session afterwards: here or there it is seen.
        if shared.is_stopping.load(Ordering::Acquire) {
            break;
        }
        converse(&stream, given, shared)?;
        *shared.session() = None;
    }
    Ok(())
}

/// Until the client leaves, with or without a word, or is left.
fn converse(stream: &UnixStream, given: &Given, shared: &Shared) -> io::Result<()> {
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        match serde_json::from_str(&line)? {
            Request::Hello { .. } => say(
                stream,
                Reply::Hello {
                    version: VERSION,
                    server: "stand-in".into(),
                    pid: 0,
                },
            )?,
            Request::Attach { layout, flags: 0 } if layout == layout::VERSION => {
                hand_over(stream, given)?;
            }
            Request::Detach { attachment: None } => {
                shared.detached.fetch_add(1, Ordering::Relaxed);
                say(stream, Reply::Detach {})?;
            }
            other => return Err(io::Error::other(format!("a client asks for {other:?}"))),
        }
    }
    Ok(())
}

fn say(mut stream: &UnixStream, reply: Reply) -> io::Result<()> {
    let line = encode(&Answer::from(reply)).map_err(io::Error::other)?;
    // Who does not wait for the answer has left.
    let _left = stream.write_all(&line);
    Ok(())
}

fn hand_over(stream: &UnixStream, given: &Given) -> io::Result<()> {
    let attach = given.view.clone();
    let line = encode(&Answer::from(Reply::Attach { attach })).map_err(io::Error::other)?;
    let descriptors: Vec<_> = given.descriptors.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other(
            "a shape of more descriptors than one message passes",
        ));
    }
    let slices = [IoSlice::new(&line)];
    sendmsg(stream, &slices, &mut ancillary, SendFlags::empty())?;
    Ok(())
}
