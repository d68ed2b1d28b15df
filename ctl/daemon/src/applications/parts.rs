//! Makes what an attachment consists of: memories, doorbells, and the ends of them that go to the process.

use std::fmt::Display;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use coremill_engine::applications::{Attachment, AttachmentId, AttachmentParts, Domain};
use coremill_engine::command::Command;
use coremill_engine::doorbell::Doorbell;
use coremill_protocol::{DescriptorKind, DescriptorView, ErrorBody, ErrorKind};
use coremill_ring::doorbell::{doorbell, worker_doorbell};
use coremill_ring::header::write_header;
use coremill_ring::layout::Layout;
use coremill_ring::memory::{create_application_memory, create_daemon_memory};

/// A fresh attachment that no worker knows yet.
#[derive(Debug)]
pub struct Parts {
    /// What control thread and workers share.
    pub attachment: Arc<Attachment>,
    /// What each worker is told, in their order.
    pub commands: Vec<Command>,
    /// What the process gets, in the order of the views.
    pub descriptors: Vec<OwnedFd>,
    /// What these are.
    pub views: Vec<DescriptorView>,
}

impl Parts {
    /// Makes memories and doorbells of attachment `id`.
    ///
    /// # Errors
    /// When the system has no memory or descriptor left.
    pub fn new(id: u64, layout: &Layout, alarm: &Arc<Doorbell>) -> Result<Self, ErrorBody> {
        let daemon = create_daemon_memory(layout.daemon_bytes()).map_err(refused)?;
        let application = create_application_memory(layout.application_bytes()).map_err(refused)?;
        write_header(&daemon.words, layout);
        let mut given = Given::default();
        given.push(DescriptorKind::DaemonMemory, 0, daemon.descriptor);
        given.push(DescriptorKind::ApplicationMemory, 0, application.descriptor);
        let shape = layout.shape();
        let mut ears = Vec::with_capacity(shape.workers as usize);
        for worker in 0..shape.workers {
            let (bell, ear) = worker_doorbell().map_err(no_descriptor)?;
            ears.push(ear);
            given.push(DescriptorKind::WorkerBell, worker, own(&bell)?);
        }
        let mut bells = Vec::with_capacity(shape.notifiers as usize);
        for notifier in 0..shape.notifiers {
            let (bell, ear) = doorbell().map_err(no_descriptor)?;
            bells.push(bell);
            given.push(DescriptorKind::NotifierEar, notifier, own(&ear)?);
        }
        let attachment = Attachment::new(AttachmentParts {
            id: AttachmentId(id),
            layout: *layout,
            daemon: daemon.words,
            application: application.words,
            bells,
            ears,
            alarm: Arc::clone(alarm),
        })
        .map_err(mistake)?;
        let commands: Result<Vec<_>, _> = (0..shape.workers)
            .map(|worker| Domain::new(&attachment, worker))
            .map(|domain| domain.map(|domain| Command::Attach(Some(domain))))
            .collect();
        Ok(Self {
            commands: commands.map_err(mistake)?,
            attachment,
            descriptors: given.descriptors,
            views: given.views,
        })
    }
}

#[derive(Default)]
struct Given {
    descriptors: Vec<OwnedFd>,
    views: Vec<DescriptorView>,
}

impl Given {
    fn push(&mut self, what: DescriptorKind, number: u32, descriptor: OwnedFd) {
        self.descriptors.push(descriptor);
        self.views.push(DescriptorView { what, number });
    }
}

/// A descriptor of one's own for an end that is given away.
fn own(end: &impl AsFd) -> Result<OwnedFd, ErrorBody> {
    end.as_fd().try_clone_to_owned().map_err(no_descriptor)
}

fn refused(error: impl Display) -> ErrorBody {
    ErrorBody::new(ErrorKind::Busy, error.to_string())
}

fn no_descriptor(error: impl Display) -> ErrorBody {
    let message = format!(
        "the daemon cannot make a doorbell: {error}; raise its limit of open files or lower applications.notifiers"
    );
    ErrorBody::new(ErrorKind::Busy, message)
}

fn mistake(error: impl Display) -> ErrorBody {
    let message = format!("{error}; this is a bug in coremilld");
    ErrorBody::new(ErrorKind::Internal, message)
}
