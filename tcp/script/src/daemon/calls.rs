//! System calls of a script as calls of the client library. Its sockets never block: whoever plays the
//! script waits.

use std::collections::BTreeMap;
use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use coremill_client::{Poller, Readiness, Stack, TcpStream};
use coremill_tcp::address::{Endpoint, Flow};

use super::held::{Held, Kind, failed, has, named, number};
use super::options::Chosen;
use super::shown;
use crate::info::Info;
use crate::language::Call;
use crate::polling::{self, Epolls};
use crate::settings::Settings;
use crate::subject::{Outcome, Progress, Tried};
use crate::verdict::Trouble;
use crate::wanted::Wanted;

/// The script's sockets by its descriptors.
#[derive(Debug)]
pub struct Sockets {
    stack: Stack,
    table: BTreeMap<i64, Held>,
    epolls: Epolls,
    poller: Poller,
    /// A `close` that lingers waits in a thread of its own.
    closing: Option<JoinHandle<()>>,
}

impl Sockets {
    /// No socket yet.
    ///
    /// # Errors
    /// When the attachment has no notifier for a poller.
    pub fn new(stack: Stack) -> io::Result<Self> {
        Ok(Self {
            poller: Poller::new(&stack)?,
            stack,
            table: BTreeMap::new(),
            epolls: Epolls::default(),
            closing: None,
        })
    }

    /// Tries a call.
    ///
    /// # Errors
    /// [`Trouble::Unsupported`] for what the library lacks.
    pub fn attempt(
        &mut self,
        settings: &Settings,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Tried, Trouble> {
        let mut tried = Tried {
            outcome: Outcome::Wait,
            opened: None,
            listens: false,
        };
        let waits_itself = call.name == "poll" || call.name.starts_with("epoll_");
        let is_nonblocking = !waits_itself
            && (has(call, "MSG_DONTWAIT") || self.held(call).is_some_and(|h| h.is_nonblocking));
        tried.outcome = match self.dispatch(settings, call, progress)? {
            Outcome::Wait if is_nonblocking => Outcome::Failed("EAGAIN"),
            Outcome::WaitOr(error) if is_nonblocking => Outcome::Failed(error),
            Outcome::WaitOr(_) => Outcome::Wait,
            outcome => outcome,
        };
        tried.listens = call.name == "listen" && tried.outcome == Outcome::Done(0);
        if call.name == "connect" || has(call, "MSG_FASTOPEN") {
            let stream = self.held(call).and_then(Held::stream);
            tried.opened = stream.and_then(|stream| flow(stream).ok());
        }
        Ok(tried)
    }

    /// The youngest socket of a flow, as the library shows it.
    pub fn info(&self, of: Flow, wanted: Wanted) -> Option<Info> {
        let mut streams = self.table.values().rev().filter_map(Held::stream);
        let stream = streams.find(|stream| flow(stream).ok() == Some(of))?;
        let info = shown::info(&stream.info().ok()?);
        Some(shown::besides(stream, wanted, info))
    }

    fn dispatch(
        &mut self,
        settings: &Settings,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Outcome, Trouble> {
        match call.name.as_str() {
            "socket" => {
                if !has(call, "SOCK_STREAM") || has(call, "AF_INET6") {
                    let what = "sockets other than TCP over IPv4";
                    return Err(Trouble::Unsupported(what.into()));
                }
                Ok(self.insert(call, Kind::Fresh(None), Chosen::default()))
            }
            "close" => Ok(self.close(call)),
            "accept" | "accept4" => Ok(self.accept(call)),
            "poll" => {
                let ready = self.ready()?;
                polling::poll(call, progress.waited(), |fd| shown::events(&ready, fd))
            }
            "epoll_create" | "epoll_create1" => {
                let descriptor = self.free(call);
                Ok(self.epolls.create(descriptor))
            }
            "epoll_ctl" => self.epolls.control(call),
            "epoll_wait" => {
                let ready = self.ready()?;
                self.epolls
                    .wait(call, progress.waited(), |fd| shown::events(&ready, fd))
            }
            "bind" if self.is_taken(settings, call)? => Ok(Outcome::Failed("EADDRINUSE")),
            _ => self.of_socket(settings, call, progress),
        }
    }

    /// A call of one socket.
    fn of_socket(
        &mut self,
        settings: &Settings,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Outcome, Trouble> {
        let (stack, poller) = (self.stack.clone(), &mut self.poller);
        let at = number(call, 0);
        let Some((at, held)) = at.and_then(|at| Some((at, self.table.get_mut(&at)?))) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        let was_fresh = matches!(held.kind, Kind::Fresh(_));
        let outcome = held.call(&stack, settings, call, progress)?;
        if was_fresh {
            held.watch(poller, at)?;
        }
        if !was_fresh || !matches!(outcome, Outcome::WaitOr("EINPROGRESS")) {
            return Ok(outcome);
        }
        // With a cookie the peer is not waited for.
        let ready = shown::events(&self.ready()?, at)?;
        let Some(held) = self.table.get_mut(&at).filter(|_| ready == POLLOUT) else {
            return Ok(outcome);
        };
        held.is_connected_at_once();
        match call.name.as_str() {
            "connect" => Ok(Outcome::Done(0)),
            _ => held.write(call, progress),
        }
    }

    /// True when one of the script's listeners is bound to what `bind` names: the daemon says so only when
    /// one listens there, too.
    fn is_taken(&self, settings: &Settings, call: &Call) -> Result<bool, Trouble> {
        let wanted = named(settings, call)?;
        let mut others = self.table.values();
        Ok(
            others
                .any(|held| matches!(held.kind, Kind::Listening(_)) && held.bound == Some(wanted)),
        )
    }

    fn accept(&mut self, call: &Call) -> Outcome {
        let (accepted, chosen) = match self.held(call) {
            None => return Outcome::Failed("EBADF"),
            Some(held) => match &held.kind {
                Kind::Listening(listener) => (listener.accept(), held.chosen.clone()),
                _ => return Outcome::Failed("EINVAL"),
            },
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => return failed(&error),
        };
        let prepared = stream
            .set_nonblocking(true)
            .and_then(|()| chosen.apply_linger(&stream));
        if let Err(error) = prepared {
            return failed(&error);
        }
        self.insert(call, Kind::Stream(stream), chosen)
    }

    fn close(&mut self, call: &Call) -> Outcome {
        if let Some(closing) = self.closing.take_if(|closing| closing.is_finished()) {
            // It has nothing to tell but its end.
            let _ = closing.join();
            return Outcome::Done(0);
        }
        if self.closing.is_some() {
            return Outcome::Wait;
        }
        let Some(descriptor) = number(call, 0) else {
            return Outcome::Failed("EBADF");
        };
        if self.epolls.close(descriptor) {
            return Outcome::Done(0);
        }
        let Some(held) = self.table.remove(&descriptor) else {
            return Outcome::Failed("EBADF");
        };
        let lingers = held.chosen.linger().is_some_and(|time| !time.is_zero());
        if let (true, Some(stream)) = (lingers, held.stream()) {
            // A blocking stream waits when it is dropped.
            let _ = stream.set_nonblocking(false);
            self.closing = Some(std::thread::spawn(move || drop(held)));
            return Outcome::Wait;
        }
        drop(held);
        // What was queued goes with the next turn of the library.
        match self.poller.wait(&mut Vec::new(), Some(Duration::ZERO)) {
            Ok(_) => Outcome::Done(0),
            Err(error) => failed(&error),
        }
    }

    fn insert(&mut self, call: &Call, kind: Kind, chosen: Chosen) -> Outcome {
        let descriptor = self.free(call);
        let held = Held::new(kind, has(call, "SOCK_NONBLOCK"), chosen);
        if held.watch(&mut self.poller, descriptor).is_err() {
            return Outcome::Failed("ECONNRESET");
        }
        self.table.insert(descriptor, held);
        Outcome::Done(descriptor)
    }

    fn free(&self, call: &Call) -> i64 {
        let last = self.table.last_key_value().map_or(2, |(last, _)| *last);
        let expected = call.result.number().filter(|number| *number >= 0);
        expected.unwrap_or(last + 1)
    }

    fn held(&self, call: &Call) -> Option<&Held> {
        self.table.get(&number(call, 0)?)
    }

    /// Everything that is ready now.
    fn ready(&mut self) -> Result<Vec<(usize, Readiness)>, Trouble> {
        let mut ready = Vec::new();
        match self.poller.wait(&mut ready, Some(Duration::ZERO)) {
            Ok(_) => Ok(ready),
            Err(error) => Err(Trouble::Difference(format!("poll: {error}"))),
        }
    }
}

/// What poll says of a socket that can be written to and has nothing else to tell.
const POLLOUT: u32 = 4;

/// Both ends of a stream.
fn flow(stream: &TcpStream) -> io::Result<Flow> {
    Ok(Flow {
        local: Endpoint::from(stream.local_addr()?),
        remote: Endpoint::from(stream.peer_addr()?),
    })
}
