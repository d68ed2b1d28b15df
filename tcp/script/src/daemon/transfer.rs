//! Bytes in and out of an application's streams.

use std::io::{self, Read as _, Write as _};

use super::held::{Held, failed, has};
use crate::amounts::{refuse_flags, wanted};
use crate::language::Call;
use crate::subject::{Outcome, Progress};
use crate::verdict::Trouble;

impl Held {
    pub(super) fn read(&self, call: &Call, progress: &mut Progress) -> Result<Outcome, Trouble> {
        let wanted = wanted(call)?;
        let known = [
            "MSG_DONTWAIT",
            "MSG_WAITALL",
            "MSG_PEEK",
            "MSG_NOSIGNAL",
            "MSG_OOB",
        ];
        refuse_flags(call, &known)?;
        let (is_all, is_peek) = (has(call, "MSG_WAITALL"), has(call, "MSG_PEEK"));
        let Some(mut stream) = self.stream() else {
            return Ok(Outcome::Failed("ENOTCONN"));
        };
        if has(call, "MSG_OOB") {
            return Ok(urgent(match is_peek {
                true => stream.peek_urgent(),
                false => stream.read_urgent(),
            }));
        }
        while progress.moved < wanted {
            // Where something was read already, nothing is read across a mark.
            if progress.moved > 0 && (!is_all || stream.at_mark().unwrap_or(false)) {
                break;
            }
            let mut room = vec![0; wanted - progress.moved];
            let got = match is_peek {
                true => stream.peek(&mut room),
                false => stream.read(&mut room),
            };
            match got {
                Ok(0) => break,
                Ok(count) => progress.moved += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if progress.moved > 0 && !is_all {
                        break;
                    }
                    return Ok(Outcome::Wait);
                }
                // What was read before is told first.
                Err(_) if progress.moved > 0 => break,
                Err(error) => return Ok(failed(&error)),
            }
            if is_peek {
                break;
            }
        }
        Ok(moved(progress))
    }

    pub(super) fn write(&self, call: &Call, progress: &mut Progress) -> Result<Outcome, Trouble> {
        let wanted = wanted(call)?;
        refuse_flags(
            call,
            &[
                "MSG_DONTWAIT",
                "MSG_NOSIGNAL",
                "MSG_MORE",
                "MSG_OOB",
                "MSG_FASTOPEN",
            ],
        )?;
        let Some(mut stream) = self.stream() else {
            return Ok(Outcome::Failed("EPIPE"));
        };
        while progress.moved < wanted {
            let rest = vec![0; wanted - progress.moved];
            let written = if has(call, "MSG_OOB") {
                stream.send_urgent(&rest)
            } else if has(call, "MSG_MORE") {
                stream.write_more(&rest)
            } else {
                stream.write(&rest)
            };
            match written {
                Ok(count) => progress.moved += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if progress.moved > 0 && self.is_nonblocking {
                        break;
                    }
                    return Ok(Outcome::Wait);
                }
                Err(_) if progress.moved > 0 => break,
                Err(error) => return Ok(failed(&error)),
            }
        }
        Ok(moved(progress))
    }
}

/// What asking for the urgent byte gave: it never waits.
fn urgent(byte: io::Result<u8>) -> Outcome {
    match byte {
        Ok(_) => Outcome::Done(1),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Outcome::Failed("EAGAIN"),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Outcome::Done(0),
        Err(error) => failed(&error),
    }
}

fn moved(progress: &Progress) -> Outcome {
    Outcome::Done(i64::try_from(progress.moved).unwrap_or(i64::MAX))
}
