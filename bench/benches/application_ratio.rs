//! An application that plays both ends of 1, 64 and 1,000 connections, 64-byte requests and replies: through
//! Coremill's client library, over a looped-back net_ring with one worker, and on the kernel's sockets over a veth
//! pair. Two cores each: worker and application here, the two ends' threads there. Rounds are interleaved; the ratio is
//! the result, the rates are only of this machine today. Each target is printed with whether it was reached.
//!
//! `make build && cargo bench --bench application_ratio`. COREMILL_BENCH_CONNECTIONS=64 measures that number only,
//! COREMILL_BENCH_ONLY=64 plays Coremill's side alone, COREMILL_BENCH_ROUNDS and COREMILL_BENCH_ROUND_MS make it short.
//! Where others compete for the two cores, `chrt --fifo 10` in front of the program keeps them out, as root. A virtual machine's
//! speed may change within a minute, when its host moves a core to another last-level cache (`cores`, which see): what a
//! line took between the cores is printed with each comparison, and only runs in the same state compare.

#[path = "application_ratio/coremill.rs"]
mod coremill;
#[path = "application_ratio/cores.rs"]
mod cores;
#[path = "application_ratio/exchange.rs"]
mod exchange;
#[path = "application_ratio/kernel.rs"]
mod kernel;
#[path = "application_ratio/namespaces.rs"]
mod namespaces;
#[path = "application_ratio/verdict.rs"]
mod verdict;

use std::env;
use std::time::Duration;

use coremill::Coremill;
use kernel::Idle;

/// What one round measured.
#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    exchanges: u64,
    exchanges_per_second: f64,
    p50_nanoseconds: f64,
    p99_nanoseconds: f64,
}

/// One round: Coremill, then the kernel in each way.
type Round = [Measured; WAYS.len()];

fn main() -> anyhow::Result<()> {
    namespaces::enter()?;
    let (rounds, round) = (number(ROUNDS)?, number(ROUND_MS)?);
    let (rounds, round) = (rounds.unwrap_or(5), round.unwrap_or(1_000));
    let round = Duration::from_millis(round);
    if let Some(connections) = number(ONLY)? {
        let mut coremill = Coremill::start(usize::try_from(connections)?)?;
        for _ in 0..rounds {
            let line = cores::line_nanoseconds()?;
            let measured = coremill.measure_awake(round)?;
            println!("{measured:?}, {line:.0} ns for a line from core to core");
        }
        return Ok(());
    }
    println!("64-byte requests, medians of {rounds} interleaved rounds of {round:?} each");
    let counts = number(CONNECTIONS)?.map_or(vec![1, 64, 1_000], |count| vec![count]);
    for connections in counts {
        compare(usize::try_from(connections)?, rounds, round)?;
    }
    Ok(())
}

fn compare(connections: usize, rounds: u64, duration: Duration) -> anyhow::Result<()> {
    let mut coremill = Coremill::start(connections)?;
    let mut measured: Vec<Round> = Vec::new();
    let mut lines = Vec::new();
    for _ in 0..rounds {
        lines.push(cores::line_nanoseconds()?);
        measured.push([
            coremill.measure_awake(duration)?,
            kernel::two_threads(connections, duration, Idle::Sleep)?,
            kernel::two_threads(connections, duration, Idle::Spin)?,
            kernel::one_thread(connections, duration)?,
        ]);
    }
    let crossed = coremill.crossed_per_end()?;
    verdict::print(connections, &measured, crossed);
    verdict::print_cores(lines);
    Ok(())
}

fn number(name: &str) -> anyhow::Result<Option<u64>> {
    Ok(env::var(name).ok().map(|text| text.parse()).transpose()?)
}

const WAYS: [&str; 4] = [
    "coremill, worker and application",
    "kernel, 2 threads, epoll sleeps",
    "kernel, 2 threads, epoll spins",
    "kernel, 1 thread plays both ends",
];
/// The core of the application, and of the kernel's clients.
const APPLICATION_CORE: usize = 1;
/// The core of the worker, and of the kernel's servers.
const OTHER_CORE: usize = 0;
const ONLY: &str = "COREMILL_BENCH_ONLY";
const CONNECTIONS: &str = "COREMILL_BENCH_CONNECTIONS";
const ROUNDS: &str = "COREMILL_BENCH_ROUNDS";
const ROUND_MS: &str = "COREMILL_BENCH_ROUND_MS";
