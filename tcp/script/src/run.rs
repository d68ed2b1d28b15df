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
use crate::shard::{Machine, Sockets, Wire};
use crate::verdict::{Trouble, Verdict};
use calls::Blocked;

/// Plays `script`. When `is_strict`, segments that nobody expected by the end are a difference, too;
/// packetdrill lets them pass.
pub fn run(script: &Script, is_strict: bool) -> Verdict {
    let mut settings = Settings::default();
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
    let mut run = Run {
        settings,
        machine: None,
        wire: Wire::default(),
        sockets: Sockets::default(),
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
            let at = run.machine.as_ref().map(Machine::elapsed);
            Verdict::of(run.line, at.unwrap_or_default(), trouble)
        }
    }
}

/// A script being played.
struct Run {
    settings: Settings,
    /// Made by the first event that needs it, when commands have set their limits.
    machine: Option<Machine>,
    wire: Wire,
    sockets: Sockets,
    blocked: Option<Blocked>,
    assertions: Assertions,
    /// The time of the event before, on the script's own scale.
    last: Duration,
    /// The line that is at fault when something goes wrong.
    line: usize,
}

impl Run {
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
        self.go_to(Machine::point(due))?;
        self.line = event.line;
        self.last = due;
        match &event.action {
            Action::Packet(packet) => {
                let machine = self
                    .machine
                    .get_or_insert_with(|| Machine::new(&self.settings));
                self.wire.inject(machine, &self.settings, packet)?;
                machine.collect();
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
        if ran.has_set && self.machine.is_some() {
            let what = format!("`{}` after the first system call", text.trim());
            return Err(Trouble::Unsupported(what));
        }
        if ran.sleeps > Duration::ZERO {
            self.go_to(Machine::point(due + ran.sleeps))?;
        }
        Ok(())
    }

    /// Keeps code for the end, with what it sees now.
    fn code(&mut self, line: usize, text: &str) -> Result<(), Trouble> {
        let row = self.machine.as_ref().and_then(|machine| {
            let flow = self.wire.current()?;
            let id = self.sockets.connection_of(machine, flow)?;
            machine.shard.row(machine.now, id)
        });
        self.assertions.add(line, text, row.as_ref())
    }

    /// Lets time pass up to `end`; what is sent meanwhile waits to be looked at.
    fn go_to(&mut self, end: Instant) -> Result<(), Trouble> {
        loop {
            let machine = self.machine();
            machine.collect();
            if machine.now >= end {
                return Ok(());
            }
            machine.step(end);
            self.retry_blocked()?;
        }
    }

    fn machine(&mut self) -> &mut Machine {
        self.machine
            .get_or_insert_with(|| Machine::new(&self.settings))
    }
}

#[cfg(test)]
mod tests;
