//! System calls: at once, or blocking while other events go on.

use std::time::Duration;

use super::Run;
use crate::language::{Call, Value};
use crate::settings::Settings;
use crate::subject::{Outcome, Progress, Subject, elapsed, point};
use crate::verdict::Trouble;

/// A call that has not returned yet.
#[derive(Clone, Debug)]
pub struct Blocked {
    call: Call,
    line: usize,
    progress: Progress,
    /// When it must return, after the script's start.
    end: Duration,
}

impl<S: Subject, F: FnMut(&Settings) -> Result<S, Trouble>> Run<S, F> {
    /// Calls at `due`; `end` tells when it must return where that is not at once.
    pub(super) fn call(
        &mut self,
        line: usize,
        call: &Call,
        due: Duration,
        end: Option<Duration>,
    ) -> Result<(), Trouble> {
        // One thread calls: the call before must have returned.
        self.await_blocked()?;
        self.line = line;
        let mut progress = Progress {
            started: self.subject()?.now(),
            waited: Duration::ZERO,
            moved: 0,
        };
        match self.attempt(call, &mut progress)? {
            Outcome::Wait | Outcome::WaitOr(_) => {
                let Some(end) = end else {
                    let what = format!("{} blocks, but must return at once", call.name);
                    return Err(Trouble::Difference(what));
                };
                self.blocked = Some(Blocked {
                    call: call.clone(),
                    line,
                    progress,
                    end,
                });
                // What it has sent may have come back already.
                self.retry_blocked()
            }
            outcome => {
                let started = elapsed(progress.started);
                self.returned(call, outcome, (started, end.unwrap_or(due)))
            }
        }
    }

    /// Tries the blocked call again, if there is one.
    pub(super) fn retry_blocked(&mut self) -> Result<(), Trouble> {
        let Some(mut blocked) = self.blocked.take() else {
            return Ok(());
        };
        let line = std::mem::replace(&mut self.line, blocked.line);
        let outcome = self.attempt(&blocked.call, &mut blocked.progress)?;
        if matches!(outcome, Outcome::Wait | Outcome::WaitOr(_)) {
            self.blocked = Some(blocked);
        } else {
            let span = (elapsed(blocked.progress.started), blocked.end);
            self.returned(&blocked.call, outcome, span)?;
        }
        self.line = line;
        Ok(())
    }

    /// Lets time pass until the blocked call has returned.
    pub(super) fn await_blocked(&mut self) -> Result<(), Trouble> {
        let Some(blocked) = &self.blocked else {
            return Ok(());
        };
        let (line, name) = (blocked.line, blocked.call.name.clone());
        let waited = blocked
            .end
            .saturating_sub(elapsed(blocked.progress.started));
        let latest = point(blocked.end + self.settings.tolerance + self.lateness(waited));
        while self.blocked.is_some() {
            if self.subject()?.now() >= latest {
                self.line = line;
                let what = format!("{name} blocks for longer than it must");
                return Err(Trouble::Difference(what));
            }
            self.subject()?.step(latest)?;
            self.retry_blocked()?;
        }
        Ok(())
    }

    fn attempt(&mut self, call: &Call, progress: &mut Progress) -> Result<Outcome, Trouble> {
        self.subject()?;
        let Some(subject) = &mut self.subject else {
            return Ok(Outcome::Wait);
        };
        let tried = subject.attempt(&self.settings, call, progress)?;
        if let Some(flow) = tried.opened {
            self.wire.opened(flow);
        }
        if tried.listens {
            self.wire.listens();
        }
        subject.collect()?;
        Ok(tried.outcome)
    }

    /// Compares what a call gave, and when, with what it must.
    fn returned(
        &mut self,
        call: &Call,
        outcome: Outcome,
        (started, end): (Duration, Duration),
    ) -> Result<(), Trouble> {
        let at = elapsed(self.subject()?.now());
        let (value, error) = match outcome {
            Outcome::Done(value) => (value, None),
            Outcome::Failed(error) => (-1, Some(error)),
            Outcome::Wait | Outcome::WaitOr(_) => return Ok(()),
        };
        let is_value = match &call.result {
            Value::Any => true,
            Value::Number(expected) => *expected == value,
            _ => {
                return Err(Trouble::Unsupported(format!(
                    "this result of {}",
                    call.name
                )));
            }
        };
        if !is_value || (value < 0 && call.error.is_some() && call.error.as_deref() != error) {
            let actual = error.map_or(value.to_string(), |error| format!("-1 {error}"));
            let wanted = match (&call.result, &call.error) {
                (Value::Number(number), Some(error)) => format!("{number} {error}"),
                (Value::Number(number), None) => number.to_string(),
                _ => "anything".to_owned(),
            };
            let what = format!("{} gives {actual}, expected {wanted}", call.name);
            return Err(Trouble::Difference(what));
        }
        let is_late =
            at > end + self.settings.tolerance + self.lateness(end.saturating_sub(started));
        if is_late || at + self.settings.tolerance < end {
            return Err(Trouble::Difference(format!(
                "{} returned at {:.6} s, expected at {:.6} s",
                call.name,
                at.as_secs_f64(),
                end.as_secs_f64()
            )));
        }
        Ok(())
    }
}
