//! An application that breaks every rule of shared memory it can, in one way or all of them, and attaches anew
//! whenever it is detached. `liar SOCKET MODE SECONDS SEED [COMMANDS_PER_MS]`; prints one line of JSON at the end.
//! Tests run it beside an honest application, which must not notice.

mod attached;
mod commands;
mod lies;
mod memory;
mod random;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use attached::Attached;
use random::Random;
use serde_json::json;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().with_context(|| format!("which {what}?"));
    let socket = PathBuf::from(next("control socket")?);
    let mode = next("mode")?;
    let seconds: f64 = next("number of seconds")?.parse()?;
    let seed: u64 = next("seed")?.parse()?;
    let pace = next("pace").ok().map(|text| text.parse()).transpose()?;
    let act = act(&mode)?;
    let mut run = Run {
        random: Random::new(seed),
        pace,
        until: Instant::now() + Duration::from_secs_f64(seconds),
        attached: 0,
        detached: 0,
        said: 0,
        errors: std::collections::BTreeMap::new(),
    };
    while !run.is_over() {
        let mut attached = Attached::new(&socket)?;
        run.attached += 1;
        // What is kept from one step to the next is the attachment's own: an act runs until it is detached or time is up.
        act(&mut attached, &mut run)?;
        run.detached += u64::from(attached.is_over());
        run.said += attached.said;
    }
    println!(
        "{}",
        json!({
            "mode": mode, "seed": seed, "attached": run.attached, "detached": run.detached,
            "commands": run.said, "errors": run.errors,
        })
    );
    Ok(())
}

/// One run, over all its attachments.
pub struct Run {
    random: Random,
    /// Commands in a millisecond; None: as many as go.
    pace: Option<u64>,
    until: Instant,
    attached: u64,
    detached: u64,
    said: u64,
    /// How often each of Linux's errors was answered.
    errors: std::collections::BTreeMap<u16, u64>,
}

impl Run {
    /// Whether time is up.
    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

type Act = fn(&mut Attached, &mut Run) -> Result<()>;

fn act(mode: &str) -> Result<Act> {
    Ok(match mode {
        "scribble" => memory::scribble,
        "holes" => memory::holes,
        "torn" => memory::torn,
        "lies" => lies::every_lie,
        "deaf" => commands::deaf,
        "stale" => commands::stale,
        "flood" => commands::flood,
        "claims" => commands::claims,
        "hoard" => commands::hoard,
        "listeners" => commands::listeners,
        "busy" => commands::busy,
        other => bail!("there is no mode `{other}`"),
    })
}
