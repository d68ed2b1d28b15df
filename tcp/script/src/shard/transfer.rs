//! Bytes in and out: read and write in all their forms.

use coremill_tcp::error::{ReceiveError, SendError};
use coremill_tcp::{State, UrgentError};

use super::opening::remote;
use super::refusals::{name_of, not_connected};
use super::sockets::{Kind, Sockets, Surroundings};
use crate::amounts::{refuse_flags, wanted};
use crate::language::Call;
use crate::subject::{Outcome, Progress};
use crate::verdict::Trouble;

impl Sockets {
    pub(super) fn read(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Outcome, Trouble> {
        let wanted = wanted(call)?;
        let flags = call.arguments.iter().any(|value| value.has("MSG_WAITALL"));
        let is_peek = call.arguments.iter().any(|value| value.has("MSG_PEEK"));
        refuse_flags(call, READ_FLAGS)?;
        let Some(socket) = self.of_mut(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        let Kind::Connection(id) = socket.kind else {
            return Ok(Outcome::Failed("ENOTCONN"));
        };
        let (now, shard) = (around.machine.now, &mut around.machine.shard);
        if call.arguments.iter().any(|value| value.has("MSG_OOB")) {
            return Ok(urgent(shard.receive_urgent(now, id, is_peek)));
        }
        while progress.moved < wanted {
            // Where something was read already, nothing is read across a mark.
            let is_at_mark = shard
                .urgent_mark(id)
                .is_some_and(|mark| mark.bytes_before == 0);
            if is_at_mark && progress.moved > 0 {
                return Ok(done(progress));
            }
            match shard.receive_slice(id) {
                Ok([]) if is_at_mark && !is_peek => {
                    shard.pass_mark(now, id);
                    break;
                }
                Ok([]) => break,
                Ok(slice) => {
                    let count = slice.len().min(wanted - progress.moved);
                    progress.moved += count;
                    if is_peek {
                        break;
                    }
                    shard.consume(now, id, count);
                }
                Err(_) if progress.moved > 0 => return Ok(done(progress)),
                Err(ReceiveError::Failed(error)) => {
                    // It is told once; after it comes the end of the stream.
                    let was_told = std::mem::replace(&mut socket.is_error_told, true);
                    return Ok(if was_told {
                        Outcome::Done(0)
                    } else {
                        Outcome::Failed(name_of(error))
                    });
                }
                Err(ReceiveError::NotConnected) => return Ok(Outcome::Wait),
                Err(ReceiveError::EndOfStream | ReceiveError::NoConnection) => {
                    return Ok(Outcome::Done(0));
                }
            }
        }
        let is_enough = progress.moved == wanted || (progress.moved > 0 && !flags);
        Ok(if is_enough || socket.is_read_shut {
            done(progress)
        } else {
            Outcome::Wait
        })
    }

    pub(super) fn write(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Outcome, Trouble> {
        let wanted = wanted(call)?;
        let known = [
            "MSG_DONTWAIT",
            "MSG_NOSIGNAL",
            "MSG_MORE",
            "MSG_OOB",
            "MSG_FASTOPEN",
        ];
        refuse_flags(call, &known)?;
        let has = |flag| call.arguments.iter().any(|value| value.has(flag));
        if has("MSG_FASTOPEN")
            && let Some(opened) = self.open_fast(around, call, progress, wanted)?
        {
            return Ok(opened);
        }
        let Some(socket) = self.of_mut(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        let Kind::Connection(id) = socket.kind else {
            return Ok(Outcome::Failed("EPIPE"));
        };
        if socket.is_write_shut {
            return Ok(Outcome::Failed("EPIPE"));
        }
        let rest = vec![0; wanted - progress.moved];
        let (now, shard) = (around.machine.now, &mut around.machine.shard);
        let sent = if has("MSG_OOB") {
            shard.send_urgent(now, id, &rest)
        } else if has("MSG_MORE") {
            shard.send_more(now, id, &rest)
        } else {
            shard.send(now, id, &rest)
        };
        match sent {
            Ok(count) => {
                progress.moved += count;
                let is_partial = socket.is_nonblocking && progress.moved > 0;
                // Whoever blocks and sends with the SYN waits for its answer.
                let is_over = socket.state(around.machine) != Some(State::SynSent);
                Ok(if (progress.moved == wanted && is_over) || is_partial {
                    done(progress)
                } else {
                    Outcome::Wait
                })
            }
            Err(SendError::NotConnected) => Ok(Outcome::Wait),
            Err(SendError::Failed(error)) => {
                let was_told = std::mem::replace(&mut socket.is_error_told, true);
                Ok(Outcome::Failed(if was_told {
                    "EPIPE"
                } else {
                    name_of(error)
                }))
            }
            Err(SendError::NoExtension) => Ok(Outcome::Failed("ENOBUFS")),
            Err(SendError::ShutDown | SendError::NoConnection) => Ok(Outcome::Failed("EPIPE")),
        }
    }

    /// sendto with MSG_FASTOPEN of a socket that is not connected; None for one that is.
    fn open_fast(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
        progress: &mut Progress,
        wanted: usize,
    ) -> Result<Option<Outcome>, Trouble> {
        let remote = remote(around, call.arguments.get(4))?;
        let Some(socket) = self.of_mut(call) else {
            return Ok(Some(Outcome::Failed("EBADF")));
        };
        if !matches!(socket.kind, Kind::Fresh) {
            return Ok(None);
        }
        let limits = around.machine.shard.limits();
        if limits.opening.fast_open.bits() & 1 == 0 {
            return Ok(Some(Outcome::Failed("EOPNOTSUPP")));
        }
        let options = socket.towards(around.settings, remote);
        let (now, shard) = (around.machine.now, &mut around.machine.shard);
        match shard.connect_with(now, &options, &vec![0; wanted], &|_| true) {
            Ok((id, taken)) => {
                socket.kind = Kind::Connection(id);
                around.opened = shard.flow(id);
                progress.moved = taken;
                Ok(Some(match taken {
                    0 => Outcome::WaitOr("EINPROGRESS"),
                    _ if socket.is_nonblocking => done(progress),
                    _ => Outcome::Wait,
                }))
            }
            Err(error) => not_connected(error).map(Some),
        }
    }
}

/// What asking for the urgent byte gave: it never waits (as Linux).
fn urgent(byte: Result<u8, UrgentError>) -> Outcome {
    match byte {
        Ok(_) => Outcome::Done(1),
        Err(UrgentError::Nothing) => Outcome::Failed("EINVAL"),
        Err(UrgentError::NotYet) => Outcome::Failed("EAGAIN"),
        Err(UrgentError::EndOfStream) => Outcome::Done(0),
        Err(UrgentError::NoConnection) => Outcome::Failed("ENOTCONN"),
    }
}

fn done(progress: &Progress) -> Outcome {
    Outcome::Done(i64::try_from(progress.moved).unwrap_or(i64::MAX))
}

const READ_FLAGS: &[&str] = &[
    "MSG_DONTWAIT",
    "MSG_WAITALL",
    "MSG_PEEK",
    "MSG_NOSIGNAL",
    "MSG_OOB",
];
