//! Bytes in and out: read and write in all their forms.

use coremill_tcp::error::{ReceiveError, SendError};

use super::sockets::{Kind, Sockets, Surroundings, name_of};
use crate::language::{Call, Value};
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
        refuse_flags(call, &["MSG_DONTWAIT", "MSG_NOSIGNAL"])?;
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
        match shard.send(now, id, &rest) {
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

/// Bytes that the call asks for.
fn wanted(call: &Call) -> Result<usize, Trouble> {
    let count = match call.name.as_str() {
        "readv" | "writev" => call.arguments.get(1).map(pieces),
        "recvmsg" | "sendmsg" => call
            .arguments
            .get(1)
            .and_then(|message| message.field("msg_iov"))
            .map(pieces),
        _ => call.arguments.get(2).and_then(Value::number),
    };
    count
        .and_then(|count| usize::try_from(count).ok())
        .filter(|count| *count <= BYTES_MAX)
        .ok_or_else(|| Trouble::Unsupported(format!("{} of this length", call.name)))
}

/// Lengths of a vector of buffers together.
fn pieces(vector: &Value) -> i64 {
    let lengths = vector.list().iter().filter_map(|piece| match piece {
        Value::Record(fields) => fields.last().and_then(|(_, length)| length.number()),
        _ => None,
    });
    lengths.sum()
}

/// A flag that would change what the call does, but is not known here.
fn refuse_flags(call: &Call, known: &[&str]) -> Result<(), Trouble> {
    for value in &call.arguments {
        if let Value::Words(words) = value
            && let Some(word) = words
                .iter()
                .find(|word| word.starts_with("MSG_") && !known.contains(&word.as_str()))
        {
            return Err(Trouble::Unsupported(format!("{}({word})", call.name)));
        }
    }
    Ok(())
}

/// No script moves more in one call.
const BYTES_MAX: usize = 64 << 20;
