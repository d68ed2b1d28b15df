//! An application, built of the types that an application's library uses, on heap memory.

use std::net::SocketAddr;
use std::sync::Arc;

use coremill_ring::accept_ring::Claims;
use coremill_ring::armed::Sleeper;
use coremill_ring::command::Command;
use coremill_ring::consumer::Consumer;
use coremill_ring::doorbell::{Ear, WorkerBell, doorbell, worker_doorbell};
use coremill_ring::event::Event;
use coremill_ring::handle::Handle;
use coremill_ring::layout::Layout;
use coremill_ring::local_address;
use coremill_ring::message::Message;
use coremill_ring::producer::Producer;
use coremill_ring::ready_bits::Speaker;
use coremill_ring::receive_queue::ReceiveReader;
use coremill_ring::send_lease::SendFiller;
use coremill_ring::shape::Shape;
use coremill_ring::socket_state::{Snapshot, StateReader};
use coremill_ring::words::{SharedRead, SharedWrite, WORD_BYTES};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::applications::{Attachment, AttachmentId, AttachmentParts, Domain};
use crate::command::Command as Order;
use crate::doorbell::Doorbell;
use crate::snapshot::ApplicationRow;
use crate::worker::tests::hosts::Network;

/// One application with one thread.
pub(super) struct Side {
    pub(super) attachment: Arc<Attachment>,
    pub(super) alarm: Arc<Doorbell>,
    pub(super) layout: Layout,
    daemon: SharedRead,
    pub(super) application: SharedWrite,
    rings: Vec<Producer>,
    speakers: Vec<Speaker>,
    events: Vec<Consumer>,
    pub(super) bells: Vec<WorkerBell>,
    ears: Vec<Ear>,
    tickets: u64,
    /// Taken, not looked at.
    pub(super) inbox: Vec<Event>,
}

/// A connection as the application has it.
pub(super) struct Connection {
    pub(super) handle: Handle,
    reader: ReceiveReader,
    pub(super) filler: SendFiller,
    pub(super) sent: u64,
}

pub(super) fn shape(workers: u32) -> Shape {
    Shape {
        workers,
        contexts: 2,
        notifiers: 3,
        listeners: 4,
        sockets: 64,
        command_slots: 64,
        event_slots: 64,
        accept_slots: 4,
        receive_chunks: [32, 32, 16],
        send_chunks: [32, 32, 16],
    }
}

impl Side {
    /// Attaches to the server of the network.
    pub(super) fn attach(network: &mut Network, id: u64) -> Self {
        let workers = u32::try_from(network.server.workers.len()).expect("few");
        let layout = Layout::new(&shape(workers)).expect("a possible shape");
        let daemon = SharedWrite::heap(layout.daemon_bytes() / WORD_BYTES);
        let application = SharedWrite::heap(layout.application_bytes() / WORD_BYTES);
        let pairs = (0..layout.shape().notifiers).map(|_| doorbell().expect("a pair"));
        let (notifier_bells, ears): (_, Vec<Ear>) = pairs.unzip();
        let pairs = (0..workers).map(|_| worker_doorbell().expect("a pair"));
        let (bells, worker_ears): (Vec<WorkerBell>, _) = pairs.unzip();
        let alarm = Arc::new(Doorbell::new().expect("eventfd"));
        let attachment = Attachment::new(AttachmentParts {
            id: AttachmentId(id),
            layout,
            daemon: daemon.clone(),
            application: application.clone(),
            bells: notifier_bells,
            ears: worker_ears,
            alarm: alarm.clone(),
        })
        .expect("parts that fit");
        for (worker, handle) in (0..).zip(&network.server.handles) {
            let domain = Domain::new(&attachment, worker).expect("a worker");
            handle.submit(Order::Attach(Some(domain))).expect("room");
        }
        network.turn(1);
        for handle in &network.server.handles {
            assert!(matches!(handle.take_answer(), Some(Order::Attach(None))));
        }
        let daemon = daemon.reader();
        let part = |part: Option<_>| part.expect("of the shape");
        let ring = |worker| {
            let slots = application.part(part(layout.command_ring(0, worker)));
            let head = daemon.part(part(layout.command_head(0, worker)));
            Producer::new(slots, head).expect("a power of two")
        };
        let speaker = |worker| {
            let bits = application.part(part(layout.ready_bits(worker)));
            Speaker::new(bits, daemon.part(part(layout.worker(worker))), 0)
        };
        let events = |worker| {
            let slots = daemon.part(part(layout.event_ring(0, worker)));
            let head = application.part(part(layout.event_head(0, worker)));
            Consumer::new(slots, head).expect("a power of two")
        };
        Self {
            rings: (0..workers).map(ring).collect(),
            speakers: (0..workers).map(speaker).collect(),
            events: (0..workers).map(events).collect(),
            attachment,
            alarm,
            layout,
            daemon,
            application,
            bells,
            ears,
            tickets: 0,
            inbox: Vec::new(),
        }
    }

    /// Gives a worker a command, and says so; true when the worker sleeps.
    pub(super) fn say(&mut self, worker: u32, command: &Command, payload: &[u8]) -> bool {
        let is_said = self.try_to_say(worker, command, payload);
        assert!(is_said, "room for a command");
        self.announce(worker)
    }

    /// Says that commands are there; true when the worker sleeps.
    pub(super) fn announce(&self, worker: u32) -> bool {
        self.speakers[worker as usize].announce()
    }

    /// Puts a command into a worker's ring; false when that is full.
    pub(super) fn try_to_say(&mut self, worker: u32, command: &Command, payload: &[u8]) -> bool {
        let mut message = Message::new();
        command.encode(payload, &mut message).expect("it fits");
        let ring = &mut self.rings[worker as usize];
        ring.push(&message).expect("an honest worker")
    }

    /// Says that it is about to wait.
    pub(super) fn arm(&self) -> Sleeper {
        let line = self.layout.armed(0).expect("a line");
        let sleeper = Sleeper::new(self.application.part(line));
        sleeper.arm();
        sleeper
    }

    /// Waits for its doorbell; false when nobody rang for ten seconds.
    pub(super) fn wait(&self) -> bool {
        let mut ears = [PollFd::new(&self.ears[0], PollFlags::IN)];
        let timeout = Timespec {
            tv_sec: 10,
            tv_nsec: 0,
        };
        poll(&mut ears, Some(&timeout)) == Ok(1) && self.ears[0].clear()
    }

    /// Takes all events.
    pub(super) fn listen_to_events(&mut self) {
        let mut message = Message::new();
        for ring in &mut self.events {
            while ring.take(&mut message).expect("a message") {
                self.inbox
                    .push(Event::decode(&message).expect("an event of ours"));
            }
            ring.release_and_look();
        }
    }

    /// Takes the tickets of the events that wait for another notifier's owner.
    pub(super) fn heard_by(&self, notifier: u32) -> Vec<u64> {
        let slots = self.layout.event_ring(notifier, 0).expect("a ring");
        let head = self.layout.event_head(notifier, 0).expect("a head");
        let (slots, head) = (self.daemon.part(slots), self.application.part(head));
        let mut ring = Consumer::new(slots, head).expect("a power of two");
        let mut message = Message::new();
        let mut tickets = Vec::new();
        while ring.take(&mut message).expect("a message") {
            if let Event::Ready { ticket, .. } = Event::decode(&message).expect("an event") {
                tickets.push(ticket);
            }
        }
        tickets
    }

    /// Gives a command and waits for its answer.
    pub(super) fn ask(
        &mut self,
        network: &mut Network,
        worker: u32,
        command: impl Fn(u64) -> Command,
    ) -> Result<(Option<Handle>, u64), u16> {
        self.ask_with(network, worker, &[], command)
    }

    /// The same with what travels with it.
    pub(super) fn ask_with(
        &mut self,
        network: &mut Network,
        worker: u32,
        payload: &[u8],
        command: impl Fn(u64) -> Command,
    ) -> Result<(Option<Handle>, u64), u16> {
        self.tickets += 1;
        let asked = self.tickets;
        self.say(worker, &command(asked), payload);
        for _ in 0..20 {
            network.turn(1);
            self.listen_to_events();
            let is_it =
                |event: &Event| matches!(event, Event::Answer { ticket, .. } if *ticket == asked);
            if let Some(place) = self.inbox.iter().position(is_it) {
                let Event::Answer {
                    error,
                    socket,
                    value,
                    ..
                } = self.inbox.remove(place)
                else {
                    unreachable!("it was just seen");
                };
                return if error == 0 {
                    Ok((socket, value))
                } else {
                    Err(error)
                };
            }
        }
        panic!("no answer to {asked}");
    }

    /// A new socket of a worker.
    pub(super) fn open(&mut self, network: &mut Network, worker: u32) -> Handle {
        let opened = self.ask(network, worker, |ticket| Command::Open { ticket });
        opened.expect("a socket").0.expect("its name")
    }

    /// A listener on any address; its handle and number.
    pub(super) fn listen(
        &mut self,
        network: &mut Network,
        port: u16,
    ) -> Result<(Handle, u32), u16> {
        let socket = self.open(network, 0);
        let local = ([0, 0, 0, 0], port).into();
        self.ask(network, 0, |ticket| Command::Bind {
            ticket,
            socket,
            local,
        })?;
        let (_, number) = self.ask(network, 0, |ticket| Command::Listen {
            ticket,
            socket,
            backlog: 16,
        })?;
        self.subscribe(socket);
        Ok((socket, u32::try_from(number).expect("a number")))
    }

    /// Hears of a socket from now on.
    pub(super) fn subscribe(&mut self, socket: Handle) {
        let subscribe = Command::Subscribe {
            ticket: u64::from(socket.slot),
            socket,
            notifier: 0,
            interest: 5,
        };
        self.say(0, &subscribe, &[]);
    }

    /// Accepts a connection that one of the workers offers; commands about it go to `via`.
    pub(super) fn accept(
        &mut self,
        network: &mut Network,
        (listener, number): (Handle, u32),
    ) -> Option<Connection> {
        for worker in 0..self.layout.shape().workers {
            let slots = self.layout.accept_slots(number, worker).expect("a ring");
            let claims = self.layout.claims(number, worker).expect("claims");
            let claims = Claims::new(self.daemon.part(slots), self.application.part(claims), 0);
            let Some(claim) = claims.claim() else {
                continue;
            };
            let taken = self.ask(network, worker, |ticket| Command::Take {
                ticket,
                listener,
                slot: claim.slot,
                round: claim.round,
            });
            let handle = taken.expect("what was claimed").0.expect("its name");
            assert_eq!(handle, claim.offer.socket);
            return Some(self.connection(handle));
        }
        None
    }

    pub(super) fn connection(&self, handle: Handle) -> Connection {
        Connection {
            handle,
            reader: ReceiveReader::new(self.state(handle)),
            filler: SendFiller::default(),
            sent: 0,
        }
    }

    fn state(&self, handle: Handle) -> StateReader {
        StateReader::new(
            self.daemon
                .part(self.layout.socket(handle.slot).expect("a slot")),
        )
    }

    /// What the daemon says of a socket.
    pub(super) fn look(&self, handle: Handle) -> Option<Snapshot> {
        self.state(handle).snapshot(handle)
    }

    /// Where the daemon says that our end of a slot's socket is.
    pub(super) fn local(&self, slot: u32) -> Option<SocketAddr> {
        local_address::read(&self.daemon.part(self.layout.local(slot)?))
    }

    /// Reads what is there, and gives it back.
    pub(super) fn read(&mut self, connection: &mut Connection) -> Vec<u8> {
        let mut bytes = vec![0; 1 << 20];
        let count = connection
            .reader
            .read(&mut bytes, &self.daemon, &self.layout);
        bytes.truncate(count);
        let read = Command::Read {
            socket: connection.handle,
            read: connection.reader.give_back(),
        };
        self.say(0, &read, &[]);
        bytes
    }

    /// Sends up to 256 bytes inside a command.
    pub(super) fn send(&mut self, connection: &mut Connection, bytes: &[u8]) {
        let send = Command::Send {
            socket: connection.handle,
            offset: connection.sent,
            read: connection.reader.position(),
        };
        self.say(0, &send, bytes);
        connection.sent += bytes.len() as u64;
    }

    /// Asks for chunks and fills them with as much of `bytes` as they hold; gives how much.
    pub(super) fn fill(
        &mut self,
        network: &mut Network,
        connection: &mut Connection,
        bytes: &[u8],
    ) -> usize {
        if connection.filler.room() == 0 {
            let want = Command::WantRoom {
                socket: connection.handle,
                bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            };
            self.say(0, &want, &[]);
        }
        for _ in 0..100 {
            network.turn(1);
            self.listen_to_events();
            self.inbox.retain(|event| match event {
                Event::Granted { socket, grant } if *socket == connection.handle => {
                    assert!(connection.filler.add(*grant), "grants come in order");
                    false
                }
                _ => true,
            });
            if connection.filler.room() > 0 {
                break;
            }
        }
        let written = connection
            .filler
            .write(bytes, &self.application, &self.layout);
        let filled = Command::SendFilled {
            socket: connection.handle,
            offset: connection.sent,
            read: connection.reader.position(),
            filled: connection.filler.filled(),
            has_more: false,
        };
        self.say(0, &filled, &[]);
        connection.sent += written as u64;
        written
    }
}

/// What the operator sees of the applications of one worker.
pub(super) fn rows(network: &mut Network, worker: usize) -> Vec<ApplicationRow> {
    let rows = Vec::with_capacity(8);
    let handle = &network.server.handles[worker];
    handle.submit(Order::Applications { rows }).expect("room");
    network.turn(1);
    let Some(Order::Applications { rows }) = network.server.handles[worker].take_answer() else {
        panic!("no answer");
    };
    rows
}
