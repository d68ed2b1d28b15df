//! An attachment without the client library: the memories and doorbells themselves, to do with what no library would.

use std::io::{IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use coremill_ring::command::Command;
use coremill_ring::consumer::Consumer;
use coremill_ring::doorbell::{Ear, WorkerBell};
use coremill_ring::event::Event;
use coremill_ring::handle::Handle;
use coremill_ring::header::read_header;
use coremill_ring::layout::{self, Layout};
use coremill_ring::memory::{map_application_memory, map_daemon_memory};
use coremill_ring::message::Message;
use coremill_ring::producer::Producer;
use coremill_ring::ready_bits::Speaker;
use coremill_ring::words::SharedWrite;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::{Value, json};

/// What the process was given, with a context of its own.
pub struct Attached {
    _session: UnixStream,
    pub daemon_memory: OwnedFd,
    pub application_memory: OwnedFd,
    pub layout: Layout,
    pub application: SharedWrite,
    pub bells: Vec<WorkerBell>,
    pub ears: Vec<Ear>,
    rings: Vec<Producer>,
    speakers: Vec<Speaker>,
    events: Vec<Consumer>,
    ticket: u64,
    /// Commands given.
    pub said: u64,
}

impl Attached {
    /// Attaches anew; what this process had before ends with it.
    pub fn new(socket: &Path) -> Result<Self> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match Self::try_new(socket)? {
                Some(attached) => return Ok(attached),
                // What was detached is not gone yet.
                None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
                None => bail!("no attachment within 10 s"),
            }
        }
    }

    fn try_new(socket: &Path) -> Result<Option<Self>> {
        let mut session = UnixStream::connect(socket)?;
        session.set_read_timeout(Some(Duration::from_secs(10)))?;
        let hello =
            json!({"request": "hello", "version": coremill_protocol::VERSION, "client": "liar"});
        ask(&mut session, &hello)?;
        let (answer, mut given) = ask(
            &mut session,
            &json!({"request": "attach", "layout": layout::VERSION}),
        )?;
        if answer["reply"] != "attach" {
            return Ok(None);
        }
        ensure!(given.len() > 3, "{} descriptors came", given.len());
        let rest = given.split_off(2);
        let (application_memory, daemon_memory) = (given.pop(), given.pop());
        let (application_memory, daemon_memory) =
            application_memory.zip(daemon_memory).context("memories")?;
        let daemon = map_daemon_memory(daemon_memory.as_fd())?;
        let application = map_application_memory(application_memory.as_fd())?;
        let layout = read_header(&daemon)?;
        let workers = layout.shape().workers;
        let mut rest = rest.into_iter();
        let bells = rest.by_ref().take(workers as usize);
        let bells = bells.map(WorkerBell::from).collect();
        let ring = |worker| {
            let slots = application.part(layout.command_ring(0, worker)?);
            Producer::new(slots, daemon.part(layout.command_head(0, worker)?))
        };
        let speaker = |worker| {
            let bits = application.part(layout.ready_bits(worker)?);
            Some(Speaker::new(bits, daemon.part(layout.worker(worker)?), 0))
        };
        let events = |worker| {
            let slots = daemon.part(layout.event_ring(0, worker)?);
            Consumer::new(slots, application.part(layout.event_head(0, worker)?))
        };
        Ok(Some(Self {
            rings: (0..workers).filter_map(ring).collect(),
            speakers: (0..workers).filter_map(speaker).collect(),
            events: (0..workers).filter_map(events).collect(),
            _session: session,
            daemon_memory,
            application_memory,
            layout,
            application,
            bells,
            ears: rest.map(Ear::from).collect(),
            ticket: 0,
            said: 0,
        }))
    }

    /// Workers of the daemon.
    pub fn workers(&self) -> u32 {
        self.layout.shape().workers
    }

    /// Whether the daemon has ended it.
    pub fn is_over(&self) -> bool {
        self.ears.first().is_none_or(|ear| {
            let mut polled = [PollFd::new(ear, PollFlags::RDHUP)];
            let _seen = poll(&mut polled, Some(&NO_TIME));
            !polled[0].revents().is_empty()
        })
    }

    /// Whether the daemon ends it within `patience`.
    pub fn ends_within(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while !self.is_over() {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        true
    }

    /// Gives a worker a command as it should be done; false when the ring is full.
    pub fn say(&mut self, worker: u32, command: &Command, payload: &[u8]) -> bool {
        let worker = worker as usize % self.rings.len();
        let mut message = Message::new();
        // What this process scribbles may be its own head: then nothing more goes out here, and that is as well.
        let pushed = command
            .encode(payload, &mut message)
            .is_some_and(|()| self.rings[worker].push(&message) == Ok(true));
        if pushed {
            self.said += 1;
        }
        if self.speakers[worker].announce() {
            self.bells[worker].ring();
        }
        pushed
    }

    /// The next ticket.
    pub fn ticket(&mut self) -> u64 {
        self.ticket += 1;
        self.ticket
    }

    /// Takes all events of context 0; gives the last one of those that `is_it` picks.
    pub fn hear<T>(&mut self, mut is_it: impl FnMut(&Event) -> Option<T>) -> Option<T> {
        let mut found = None;
        let mut message = Message::new();
        for ring in &mut self.events {
            while ring.take(&mut message) == Ok(true) {
                if let Ok(event) = Event::decode(&message) {
                    found = is_it(&event).or(found);
                }
            }
            ring.release_and_look();
        }
        found
    }

    /// Gives a command and waits for its answer, at most a second: the socket, or Linux's number of the error.
    pub fn ask(
        &mut self,
        worker: u32,
        command: impl FnOnce(u64) -> Command,
    ) -> Option<Result<Option<Handle>, u16>> {
        let asked = self.ticket();
        self.say(worker, &command(asked), &[]);
        let deadline = Instant::now() + Duration::from_secs(1);
        while Instant::now() < deadline && !self.is_over() {
            let answer = self.hear(|event| match *event {
                Event::Answer {
                    ticket,
                    error,
                    socket,
                    ..
                } if ticket == asked => Some(if error == 0 { Ok(socket) } else { Err(error) }),
                _ => None,
            });
            if answer.is_some() {
                return answer;
            }
            std::thread::sleep(Duration::from_micros(20));
        }
        None
    }

    /// A connection to `remote`, which is perhaps not established yet.
    pub fn connect(&mut self, worker: u32, remote: std::net::SocketAddr) -> Option<Handle> {
        let socket = self
            .ask(worker, |ticket| Command::Open { ticket })?
            .ok()??;
        let begun = self.ask(worker, |ticket| Command::Connect {
            ticket,
            socket,
            remote,
        });
        begun?.ok().map(|_| socket)
    }
}

/// Sends a request; gives the answer and the descriptors that came with it.
fn ask(session: &mut UnixStream, request: &Value) -> Result<(Value, Vec<OwnedFd>)> {
    session.write_all(format!("{request}\n").as_bytes())?;
    let (mut answer, mut descriptors) = (Vec::new(), Vec::new());
    while answer.last() != Some(&b'\n') {
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut bytes = [0; 4096];
        let mut room = [IoSliceMut::new(&mut bytes)];
        let got = recvmsg(&*session, &mut room, &mut control, RecvFlags::CMSG_CLOEXEC)?;
        ensure!(got.bytes > 0, "the daemon closed the session");
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(more) = message {
                descriptors.extend(more);
            }
        }
        answer.extend(&bytes[..got.bytes]);
    }
    Ok((serde_json::from_slice(&answer)?, descriptors))
}

const NO_TIME: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};
