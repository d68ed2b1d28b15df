//! poll(2) and epoll(7): what a script asks for and expects, beside what is ready.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::language::{Call, Value};
use crate::subject::Outcome;
use crate::symbols;
use crate::verdict::Trouble;

/// What `poll` gives when `look` tells which events a socket is ready for; it is called `waited` after it
/// was first tried.
///
/// # Errors
/// A difference when other events are ready than expected.
pub fn poll(
    call: &Call,
    waited: Duration,
    mut look: impl FnMut(i64) -> Result<u32, Trouble>,
) -> Result<Outcome, Trouble> {
    let asked = call.arguments.first().map(Value::list).unwrap_or_default();
    let (mut ready, mut wrong) = (0, None);
    for entry in asked {
        let descriptor = entry.field("fd").and_then(Value::number).unwrap_or(-1);
        let wanted = bits(entry.field("events"))? | ALWAYS;
        let found = look(descriptor)? & wanted;
        ready += i64::from(found != 0);
        if bits(entry.field("revents"))? != found {
            let events = symbols::events(found).join("|");
            wrong = Some(format!("poll of {descriptor} gives {events}"));
        }
    }
    ended(call, 2, waited, ready, wrong)
}

/// The end of a call that waits for events for as long as its argument `at` says.
fn ended(
    call: &Call,
    at: usize,
    waited: Duration,
    ready: i64,
    wrong: Option<String>,
) -> Result<Outcome, Trouble> {
    let timeout = call.arguments.get(at).and_then(Value::number).unwrap_or(-1);
    let is_over = u128::try_from(timeout).is_ok_and(|timeout| waited.as_millis() >= timeout);
    match wrong {
        _ if ready == 0 && !is_over => Ok(Outcome::Wait),
        Some(wrong) => Err(Trouble::Difference(wrong)),
        None => Ok(Outcome::Done(ready)),
    }
}

/// The script's epoll descriptors and what they watch.
#[derive(Debug, Default)]
pub struct Epolls {
    table: BTreeMap<i64, Vec<Watch>>,
}

#[derive(Clone, Copy, Debug)]
struct Watch {
    descriptor: i64,
    events: u32,
    /// What was ready when it was last looked at; an edge is what was not.
    before: u32,
}

impl Epolls {
    /// Opens one.
    pub fn create(&mut self, descriptor: i64) -> Outcome {
        self.table.insert(descriptor, Vec::new());
        Outcome::Done(descriptor)
    }

    /// Closes one; false when there is none.
    pub fn close(&mut self, descriptor: i64) -> bool {
        self.table.remove(&descriptor).is_some()
    }

    /// `epoll_ctl(epoll, operation, descriptor, {events=...})`
    ///
    /// # Errors
    /// [`Trouble::Unsupported`] for events that are not known.
    pub fn control(&mut self, call: &Call) -> Result<Outcome, Trouble> {
        let Some((watched, descriptor)) = self.named(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        let place = watched.iter().position(|one| one.descriptor == descriptor);
        let events = bits(
            call.arguments
                .get(3)
                .and_then(|event| event.field("events")),
        );
        let operation = call.arguments.get(1).and_then(Value::word);
        let watch = |events| Watch {
            descriptor,
            events,
            before: 0,
        };
        match (operation.unwrap_or_default(), place) {
            ("EPOLL_CTL_ADD", None) => watched.push(watch(events?)),
            ("EPOLL_CTL_ADD", Some(_)) => return Ok(Outcome::Failed("EEXIST")),
            ("EPOLL_CTL_MOD", Some(at)) => watched[at] = watch(events?),
            ("EPOLL_CTL_DEL", Some(at)) => drop(watched.remove(at)),
            ("EPOLL_CTL_MOD" | "EPOLL_CTL_DEL", None) => return Ok(Outcome::Failed("ENOENT")),
            (other, _) => {
                return Err(Trouble::Unsupported(format!("epoll_ctl {other}")));
            }
        }
        Ok(Outcome::Done(0))
    }

    /// `epoll_wait(epoll, {events=..., fd=...}, max, timeout)`
    ///
    /// # Errors
    /// A difference when other events are ready than expected.
    pub fn wait(
        &mut self,
        call: &Call,
        waited: Duration,
        mut look: impl FnMut(i64) -> Result<u32, Trouble>,
    ) -> Result<Outcome, Trouble> {
        let Some((watched, _)) = self.named(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        let mut found = Vec::new();
        for watch in watched {
            let now = look(watch.descriptor)? & (watch.events | ALWAYS);
            let is_edge = watch.events & EDGE == 0 || now & !watch.before != 0;
            watch.before = now;
            if now != 0 && is_edge {
                found.push((watch.descriptor, now));
                if watch.events & ONE_SHOT != 0 {
                    watch.events = 0;
                }
            }
        }
        waited_for(call, waited, &found)
    }

    fn named(&mut self, call: &Call) -> Option<(&mut Vec<Watch>, i64)> {
        let number = |at: usize| call.arguments.get(at).and_then(Value::number);
        Some((self.table.get_mut(&number(0)?)?, number(2)?))
    }
}

/// What `epoll_wait` gives when these descriptors have these events.
///
/// # Errors
/// A difference when the script expects others.
pub fn waited_for(call: &Call, waited: Duration, found: &[(i64, u32)]) -> Result<Outcome, Trouble> {
    let expected = match call.arguments.get(1) {
        Some(Value::List(events)) => events.as_slice(),
        Some(event @ Value::Record(_)) => std::slice::from_ref(event),
        _ => &[],
    };
    let mut wrong = None;
    for (event, (descriptor, events)) in expected.iter().zip(found) {
        let named = event
            .field("fd")
            .or(event.field("u64"))
            .or(event.field("u32"));
        let is_named = named
            .and_then(Value::number)
            .is_none_or(|fd| fd == *descriptor);
        if !is_named || bits(event.field("events"))? & !(EDGE | ONE_SHOT) != *events {
            let names: Vec<_> = symbols::events(*events)
                .iter()
                .map(|name| format!("E{name}"))
                .collect();
            let names = names.join("|");
            wrong = Some(format!("epoll_wait gives {names} of {descriptor}"));
        }
    }
    let ready = i64::try_from(found.len()).unwrap_or(i64::MAX);
    ended(call, 3, waited, ready, wrong)
}

/// Events as bits; none for what is left out.
pub fn bits(value: Option<&Value>) -> Result<u32, Trouble> {
    match value {
        Some(Value::Words(words)) => {
            let bit = |word: &String| {
                symbols::event(word).ok_or_else(|| Trouble::Unsupported(format!("event {word}")))
            };
            words.iter().try_fold(0, |all, word| Ok(all | bit(word)?))
        }
        Some(Value::Number(number)) => Ok(u32::try_from(*number).unwrap_or(0)),
        _ => Ok(0),
    }
}

/// Told whether asked for or not: POLLERR and POLLHUP.
const ALWAYS: u32 = 0x18;
const ONE_SHOT: u32 = 0x4000_0000;
const EDGE: u32 = 0x8000_0000;
