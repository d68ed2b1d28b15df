//! Medians, ratios, and whether each target was reached.

use crate::{Measured, Round, WAYS};

/// Prints what came of one number of connections; `crossed` are commands and events for each end's exchange.
pub fn print(connections: usize, rounds: &[Round], crossed: (f64, f64)) {
    println!("\n{connections} connection(s):");
    for (way, name) in WAYS.into_iter().enumerate() {
        let rate = median(rounds, |round| round[way].exchanges_per_second);
        let p50 = median(rounds, |round| round[way].p50_nanoseconds) / 1_000.0;
        let p99 = median(rounds, |round| round[way].p99_nanoseconds) / 1_000.0;
        let ratio = ratio(rounds, way);
        println!(
            "  {name:<32} {rate:>9.0} exchanges/s  p50 {p50:>8.2} us  p99 {p99:>8.2} us  coremill has {ratio:>5.2} x this rate"
        );
    }
    let (commands, events) = crossed;
    println!("  each end's exchange takes {commands:.3} commands and {events:.3} events");
    // The kernel at its best, whichever way that is.
    let times = ratio(rounds, 1).min(ratio(rounds, 2));
    match connections {
        1 => {
            let p50 = median(rounds, |round| round[0].p50_nanoseconds) / 1_000.0;
            verdict("p50 at one connection, us", p50, "at most", 1.3, p50 <= 1.3);
        }
        64 => verdict(
            "rate at 64, times the kernel's",
            times,
            "at least",
            12.0,
            times >= 12.0,
        ),
        1_000 => verdict(
            "rate at 1,000, times the kernel's",
            times,
            "at least",
            9.0,
            times >= 9.0,
        ),
        _ => {}
    }
    for (what, count) in [("commands", commands), ("events", events)] {
        let name = format!("{what} for each end's exchange");
        verdict(&name, count, "at most", 1.0, count <= 1.0);
    }
}

/// Prints what the machine was like meanwhile: nanoseconds that a line took from core to core, before each round.
pub fn print_cores(mut lines: Vec<f64>) {
    lines.sort_by(f64::total_cmp);
    let place = |place: usize| lines.get(place).copied().unwrap_or(f64::NAN);
    let last = lines.len().saturating_sub(1);
    let (least, median, most) = (place(0), place(lines.len() / 2), place(last));
    println!(
        "  a line from core to core takes {median:.0} ns ({least:.0} to {most:.0}); some 40 is usual within one last-level cache, 200 between two"
    );
}

fn verdict(name: &str, value: f64, bound: &str, target: f64, is_reached: bool) {
    let word = if is_reached { "REACHED" } else { "NOT REACHED" };
    println!("  target {word}: {name}: {value:.3}, {bound} {target}");
}

/// How many times the kernel's rate Coremill's is, round by round.
fn ratio(rounds: &[Round], way: usize) -> f64 {
    median(rounds, |round| {
        round[0].exchanges_per_second / round[way].exchanges_per_second
    })
}

fn median(rounds: &[Round], value: impl Fn(&[Measured; WAYS.len()]) -> f64) -> f64 {
    let mut sorted: Vec<f64> = rounds.iter().map(value).collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
