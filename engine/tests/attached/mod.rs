//! A worker in this process with an application attached through the client library: 64-byte requests and replies over
//! a port that is looped back, both ends the application's. Turns and steps alternate in one thread, so that each can
//! be counted alone.

#[path = "../one_worker/mod.rs"]
mod one_worker;

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coremill_client::{Interest, Options, Poller, Readiness, Stack, TcpListener, TcpStream};
use coremill_engine::applications::{Attachment, AttachmentId, AttachmentParts, Domain};
use coremill_engine::clock::ManualClock;
use coremill_engine::command::Command;
use coremill_engine::doorbell::Doorbell;
use coremill_engine::nic::heap_buffer::HeapPool;
use coremill_engine::nic::loopback::LoopbackPort;
use coremill_engine::routes::PlainRoutes;
use coremill_engine::snapshot::ApplicationRow;
use coremill_engine::{Worker, WorkerHandle};
use coremill_ring::shape::Shape;
use coremill_stand_in::ControlSocket;

use one_worker::{OWN, worker};

type LoopedWorker = Worker<LoopbackPort, ManualClock, PlainRoutes>;

/// The worker, and the application that plays with itself.
pub struct Attached {
    pub worker: LoopedWorker,
    pub handle: WorkerHandle,
    pub clock: ManualClock,
    pub streams: Vec<TcpStream>,
    poller: Poller,
    ready: Vec<(usize, Readiness)>,
    /// Replies that arrived.
    pub replies: u64,
    // Dropped last: the client's end of it says goodbye to the other.
    _stack: Stack,
    _control: ControlSocket,
}

impl Attached {
    /// Attaches, and opens so many connections.
    pub fn start(connections: usize) -> Result<Self, Box<dyn Error>> {
        let clock = ManualClock::default();
        clock.advance(Duration::from_secs(1));
        let port = LoopbackPort::looped(&HeapPool::new(8_192), 4_096);
        let (mut worker, handle) = worker(&clock, port, &[], 4_096);
        let (control, memories) = ControlSocket::start(&shape(u32::try_from(connections)?))?;
        let attachment = Attachment::new(AttachmentParts {
            id: AttachmentId(1),
            layout: memories.layout,
            daemon: memories.daemon,
            application: memories.application,
            bells: memories.bells,
            ears: memories.ears,
            alarm: Arc::new(Doorbell::new()?),
        })?;
        let domain = Domain::new(&attachment, 0)?;
        handle
            .submit(Command::Attach(Some(domain)))
            .map_err(|_| "the mailbox is full")?;
        // Calls that wait for answers need a worker that turns.
        let done = AtomicBool::new(false);
        let opened = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    clock.advance(Duration::from_micros(10));
                    worker.turn();
                    // Under valgrind, whose threads take turns, the other one would wait for its slice to end.
                    std::thread::yield_now();
                }
            });
            let opened = open(control.path(), connections);
            done.store(true, Ordering::Release);
            opened
        });
        let (stack, streams, poller) = opened?;
        let _attached = handle.take_answer();
        Ok(Self {
            worker,
            handle,
            clock,
            streams,
            poller,
            ready: Vec::with_capacity(2 * connections),
            replies: 0,
            _stack: stack,
            _control: control,
        })
    }

    /// A request on each connection, so that there is something to answer.
    pub fn begin(&mut self) -> Result<(), Box<dyn Error>> {
        // The commands that subscribed are taken before: with many connections there is no room for both.
        for _ in 0..self.streams.len().div_ceil(COMMANDS_PER_TURN) {
            self.worker_turn();
        }
        for mut stream in self.streams.iter().step_by(2) {
            stream.write_all(&MESSAGE)?;
        }
        Ok(())
    }

    /// The application takes what arrived, answers requests, and asks again where a reply came.
    #[inline(never)]
    pub fn application_step(&mut self) -> Result<(), Box<dyn Error>> {
        self.poller.wait(&mut self.ready, Some(Duration::ZERO))?;
        for (token, _) in &self.ready {
            let Some(stream) = self.streams.get_mut(*token) else {
                continue;
            };
            let mut message = [0; MESSAGE.len()];
            match stream.read(&mut message) {
                Ok(count) if count == message.len() => {}
                Ok(count) => return Err(format!("{count} bytes of a message").into()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            }
            self.replies += u64::from(token % 2 == 0);
            stream.write_all(&message)?;
        }
        Ok(())
    }

    /// A turn, ten microseconds after the last one.
    #[inline(never)]
    pub fn worker_turn(&mut self) {
        self.clock.advance(Duration::from_micros(10));
        self.worker.turn();
    }

    /// What the worker counted of the application.
    pub fn counts(&mut self) -> Result<ApplicationRow, Box<dyn Error>> {
        let rows = Vec::with_capacity(1);
        self.handle
            .submit(Command::Applications { rows })
            .map_err(|_| "the mailbox is full")?;
        self.worker_turn();
        match self.handle.take_answer() {
            Some(Command::Applications { mut rows }) => Ok(rows.pop().ok_or("no application")?),
            other => Err(format!("{other:?}").into()),
        }
    }
}

/// Streams in pairs: the one that asks, the one that answers.
fn open(
    path: &std::path::Path,
    connections: usize,
) -> Result<(Stack, Vec<TcpStream>, Poller), std::io::Error> {
    let options = Options {
        spin: Duration::ZERO,
        ..Options::default()
    };
    let stack = Stack::attach_with(path, options).map_err(std::io::Error::other)?;
    let address = (OWN, 7).into();
    let listener = TcpListener::bind(&stack, address)?;
    let mut poller = Poller::new(&stack)?;
    let mut streams = Vec::new();
    for _ in 0..connections {
        streams.push(TcpStream::connect(&stack, address)?);
        streams.push(listener.accept()?.0);
    }
    for (token, stream) in streams.iter().enumerate() {
        stream.set_nonblocking(true)?;
        poller.register(stream, token, Interest::READABLE)?;
    }
    Ok((stack, streams, poller))
}

/// At least so many commands are taken in a turn.
const COMMANDS_PER_TURN: usize = 32;
/// What is asked and answered.
const MESSAGE: [u8; 64] = [7; 64];

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
