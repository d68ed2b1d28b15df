//! How long a cache line takes from one of the two cores to the other. Each message of an application is some such lines:
//! within one last-level cache a line takes some 40 ns, between two of them (chiplets, sockets) some 200. Where it took
//! 200, Coremill and the kernel did three quarters as much. The host of a virtual machine may move its cores
//! from the one to the other at any moment, so this is measured beside each round.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Release};
use std::thread;
use std::time::Instant;

use crate::{APPLICATION_CORE, OTHER_CORE, namespaces};

/// Nanoseconds of one way, as the median of many short samples: whoever takes a core away for a while spoils only a few.
pub fn line_nanoseconds() -> anyhow::Result<f64> {
    let line = Line(AtomicU32::new(0));
    let mut samples = thread::scope(|scope| {
        let partner = scope.spawn(|| {
            // Told at the end only: the other one waits for this one's part.
            let pinned = namespaces::pin(OTHER_CORE);
            (0..SAMPLES * TRIPS).for_each(|trip| line.pass_on(2 * trip + 1));
            pinned
        });
        let timed = scope.spawn(|| {
            let pinned = namespaces::pin(APPLICATION_CORE);
            let samples: Vec<f64> = (0..SAMPLES).map(|sample| line.time(sample)).collect();
            pinned.map(|()| samples)
        });
        let lost = |_| anyhow::anyhow!("a thread that passes a line on panicked");
        partner.join().map_err(lost)??;
        timed.join().map_err(lost)?
    })?;
    samples.sort_by(f64::total_cmp);
    Ok(samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN))
}

/// A number alone in its line, and in that which is fetched with it.
#[repr(align(128))]
struct Line(AtomicU32);

impl Line {
    /// One sample: nanoseconds of one way.
    fn time(&self, sample: u32) -> f64 {
        let begun = Instant::now();
        for trip in sample * TRIPS..(sample + 1) * TRIPS {
            self.pass_on(2 * trip);
        }
        // The last way back is the next sample's.
        begun.elapsed().as_nanos() as f64 / f64::from(2 * TRIPS)
    }

    /// Waits for this number and makes the next one of it.
    fn pass_on(&self, awaited: u32) {
        while self.0.load(Acquire) != awaited {
            spin_loop();
        }
        self.0.store(awaited + 1, Release);
    }
}

const SAMPLES: u32 = 100;
const TRIPS: u32 = 100;
