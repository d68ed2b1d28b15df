//! Passive opens: listen and accept.

use coremill_tcp::error::ListenError;
use coremill_tcp::options::ListenOptions;

use super::keys::refused;
use super::sockets::{Kind, Sockets, Surroundings};
use crate::language::{Call, Value};
use crate::subject::Outcome;
use crate::verdict::Trouble;

impl Sockets {
    pub(super) fn listen(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
    ) -> Result<Outcome, Trouble> {
        let backlog = call.arguments.get(1).and_then(Value::number).unwrap_or(128);
        let backlog = usize::try_from(backlog).unwrap_or(128);
        let shard = &mut around.machine.shard;
        let Some(socket) = self.of_mut(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        match socket.kind {
            Kind::Connection(_) => return Ok(Outcome::Failed("EINVAL")),
            Kind::Listening(id) => {
                return Ok(match shard.set_backlog(id, backlog) {
                    Ok(()) => Outcome::Done(0),
                    Err(_) => Outcome::Failed("EINVAL"),
                });
            }
            Kind::Fresh => {}
        }
        let Some(local) = socket.bound else {
            return Err(Trouble::Unsupported("listen without bind".into()));
        };
        let options = ListenOptions {
            local,
            backlog,
            queued: std::sync::Arc::default(),
            cookie: 0,
            socket: socket.options,
        };
        match shard.listen(options) {
            Ok(id) => {
                socket.kind = Kind::Listening(id);
                around.listens = true;
                let keys = socket.keys.drain(..);
                if let Err(error) = shard.set_listener_keys(id, keys) {
                    return Ok(refused(error));
                }
                Ok(Outcome::Done(0))
            }
            Err(ListenError::AddressInUse(_)) => Ok(Outcome::Failed("EADDRINUSE")),
            Err(error) => Err(Trouble::Difference(error.to_string())),
        }
    }

    pub(super) fn accept(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
    ) -> Result<Outcome, Trouble> {
        let Some(socket) = self.of(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        let Kind::Listening(listener) = socket.kind else {
            return Ok(Outcome::Failed("EINVAL"));
        };
        let options = socket.options;
        let flags = call.arguments.get(3);
        let is_nonblocking = flags.is_some_and(|flags| flags.has("SOCK_NONBLOCK"));
        let Some(id) = around.machine.shard.accept(listener) else {
            return Ok(Outcome::Wait);
        };
        Ok(self.insert(call, Kind::Connection(id), options, is_nonblocking))
    }
}
