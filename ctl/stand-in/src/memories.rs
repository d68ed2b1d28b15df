//! What an attachment consists of: both memories, and the daemon's ends of its doorbells.

use std::os::fd::{AsFd, OwnedFd};

use coremill_protocol::attach::{AttachView, DescriptorKind, DescriptorView, ShapeView};
use coremill_ring::doorbell::{Bell, WorkerEar, doorbell, worker_doorbell};
use coremill_ring::header::write_header;
use coremill_ring::layout::{self, Layout};
use coremill_ring::memory::{create_application_memory, create_daemon_memory};
use coremill_ring::shape::Shape;
use coremill_ring::words::SharedWrite;

use crate::StandInError;

/// The daemon's side of an attachment.
#[derive(Debug)]
pub struct Memories {
    /// Where everything is.
    pub layout: Layout,
    /// What the daemon writes.
    pub daemon: SharedWrite,
    /// What the application writes.
    pub application: SharedWrite,
    /// Rings notifiers, one each.
    pub bells: Vec<Bell>,
    /// Hears that workers are rung, one each.
    pub ears: Vec<WorkerEar>,
}

/// The process's side: the descriptors, and the view that tells what they are.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) view: AttachView,
    pub(crate) descriptors: Vec<OwnedFd>,
}

impl Memories {
    pub(crate) fn new(shape: &Shape) -> Result<(Self, Given), StandInError> {
        let layout = Layout::new(shape)?;
        let daemon = create_daemon_memory(layout.daemon_bytes())?;
        let application = create_application_memory(layout.application_bytes())?;
        write_header(&daemon.words, &layout);
        let mut given = Given::of(shape);
        given.push(DescriptorKind::DaemonMemory, 0, daemon.descriptor);
        given.push(DescriptorKind::ApplicationMemory, 0, application.descriptor);
        let (mut bells, mut ears) = (Vec::new(), Vec::new());
        for worker in 0..shape.workers {
            let (bell, ear) = worker_doorbell()?;
            given.push(DescriptorKind::WorkerBell, worker, own(&bell)?);
            ears.push(ear);
        }
        for notifier in 0..shape.notifiers {
            let (bell, ear) = doorbell()?;
            given.push(DescriptorKind::NotifierEar, notifier, own(&ear)?);
            bells.push(bell);
        }
        let memories = Self {
            layout,
            daemon: daemon.words,
            application: application.words,
            bells,
            ears,
        };
        Ok((memories, given))
    }
}

impl Given {
    fn of(shape: &Shape) -> Self {
        let shape = ShapeView {
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
        };
        let view = AttachView {
            attachment: 1,
            domain: 1,
            member: 0,
            layout: layout::VERSION,
            shape,
            descriptors: Vec::new(),
        };
        Self {
            view,
            descriptors: Vec::new(),
        }
    }

    fn push(&mut self, what: DescriptorKind, number: u32, descriptor: OwnedFd) {
        self.view.descriptors.push(DescriptorView { what, number });
        self.descriptors.push(descriptor);
    }
}

/// A descriptor of one's own for an end that is given away.
fn own(end: &impl AsFd) -> std::io::Result<OwnedFd> {
    end.as_fd().try_clone_to_owned()
}
