//! Commands about urgent data: reading on at the mark, and the byte out of line.

use coremill_ring::command::{NO_URGENT_BYTE, SendMark};
use coremill_ring::handle::Handle;
use coremill_ring::untrusted::Violation;
use coremill_tcp::UrgentError;
use rustix::io::Errno;

use super::domain::Domain;
use super::errno;
use super::opening::Answer;
use super::subscribers::READABLE;
use super::turn::Turn;

impl Domain {
    /// As `send`, of bytes of which more is said.
    pub(super) fn send_marked(
        &mut self,
        handle: Handle,
        (offset, read): (u64, u64),
        (payload, mark): (&[u8], SendMark),
        turn: &mut Turn<'_>,
    ) -> Result<usize, Violation> {
        let sent = self.with_stream(handle, turn, |stream, tools| {
            let came_back = stream.take_back(read, tools)?;
            let sent = stream.send_inline(offset, (payload, Some(mark)), tools)?;
            let look = stream.look(tools);
            let has_room = look.is_some_and(|look| stream.publish_sent(&look, tools));
            Ok((came_back, has_room, sent))
        })?;
        match sent {
            Some(sent) => self.after_send(handle.slot, sent, payload, turn),
            None => Ok(payload.len()),
        }
    }

    /// The application has read up to the mark, and reads on.
    pub(super) fn pass_mark(
        &mut self,
        handle: Handle,
        read: u64,
        turn: &mut Turn<'_>,
    ) -> Result<(), Violation> {
        let published = self.with_stream(handle, turn, |stream, tools| {
            stream.take_back(read, tools)?;
            let bytes = stream.go_on(read, tools);
            if bytes > 0 {
                tools.state.raise_readable();
            }
            Ok(bytes)
        })?;
        let bytes = published.unwrap_or(0);
        self.counts.received_bytes += bytes;
        if bytes > 0 {
            self.mark(handle.slot, READABLE);
        }
        self.look_after(handle.slot, turn)
    }

    /// The urgent byte.
    pub(super) fn take_urgent(
        &mut self,
        handle: Handle,
        is_peek: bool,
        turn: &mut Turn<'_>,
    ) -> Result<Answer, Violation> {
        let taken = self.with_stream(handle, turn, |stream, tools| {
            let turn = &mut *tools.turn;
            let taken = turn
                .shard
                .receive_urgent(turn.now, stream.connection, is_peek);
            Ok(taken)
        })?;
        // That it was read changes what the state says.
        self.look_after(handle.slot, turn)?;
        Ok(match taken.unwrap_or(Err(UrgentError::NoConnection)) {
            Ok(byte) => Ok((None, u64::from(byte))),
            Err(UrgentError::EndOfStream) => Ok((None, NO_URGENT_BYTE)),
            Err(UrgentError::Nothing) => Err(errno::number(Errno::INVAL)),
            Err(UrgentError::NotYet) => Err(errno::number(Errno::AGAIN)),
            Err(UrgentError::NoConnection) => Err(errno::number(Errno::NOTCONN)),
        })
    }
}
