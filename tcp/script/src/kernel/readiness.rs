//! poll and epoll, asked of the kernel without waiting: whoever plays the script waits.

use std::os::fd::AsFd as _;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec};

use super::calls::{Sockets, failed, number};
use crate::language::{Call, Value};
use crate::polling::{self, bits};
use crate::subject::{Outcome, Progress};
use crate::verdict::Trouble;

impl Sockets {
    pub(super) fn poll(&self, call: &Call, progress: &Progress) -> Result<Outcome, Trouble> {
        let wanted = |descriptor: i64| {
            let asked = call.arguments.first().map(Value::list).unwrap_or_default();
            let is_it =
                |entry: &&Value| entry.field("fd").and_then(Value::number) == Some(descriptor);
            bits(
                asked
                    .iter()
                    .find(is_it)
                    .and_then(|entry| entry.field("events")),
            )
        };
        polling::poll(call, progress.waited(), |descriptor| {
            let Some(held) = self.get(descriptor) else {
                return Err(Trouble::Unsupported("poll of anything but sockets".into()));
            };
            let wanted = u16::try_from(wanted(descriptor)?).unwrap_or(0);
            let mut asked = [PollFd::new(
                &held.socket,
                PollFlags::from_bits_retain(wanted),
            )];
            let now = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            match rustix::event::poll(&mut asked, Some(&now)) {
                Ok(_) => Ok(u32::from(asked[0].revents().bits())),
                Err(error) => Err(Trouble::Difference(format!("poll: {error}"))),
            }
        })
    }

    pub(super) fn epoll(&mut self, call: &Call, progress: &Progress) -> Result<Outcome, Trouble> {
        if call.name.starts_with("epoll_create") {
            let descriptor = self.free(call);
            return Ok(match epoll::create(CreateFlags::CLOEXEC) {
                Ok(opened) => {
                    self.epolls.insert(descriptor, opened);
                    Outcome::Done(descriptor)
                }
                Err(error) => failed(&error.into()),
            });
        }
        let Some(watcher) = number(call, 0).and_then(|at| self.epolls.get(&at)) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        match call.name.as_str() {
            "epoll_ctl" => self.control(watcher.as_fd(), call),
            "epoll_wait" => {
                let mut events = Vec::with_capacity(EVENTS_MAX);
                let now = Timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                };
                let buffer = rustix::buffer::spare_capacity(&mut events);
                if let Err(error) = epoll::wait(watcher, buffer, Some(&now)) {
                    return Ok(failed(&error.into()));
                }
                let found: Vec<_> = events
                    .iter()
                    .map(|event| {
                        let (data, flags) = (event.data, event.flags);
                        (data.u64().cast_signed(), flags.bits())
                    })
                    .collect();
                polling::waited_for(call, progress.waited(), &found)
            }
            name => Err(Trouble::Unsupported(format!("system call {name}"))),
        }
    }

    fn control(
        &self,
        watcher: std::os::fd::BorrowedFd<'_>,
        call: &Call,
    ) -> Result<Outcome, Trouble> {
        let Some(descriptor) = number(call, 2) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        let Some(held) = self.get(descriptor) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        let events = bits(
            call.arguments
                .get(3)
                .and_then(|event| event.field("events")),
        )?;
        let events = EventFlags::from_bits_retain(events);
        let data = EventData::new_u64(descriptor.cast_unsigned());
        let done = match call.arguments.get(1).and_then(Value::word) {
            Some("EPOLL_CTL_ADD") => epoll::add(watcher, &held.socket, data, events),
            Some("EPOLL_CTL_MOD") => epoll::modify(watcher, &held.socket, data, events),
            Some("EPOLL_CTL_DEL") => epoll::delete(watcher, &held.socket),
            other => {
                let what = format!("epoll_ctl {}", other.unwrap_or_default());
                return Err(Trouble::Unsupported(what));
            }
        };
        Ok(match done {
            Ok(()) => Outcome::Done(0),
            Err(error) => failed(&error.into()),
        })
    }
}

const EVENTS_MAX: usize = 64;
