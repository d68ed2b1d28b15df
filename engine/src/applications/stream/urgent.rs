//! Urgent data of a connection: what is sent with a mark, and how the application gets to one and past it.
//!
//! Bytes are published up to the mark, and none behind it before the application has read those and reads on. So it
//! knows by its own count when it stands at the mark.

use coremill_ring::command::SendMark;
use coremill_ring::socket_state::Flags;
use coremill_tcp::error::SendError;
use coremill_tcp::snapshot::Look;

use super::{Progress, Stream, Tools, Turn};
use crate::applications::subscribers::{READABLE, URGENT};

impl Stream {
    /// Sends bytes of which more is said.
    #[cold]
    pub(super) fn send_marked(
        &self,
        bytes: &[u8],
        mark: SendMark,
        turn: &mut Turn<'_>,
    ) -> Result<usize, SendError> {
        let (now, connection) = (turn.now, self.connection);
        match mark {
            SendMark::More => turn.shard.send_more_promised(now, connection, bytes),
            SendMark::Urgent => match turn.shard.send_urgent_promised(now, connection, bytes) {
                // Nobody waits for an answer: the bytes are sent all the same, and it was counted.
                Err(SendError::NoExtension) => turn.shard.send_promised(now, connection, bytes),
                sent => sent,
            },
        }
    }

    /// The application has read `read` bytes and reads on, if that is all it was given; gives how many more it was given.
    pub(in crate::applications) fn go_on(&mut self, read: u64, tools: &mut Tools<'_, '_>) -> u64 {
        if read != tools.state.received() || !self.is_at_mark(tools) {
            return 0;
        }
        let turn = &mut *tools.turn;
        turn.shard.pass_mark(turn.now, self.connection);
        let mut progress = Progress::default();
        if self.is_at_mark(tools) {
            // In line: what is read first passes it.
            self.take_piece(tools, &mut progress);
        }
        progress.bytes
    }

    fn is_at_mark(&self, tools: &Tools<'_, '_>) -> bool {
        let look = self.look(tools);
        look.is_some_and(|look| self.stands_at_mark(&look))
    }

    /// Nothing is published before the application goes on.
    #[cold]
    pub(super) fn stands_at_mark(&self, look: &Look) -> bool {
        let is_at_mark = look.mark.is_some_and(|mark| mark.bytes_before == 0);
        is_at_mark && !self.discards
    }

    /// Says where the mark is, after what was published before it.
    #[cold]
    pub(super) fn tell_of_mark(&self, look: &Look, stands: bool, progress: &mut Progress) {
        let Some(mark) = look.mark else {
            return;
        };
        if mark.is_here {
            progress.flags = progress.flags.and(Flags::URGENT);
            progress.edges |= URGENT;
        }
        let is_reached = mark.bytes_before > 0 && progress.bytes == mark.bytes_before as u64;
        if stands || is_reached && !self.discards {
            progress.flags = progress.flags.and(Flags::MARK);
            if mark.has_more {
                progress.flags = progress.flags.and(Flags::BEHIND);
                progress.edges |= READABLE;
            }
        }
        // Nobody reads: what is behind the mark goes where the rest went.
        progress.has_more |= self.discards && is_reached && mark.has_more;
    }
}
