//! What each request of the protocol means: answered at once, or a task for workers.

use coremill_protocol::{Answer, ErrorBody, ErrorKind, Reply, Request, VERSION};

use crate::inquiry::Task;
use crate::stack::Stack;

pub mod applications;
pub mod counters;
mod destinations;
pub mod neighbors;
pub mod routes;
pub mod rows;
pub mod sockets;
pub mod status;

/// What to do about a request.
pub enum Action {
    /// The answer is known.
    Answer(Answer),
    /// Workers must be asked.
    Ask(Box<dyn Task>),
    /// Stop the daemon, after answering.
    Shutdown {
        /// Let open connections end first.
        drain: bool,
        /// How long.
        timeout_ms: Option<u64>,
    },
}

/// Decides what to do about `request`; `draining` tells that the daemon is about to stop.
pub fn dispatch(request: Request, stack: &Stack, draining: bool) -> Action {
    let reply = match request {
        Request::Hello {
            version: VERSION, ..
        } => hello(),
        Request::Hello { version, .. } => return Action::Answer(other_version(version)),
        Request::Status {} => Reply::Status {
            status: status::status(stack, draining),
        },
        Request::Workers {} => Reply::Workers {
            workers: status::workers(stack),
        },
        Request::Ports {} => Reply::Ports {
            ports: stack.ports_now(),
        },
        Request::Counters {} => Reply::Counters {
            counters: counters::counters(stack),
        },
        Request::Drops {} => Reply::Drops {
            drops: counters::drops(stack),
        },
        Request::Shutdown { drain, timeout_ms } => return Action::Shutdown { drain, timeout_ms },
        other => {
            return match task(other, stack) {
                Ok(task) => Action::Ask(task),
                Err(error) => Action::Answer(error.into()),
            };
        }
    };
    Action::Answer(reply.into())
}

/// The task of a request that workers must be asked for.
fn task(request: Request, stack: &Stack) -> Result<Box<dyn Task>, ErrorBody> {
    Ok(match request {
        Request::Sockets {
            state,
            address,
            port,
            limit,
            cursor,
        } => Box::new(sockets::Sockets::new(
            state.as_deref(),
            address,
            port,
            limit,
            cursor.as_deref(),
            stack,
        )?),
        Request::Listeners {} => Box::new(rows::Listeners::default()),
        Request::Services {} => Box::new(rows::Services::default()),
        Request::Neighbors {} => Box::new(neighbors::Neighbors::new(stack)),
        Request::Destinations {} => Box::new(destinations::List::default()),
        Request::DestinationsForget { address } => Box::new(destinations::Forget::new(address)),
        Request::FastOpenKeys { present, previous } => {
            Box::new(destinations::Keys::new(&present, previous.as_deref())?)
        }
        Request::Routes {} => Box::new(routes::List::new(stack)),
        Request::RouteAdd(change) => Box::new(routes::Add::new(routes::options(&change, stack)?)),
        Request::RouteRemove(change) => Box::new(routes::Remove::new(change.network)),
        // Answered by dispatch.
        other => {
            let message = format!(
                "nobody to ask for {}; this is a bug in coremilld",
                other.name()
            );
            return Err(ErrorBody::new(ErrorKind::Internal, message));
        }
    })
}

fn other_version(version: u32) -> Answer {
    let message = format!("coremilld speaks version {VERSION} of the protocol, not {version}");
    Answer::error(ErrorKind::Version, message)
}

fn hello() -> Reply {
    Reply::Hello {
        version: VERSION,
        server: concat!("coremilld ", env!("CARGO_PKG_VERSION")).into(),
        pid: std::process::id(),
    }
}

/// An answer that does not belong to the command: a bug, told and not acted upon.
fn mismatch() -> Answer {
    Answer::error(
        ErrorKind::Internal,
        "a worker answered another command; this is a bug in coremilld",
    )
}

#[cfg(test)]
mod tests;
