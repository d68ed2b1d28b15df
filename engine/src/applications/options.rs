//! Options of sockets: which number of the ring is which of the machine's, and where a socket of each kind keeps them.
//!
//! What values an option may have, and what follows from it, the machine says (`coremill_tcp::options`).

use coremill_ring::handle::Handle;
use coremill_ring::option as ring;
use coremill_tcp::options::{OptionError, SocketOption, SocketOptions};
use rustix::io::Errno;

use super::domain::Domain;
use super::errno;
use super::opening::Answer;
use super::socket_table::{Kind, Place, Slot, Socket};
use super::turn::Turn;

/// The machine's name of each option that it keeps.
const OPTIONS: &[(u32, SocketOption)] = &[
    (ring::TOS, SocketOption::Tos),
    (ring::TTL, SocketOption::Ttl),
    (ring::MTU_DISCOVER, SocketOption::MtuDiscover),
    (ring::MIN_TTL, SocketOption::MinTtl),
    (ring::NO_DELAY, SocketOption::NoDelay),
    (ring::CORK, SocketOption::Cork),
    (ring::QUICK_ACK, SocketOption::QuickAck),
    (ring::KEEPALIVE, SocketOption::Keepalive),
    (ring::KEEPALIVE_IDLE, SocketOption::KeepaliveIdle),
    (ring::KEEPALIVE_INTERVAL, SocketOption::KeepaliveInterval),
    (ring::KEEPALIVE_COUNT, SocketOption::KeepaliveCount),
    (ring::SYN_COUNT, SocketOption::SynCount),
    (ring::DEFER_ACCEPT, SocketOption::DeferAccept),
    (ring::URGENT_INLINE, SocketOption::UrgentInline),
    (ring::STATISTICS, SocketOption::Statistics),
    (ring::FIN_WAIT_2, SocketOption::FinWait2),
    (ring::USER_TIMEOUT, SocketOption::UserTimeout),
    (ring::UNSENT_LOW_WATER, SocketOption::UnsentLowWater),
    (ring::WINDOW_CLAMP, SocketOption::WindowClamp),
    (ring::CONGESTION, SocketOption::Congestion),
    (ring::PACING_RATE_MAX, SocketOption::PacingRateMax),
    (ring::FAST_OPEN, SocketOption::FastOpen),
    (ring::FAST_OPEN_CONNECT, SocketOption::FastOpenConnect),
    (ring::FAST_OPEN_NO_COOKIE, SocketOption::FastOpenNoCookie),
    (ring::SEND_BUFFER, SocketOption::SendBuffer),
    (ring::RECEIVE_BUFFER, SocketOption::ReceiveBuffer),
];

impl Domain {
    /// Sets an option, of a listener for all connections that it accepts from now on.
    pub(super) fn set_option(
        &mut self,
        handle: Handle,
        (option, value): (u32, u64),
        turn: &mut Turn<'_>,
    ) -> Answer {
        self.try_set_option(handle, option, value.cast_signed(), turn)
            .map_err(errno::number)?;
        Ok((None, 0))
    }

    fn try_set_option(
        &mut self,
        handle: Handle,
        option: u32,
        value: i64,
        turn: &mut Turn<'_>,
    ) -> Result<(), Errno> {
        if option == ring::AO_INFO {
            return self.set_ao(handle, value.cast_unsigned(), turn);
        }
        let socket = self.socket_of(handle)?;
        if option == ring::LINGER {
            // Off, or no time at all. With a time, closing goes on behind the application's back, as without.
            socket.resets_on_close = value == 1;
            return Ok(());
        }
        let option = named(option)?;
        let done = match &mut socket.kind {
            Kind::Unconnected { .. } => {
                let mut options = self.sockets.options(handle).map_err(of_option)?;
                options
                    .set(option, value, turn.shard.limits())
                    .and_then(|()| self.sockets.choose(handle, &options))
            }
            Kind::Stream(stream) => {
                let connection = stream.connection;
                turn.shard.set_option(turn.now, connection, option, value)
            }
            Kind::Listener { number } => {
                let number = *number;
                return self.set_for_accepted(number, option, value, turn);
            }
        };
        done.map_err(of_option)
    }

    /// All workers follow what was agreed on.
    fn set_for_accepted(
        &self,
        number: u32,
        option: SocketOption,
        value: i64,
        turn: &mut Turn<'_>,
    ) -> Result<(), Errno> {
        let agreements = &self.attachment.agreements;
        let mut table = agreements.table();
        let agreed = table.get_mut(number as usize).ok_or(Errno::BADF)?;
        let options = &mut agreed.options;
        options
            .set(option, value, turn.shard.limits())
            .map_err(of_option)?;
        agreements.changed();
        turn.wake_all();
        Ok(())
    }

    /// What an option is.
    pub(super) fn get_option(
        &mut self,
        handle: Handle,
        option: u32,
        turn: &mut Turn<'_>,
    ) -> Answer {
        let value = self
            .try_get_option(handle, option, turn)
            .map_err(errno::number)?;
        Ok((None, value.cast_unsigned()))
    }

    fn try_get_option(
        &mut self,
        handle: Handle,
        option: u32,
        turn: &mut Turn<'_>,
    ) -> Result<i64, Errno> {
        if let Some(part) = coremill_ring::ao::asked(option) {
            return self.ao_part(handle, part, turn).map(u64::cast_signed);
        }
        let socket = self.socket_of(handle)?;
        let option = named(option)?;
        let get = |options: &SocketOptions| options.get(option, turn.shard.limits());
        match &socket.kind {
            Kind::Unconnected { .. } => {
                let options = self.sockets.options(handle);
                options.as_ref().map(get).map_err(|error| of_option(*error))
            }
            Kind::Stream(stream) => turn
                .shard
                .option(stream.connection, option)
                .map_err(of_option),
            Kind::Listener { number } => {
                let number = *number as usize;
                let table = self.attachment.agreements.table();
                let agreed = table.get(number).ok_or(Errno::BADF)?;
                Ok(get(&agreed.options))
            }
        }
    }

    pub(super) fn socket_of(&mut self, handle: Handle) -> Result<&mut Socket, Errno> {
        match self.sockets.find(handle) {
            Some(Place {
                slot:
                    Slot {
                        socket: Some(socket),
                        ..
                    },
                ..
            }) => Ok(socket),
            _ => Err(Errno::BADF),
        }
    }
}

fn named(number: u32) -> Result<SocketOption, Errno> {
    let found = OPTIONS.iter().find(|(known, _)| *known == number);
    found.map(|(_, option)| *option).ok_or(Errno::NOPROTOOPT)
}

fn of_option(error: OptionError) -> Errno {
    match error {
        OptionError::Invalid => Errno::INVAL,
        OptionError::NoAlgorithm => Errno::NOENT,
        OptionError::NotAllowed => Errno::PERM,
        OptionError::Off => Errno::OPNOTSUPP,
        OptionError::Unknown => Errno::NOPROTOOPT,
        OptionError::NoRoom => Errno::NOBUFS,
        OptionError::NoSocket => Errno::BADF,
    }
}
