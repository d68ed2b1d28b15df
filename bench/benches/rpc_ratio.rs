//! The same exchange of 64-byte requests over Coremill and over the kernel, one after the other in
//! one run, several rounds of each: the ratio is the result, the rates are only of this machine today.
//!
//! Coremill: one worker, `rpc` against `echo`, each packet through a looped-back `net_ring`.
//! Kernel: TCP over loopback, first one thread playing both ends (as the worker does), then one
//! thread for each end. DPDK's testpmd, which only swaps addresses, turns round packets on the same kind of port. Run with `cargo bench --bench rpc_ratio`; COREMILL_BENCH_ONLY=64 plays
//! Coremill's side alone, over 64 connections, for whoever wants to look at its worker.

#[path = "rpc_ratio/coremill.rs"]
mod coremill;
#[path = "rpc_ratio/kernel.rs"]
mod kernel;
#[path = "rpc_ratio/testpmd.rs"]
mod testpmd;

use std::env;
use std::process::Command;
use std::time::Duration;

/// What one run measured.
#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    requests_per_second: f64,
    p50_nanoseconds: u64,
    p99_nanoseconds: u64,
}

fn main() -> anyhow::Result<()> {
    if let Ok(connections) = env::var(ONLY) {
        let stack = coremill::Stack::start(connections.parse()?)?;
        println!(
            "{:.0} requests/s",
            stack.measure(ROUND * ROUNDS)?.requests_per_second
        );
        stack.stop();
        return Ok(());
    }
    if let Ok(connections) = env::var(CONNECTIONS) {
        return compare(connections.parse()?);
    }
    println!(
        "{REQUEST_BYTES}-byte requests, {ROUNDS} rounds of {} s each",
        ROUND.as_secs()
    );
    // DPDK starts once in a process.
    for connections in ["1", "64"] {
        let status = Command::new(env::current_exe()?)
            .env(CONNECTIONS, connections)
            .status()?;
        anyhow::ensure!(status.success(), "{connections} connection(s): {status}");
    }
    Ok(())
}

fn compare(connections: usize) -> anyhow::Result<()> {
    let mut rounds: Vec<[Measured; 3]> = Vec::new();
    for _ in 0..ROUNDS {
        let one_thread = kernel::one_thread(connections, ROUND)?;
        let two_threads = kernel::two_threads(connections, ROUND)?;
        rounds.push([Measured::default(), one_thread, two_threads]);
    }
    let stack = coremill::Stack::start(connections)?;
    for round in &mut rounds {
        round[0] = stack.measure(ROUND)?;
    }
    stack.stop();
    report(connections, &rounds);
    compare_packets(connections, &rounds)
}

/// The worker's packets beside those of testpmd's macswap, as many of them on their way.
fn compare_packets(connections: usize, rounds: &[[Measured; 3]]) -> anyhow::Result<()> {
    // Each request and each reply is one packet that the worker receives, echoes or answers, and sends.
    let worker = 2.0 * median(rounds.iter().map(|round| round[0].requests_per_second));
    let rates = testpmd::packets_per_second(connections, PACKET_BYTES, ROUNDS, ROUND)?;
    let Some(rates) = rates else {
        println!(
            "  testpmd macswap      NOT COMPARED: no dpdk-testpmd here; run `deploy/host/setup bench`"
        );
        return Ok(());
    };
    let macswap = median(rates.into_iter());
    println!(
        "  packets turned round: coremill's worker {worker:.0}/s (TCP echo), testpmd {macswap:.0}/s (macswap, same port, \
         as many in flight): coremill has {:.4} times this",
        worker / macswap
    );
    Ok(())
}

fn report(connections: usize, rounds: &[[Measured; 3]]) {
    println!("\n{connections} connection(s), medians:");
    let names = [
        "coremill, 1 worker",
        "kernel, 1 thread",
        "kernel, 2 threads",
    ];
    for (which, name) in names.into_iter().enumerate() {
        let rate = median(rounds.iter().map(|round| round[which].requests_per_second));
        let p50 = median(
            rounds
                .iter()
                .map(|round| round[which].p50_nanoseconds as f64),
        );
        let p99 = median(
            rounds
                .iter()
                .map(|round| round[which].p99_nanoseconds as f64),
        );
        let ratio = median(
            rounds
                .iter()
                .map(|round| round[0].requests_per_second / round[which].requests_per_second),
        );
        println!(
            "  {name:<20} {rate:>10.0} requests/s   p50 {:>7.2} us   p99 {:>7.2} us   coremill is {ratio:.2} times this",
            p50 / 1_000.0,
            p99 / 1_000.0,
        );
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

const ONLY: &str = "COREMILL_BENCH_ONLY";
/// Names the number of connections to the process that measures them.
const CONNECTIONS: &str = "COREMILL_BENCH_CONNECTIONS";
const REQUEST_BYTES: usize = 64;
/// The same behind Ethernet, IPv4 and TCP with timestamps.
const PACKET_BYTES: usize = REQUEST_BYTES + 14 + 20 + 32;
const ROUNDS: u32 = 5;
const ROUND: Duration = Duration::from_secs(2);
