//! Bytes in and out: read and write in all their forms.

use coremill_tcp::error::{ReceiveError, SendError};

use super::sockets::{Kind, Sockets, Surroundings, name_of};
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
        refuse_flags(
            call,
            &["MSG_DONTWAIT", "MSG_WAITALL", "MSG_PEEK", "MSG_NOSIGNAL"],
        )?;
        let Some(socket) = self.of_mut(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        let Kind::Connection(id) = socket.kind else {
            return Ok(Outcome::Failed("ENOTCONN"));
        };
        let (now, shard) = (around.machine.now, &mut around.machine.shard);
        while progress.moved < wanted {
            match shard.receive_slice(id) {
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
        refuse_flags(call, &["MSG_DONTWAIT", "MSG_NOSIGNAL", "MSG_MORE"])?;
        let has_more = call.arguments.iter().any(|value| value.has("MSG_MORE"));
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
        let sent = match has_more {
            true => shard.send_more(now, id, &rest),
            false => shard.send(now, id, &rest),
        };
        match sent {
            Ok(count) => {
                progress.moved += count;
                let is_partial = socket.is_nonblocking && progress.moved > 0;
                Ok(if progress.moved == wanted || is_partial {
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
            Err(SendError::ShutDown | SendError::NoConnection) => Ok(Outcome::Failed("EPIPE")),
        }
    }
}

fn done(progress: &Progress) -> Outcome {
    Outcome::Done(i64::try_from(progress.moved).unwrap_or(i64::MAX))
}
