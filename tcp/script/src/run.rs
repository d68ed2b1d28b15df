//! Plays a script: events in order, on virtual time.
//!
//! `calls` runs system calls, those that block included; `expect` waits for segments and compares.

mod calls;
mod expect;

use std::time::Duration;

use coremill_tcp::Instant;

use crate::assertions::Assertions;
use crate::language::{Action, Direction, Event, Script, Time};
use crate::settings::Settings;
use crate::shard::Machine;
use crate::subject::{Subject, elapsed, point};
use crate::verdict::{Trouble, Verdict};
use crate::wanted::Wanted;
use crate::wire::Wire;
use calls::Blocked;

/// Plays `script`. When `is_strict`, segments that nobody expected by the end are a difference, too;
/// packetdrill lets them pass.
pub fn run(script: &Script, is_strict: bool) -> Verdict {
    run_against(script, is_strict, Settings::default(), |settings| {
        Ok(Machine::new(settings))
    })
}

/// Plays `script` against what `make` makes of its settings.
pub fn run_against<S: Subject>(
    script: &Script,
    is_strict: bool,
    mut settings: Settings,
    make: impl FnMut(&Settings) -> Result<S, Trouble>,
) -> Verdict {
    for (name, value) in &script.options {
        if let Err(trouble) = settings.option(name, value.as_deref()) {
            return Verdict::of(1, Duration::ZERO, trouble);
        }
    }
    if let Some((line, text)) = &script.before
        && let Err(trouble) = settings.command(text)
    {
        return Verdict::of(*line, Duration::ZERO, trouble);
    }
    // Linux counts always.
    settings.limits.statistics |= script.events.iter().any(|event| match &event.action {
        Action::Code(text) => Wanted::of(text).counted,
        _ => false,
    });
    let mut run = Run {
        settings,
        make,
        subject: None,
        wire: Wire::default(),
        blocked: None,
        assertions: Assertions::default(),
        last: Duration::ZERO,
        line: 1,
    };
    match run.play(script, is_strict) {
        Ok(()) => Verdict::Pass {
            events: script.events.len(),
        },
        Err(trouble) => {
            let at = run.subject.as_ref().map(|subject| elapsed(subject.now()));
            Verdict::of(run.line, at.unwrap_or_default(), trouble)
        }
    }
}

/// A script being played.
struct Run<S, F> {
    settings: Settings,
    make: F,
    /// Made by the first event that needs it, when commands have set their limits.
    subject: Option<S>,
    wire: Wire,
    blocked: Option<Blocked>,
    assertions: Assertions,
    /// The time of the event before, on the script's own scale.
    last: Duration,
    /// The line that is at fault when something goes wrong.
    line: usize,
}

impl<S: Subject, F: FnMut(&Settings) -> Result<S, Trouble>> Run<S, F> {
    fn play(&mut self, script: &Script, is_strict: bool) -> Result<(), Trouble> {
        for event in &script.events {
            self.line = event.line;
            self.event(event)?;
        }
        self.await_blocked()?;
        if is_strict {
            self.nothing_left()?;
        }
        if let Some((line, error)) = self.assertions.check()? {
            self.line = line;
            return Err(Trouble::Difference(error));
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<(), Trouble> {
        if let Action::Packet(packet) = &event.action
            && packet.direction == Direction::Outbound
        {
            return self.expect(event.time, packet);
        }
        let base = self.last;
        let due = match event.time {
            Time::Relative(after) => base + after,
            Time::Absolute(due) => due,
            _ => {
                let what = "a range of times is for expected packets only";
                return Err(Trouble::Difference(what.to_owned()));
            }
        };
        if let Action::Command(text) = &event.action {
            return self.command(due, text);
        }
        self.go_to(point(due))?;
        self.line = event.line;
        self.last = due;
        match &event.action {
            Action::Packet(packet) => {
                self.subject()?;
                if let Some(subject) = &mut self.subject {
                    self.wire.inject(subject, &self.settings, packet)?;
                    subject.collect()?;
                }
                self.retry_blocked()
            }
            Action::Call(call) => {
                let is_relative = matches!(event.time, Time::Relative(_));
                let end = call
                    .end
                    .map(|end| if is_relative { base + end } else { end });
                self.call(event.line, call, due, end)
            }
            Action::Code(text) => self.code(event.line, text),
            Action::Command(_) => Ok(()),
        }
    }

    /// A command sets what the machine is made with, or lets time pass.
    fn command(&mut self, due: Duration, text: &str) -> Result<(), Trouble> {
        let ran = self.settings.command(text)?;
        self.last = due + ran.sleeps;
        if ran.has_set && self.subject.is_some() {
            let what = format!("`{}` after the first system call", text.trim());
            return Err(Trouble::Unsupported(what));
        }
        if ran.sleeps > Duration::ZERO {
            self.go_to(point(due + ran.sleeps))?;
        }
        Ok(())
    }

    /// Keeps code for the end, with what it sees now.
    fn code(&mut self, line: usize, text: &str) -> Result<(), Trouble> {
        let flow = self.wire.current();
        let info = flow.and_then(|flow| self.subject.as_ref()?.info(flow, Wanted::of(text)));
        let subject = self.subject.as_ref();
        let counters = || subject.map(S::counters).unwrap_or_default();
        self.assertions.add(line, text, info.as_ref(), counters)
    }

    /// Lets time pass up to `end`; what is sent meanwhile waits to be looked at.
    fn go_to(&mut self, end: Instant) -> Result<(), Trouble> {
        loop {
            let subject = self.subject()?;
            subject.collect()?;
            if subject.now() >= end {
                return Ok(());
            }
            subject.step(end)?;
            self.retry_blocked()?;
        }
    }

    /// The machine under test, made when it is first needed.
    fn subject(&mut self) -> Result<&mut S, Trouble> {
        match &mut self.subject {
            Some(subject) => Ok(subject),
            none => Ok(none.insert((self.make)(&self.settings)?)),
        }
    }
}

#[cfg(test)]
mod tests;
