//! Bytes in and out of the kernel's sockets, with Linux's own flags.

use std::io;
use std::os::fd::AsFd as _;

use rustix::net::{RecvFlags, SendFlags, recv, send, sendto};

use super::agent::Agent;
use super::calls::{Held, failed, has, remote};
use crate::amounts::{flags, wanted};
use crate::language::Call;
use crate::settings::Settings;
use crate::subject::{Outcome, Progress};
use crate::verdict::Trouble;

impl Held {
    pub(super) fn read(
        &self,
        agent: &Agent,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Outcome, Trouble> {
        let (wanted, flags) = (wanted(call)?, flags(call)?);
        let is_all = has(call, "MSG_WAITALL");
        let is_urgent = has(call, "MSG_OOB");
        let is_once = !is_all || is_urgent || has(call, "MSG_PEEK");
        let bits = RecvFlags::from_bits_retain(flags & !WAIT_ALL);
        while progress.moved < wanted {
            if progress.moved > 0 && self.at_mark(agent) == Outcome::Done(1) {
                break;
            }
            let mut room = vec![0; wanted - progress.moved];
            match recv(self.socket.as_fd(), room.as_mut_slice(), bits) {
                Ok((0, _)) => break,
                Ok((count, _)) => progress.moved += count,
                Err(rustix::io::Errno::WOULDBLOCK) if is_urgent => {
                    return Ok(Outcome::Failed("EAGAIN"));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    if progress.moved > 0 && !is_all {
                        break;
                    }
                    return Ok(Outcome::Wait);
                }
                // What was read before is told first.
                Err(_) if progress.moved > 0 => break,
                Err(error) => return Ok(failed(&error.into())),
            }
            if is_once {
                break;
            }
        }
        Ok(moved(progress))
    }

    pub(super) fn write(
        &self,
        settings: &Settings,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Outcome, Trouble> {
        let wanted = wanted(call)?;
        let flags = SendFlags::from_bits_retain(flags(call)?) | SendFlags::NOSIGNAL;
        let rest = vec![0; wanted.saturating_sub(progress.moved)];
        let sent = if has(call, "MSG_FASTOPEN") && progress.moved == 0 {
            sendto(self.socket.as_fd(), &rest, flags, &remote(settings, call)?)
        } else {
            // Only the first part connects.
            let flags = flags.difference(SendFlags::from_bits_retain(FAST_OPEN));
            send(self.socket.as_fd(), &rest, flags)
        };
        Ok(match sent {
            Ok(count) => {
                progress.moved += count;
                if progress.moved < wanted && !self.is_nonblocking {
                    return Ok(Outcome::Wait);
                }
                moved(progress)
            }
            Err(error) => match failed(&io::Error::from(error)) {
                Outcome::Failed("EINPROGRESS") => Outcome::WaitOr("EINPROGRESS"),
                outcome => outcome,
            },
        })
    }
}

fn moved(progress: &Progress) -> Outcome {
    Outcome::Done(i64::try_from(progress.moved).unwrap_or(i64::MAX))
}

/// MSG_WAITALL: the socket never blocks, so it is waited for here.
const WAIT_ALL: u32 = 0x100;
/// MSG_FASTOPEN.
const FAST_OPEN: u32 = 0x2000_0000;
