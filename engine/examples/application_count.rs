//! Work for callgrind: an application that plays 64-byte requests with itself through the client library and a worker.
//!
//! `application_count 1000 64` steps until a thousand requests are answered on 64 connections; with `idle` behind it there
//! are no requests, and a thousand turns. With
//! `--toggle-collect=*application_step*` or `--toggle-collect=*worker_turn*` callgrind counts one side alone;
//! `bench/lab/instructions` takes the difference of two runs.

#[path = "../tests/attached/mod.rs"]
mod attached;

use std::error::Error;

use attached::Attached;

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let (Some(Ok(requests)), Some(Ok(connections))) = (numbers.next(), numbers.next()) else {
        return Err("usage: application_count REQUESTS CONNECTIONS".into());
    };
    let mut attached = Attached::start(connections)?;
    if std::env::args().nth(3).is_some_and(|word| word == "idle") {
        (0..requests).for_each(|_| attached.worker_turn());
        return Ok(());
    }
    attached.begin()?;
    let before = attached.counts()?;
    let begun = std::time::Instant::now();
    while attached.replies < requests as u64 {
        attached.worker_turn();
        attached.application_step()?;
    }
    let elapsed = begun.elapsed();
    let after = attached.counts()?;
    let each = |before: u64, after: u64| (after - before) as f64 / attached.replies as f64 / 2.0;
    println!(
        "{} replies, {:.0} ns each; {:.3} commands and {:.3} events per request or reply",
        attached.replies,
        elapsed.as_nanos() as f64 / attached.replies as f64,
        each(before.commands, after.commands),
        each(before.events, after.events),
    );
    Ok(())
}
