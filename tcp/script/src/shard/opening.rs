//! Active opens: connect, and what it says while the handshake lasts.

use coremill_tcp::address::Endpoint;
use coremill_tcp::authentication::KeyRing;
use coremill_tcp::options::ConnectOptions;
use coremill_tcp::{ConnectionId, State};

use super::Stack;
use super::keys::refused;
use super::refusals::{name_of, not_connected};
use super::sockets::{Kind, Socket, Sockets, Surroundings};
use crate::call_address::endpoint;
use crate::language::{Call, Value};
use crate::settings::Settings;
use crate::subject::Outcome;
use crate::verdict::Trouble;

impl Sockets {
    pub(super) fn connect(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
    ) -> Result<Outcome, Trouble> {
        let remote = remote(around, call.arguments.get(1))?;
        let Some(socket) = self.of_mut(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        match socket.kind {
            Kind::Listening(_) => return Ok(Outcome::Failed("EISCONN")),
            Kind::Connection(id) => return Ok(socket.connecting(around.machine, id)),
            Kind::Fresh => {}
        }
        let options = socket.towards(around.settings, remote);
        let now = around.machine.now;
        let shard = &mut around.machine.shard;
        let mut keys = KeyRing::default();
        for key in socket.keys.drain(..) {
            if let Err(error) = shard.add_key(&mut keys, key) {
                shard.release_keys(&mut keys);
                return Ok(refused(error));
            }
        }
        match shard.connect_with_keys(now, &options, &mut keys, &|_| true) {
            Ok(id) => {
                socket.kind = Kind::Connection(id);
                around.opened = around.machine.shard.flow(id);
                // It waits for data to go with the SYN.
                let is_deferred = around.machine.shard.send_room(id) > 0;
                socket.is_connect_told = is_deferred;
                Ok(match is_deferred {
                    true => Outcome::Done(0),
                    false => Outcome::WaitOr("EINPROGRESS"),
                })
            }
            Err(error) => not_connected(error),
        }
    }
}

impl Socket {
    /// An active open of this socket.
    pub(super) fn towards(&self, settings: &Settings, remote: Endpoint) -> ConnectOptions {
        ConnectOptions {
            source: settings.local.into(),
            source_port: self.bound.map(|bound| bound.port),
            remote,
            mtu: settings.mtu,
            cookie: 0,
            socket: self.options,
        }
    }

    /// What `connect` says of an active open under way.
    fn connecting(&mut self, machine: &mut Stack, id: ConnectionId) -> Outcome {
        if let Some(error) = machine.shard.error(id) {
            return match std::mem::replace(&mut self.is_error_told, true) {
                false => Outcome::Failed(name_of(error)),
                true => Outcome::Failed("ECONNABORTED"),
            };
        }
        match self.state(machine) {
            Some(State::SynSent | State::SynReceived) => Outcome::WaitOr("EALREADY"),
            _ if self.is_connect_told => Outcome::Failed("EISCONN"),
            _ => {
                self.is_connect_told = true;
                Outcome::Done(0)
            }
        }
    }
}

/// The peer that an argument names, or the usual one.
pub(super) fn remote(
    around: &Surroundings<'_>,
    argument: Option<&Value>,
) -> Result<Endpoint, Trouble> {
    let settings = around.settings;
    let standard = Endpoint::new(settings.remote.into(), settings.connect_port);
    endpoint(argument, standard)
}
