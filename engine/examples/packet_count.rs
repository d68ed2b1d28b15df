//! Work for callgrind: a worker that plays 64-byte requests with itself through a looped-back port.
//!
//! `packet_count 1000` turns until a thousand requests are answered, each of which is two packets
//! received and two sent. `bench/lab/instructions` takes the difference of two runs.

#[path = "../tests/one_worker/mod.rs"]
mod one_worker;
#[path = "../tests/one_worker/requests.rs"]
mod requests;

use std::process::ExitCode;
use std::time::Duration;

use coremill_engine::clock::ManualClock;
use coremill_engine::nic::heap_buffer::HeapPool;
use coremill_engine::nic::loopback::LoopbackPort;

use one_worker::worker;
use requests::requests;

fn main() -> ExitCode {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let Some(count): Option<u64> = count else {
        eprintln!("usage: packet_count REQUESTS");
        return ExitCode::from(2);
    };
    let clock = ManualClock::default();
    clock.advance(Duration::from_secs(1));
    let port = LoopbackPort::looped(&HeapPool::new(1_024), 512);
    let (mut worker, handle) = worker(&clock, port, &requests(CONNECTIONS, 64), 256);
    let engine = &handle.counters().engine;
    while engine.received_packets.get() < 2 * count {
        clock.advance(Duration::from_micros(10));
        worker.turn();
    }
    println!(
        "{} packets received in {} turns",
        engine.received_packets.get(),
        engine.turns.get()
    );
    ExitCode::SUCCESS
}

const CONNECTIONS: usize = 64;
