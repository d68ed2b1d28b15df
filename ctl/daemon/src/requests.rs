//! What each request of the protocol means: answered at once, or a task for workers.

use coremill_protocol::{Answer, ErrorKind, Reply, Request, VERSION};

use crate::inquiry::Task;
use crate::stack::Stack;

pub mod counters;
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
    match request {
        Request::Hello {
            version: VERSION, ..
        } => Action::Answer(hello().into()),
        Request::Hello { version, .. } => {
            let message =
                format!("coremilld speaks version {VERSION} of the protocol, not {version}");
            Action::Answer(Answer::error(ErrorKind::Version, message))
        }
        Request::Status {} => Action::Answer(
            Reply::Status {
                status: status::status(stack, draining),
            }
            .into(),
        ),
        Request::Workers {} => Action::Answer(
            Reply::Workers {
                workers: status::workers(stack),
            }
            .into(),
        ),
        Request::Ports {} => Action::Answer(
            Reply::Ports {
                ports: stack.ports.clone(),
            }
            .into(),
        ),
        Request::Counters {} => Action::Answer(
            Reply::Counters {
                counters: counters::counters(stack),
            }
            .into(),
        ),
        Request::Drops {} => Action::Answer(
            Reply::Drops {
                drops: counters::drops(stack),
            }
            .into(),
        ),
        Request::Sockets {
            state,
            address,
            port,
            limit,
            cursor,
        } => {
            match sockets::Sockets::new(
                state.as_deref(),
                address,
                port,
                limit,
                cursor.as_deref(),
                stack,
            ) {
                Ok(task) => Action::Ask(Box::new(task)),
                Err(error) => Action::Answer(error.into()),
            }
        }
        Request::Listeners {} => Action::Ask(Box::new(rows::Listeners::default())),
        Request::Services {} => Action::Ask(Box::new(rows::Services::default())),
        Request::Neighbors {} => Action::Ask(Box::new(neighbors::Neighbors::new(stack))),
        Request::Routes {} => Action::Ask(Box::new(routes::List::new(stack))),
        Request::RouteAdd(change) => match routes::options(&change, stack) {
            Ok(options) => Action::Ask(Box::new(routes::Add::new(options))),
            Err(error) => Action::Answer(error.into()),
        },
        Request::RouteRemove(change) => Action::Ask(Box::new(routes::Remove::new(change.network))),
        Request::Shutdown { drain, timeout_ms } => Action::Shutdown { drain, timeout_ms },
    }
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
