//! Throughput and fairness of each algorithm over a grid of paths, held to a snapshot; a cell that
//! reaches less than 80 % of its limit has to say why. `COREMILL_WRITE=1` writes the file anew.

mod bulk;
mod model;
mod snapshot;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bulk::{Bulk, Marks};
use coremill_tcp::congestion::Algorithm;
use snapshot::{Figure, Snapshot};

#[test]
fn rates_and_shares_are_those_of_the_snapshot() {
    let writes = std::env::var_os("COREMILL_WRITE").is_some();
    let mut measurements = Vec::new();
    for algorithm in Algorithm::ALL {
        measurements.extend(grid(algorithm));
        measurements.extend(marked(algorithm));
        measurements.extend(shares(algorithm));
    }
    let figures = on_all_cores(&measurements);
    let file = Snapshot::read();
    if writes {
        file.write(&figures);
        return;
    }
    let wrong = file.differences(&figures);
    assert!(
        wrong.is_empty(),
        "{} figures differ from tests/throughput/snapshot.txt:\n{}\nif that is as it should be: \
         COREMILL_WRITE=1 cargo test -p coremill-tcp --test throughput",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_snapshot_tells_what_differs_and_what_is_not_explained() {
    let file =
        Snapshot::parse("# comment\na = 90 of 2\nb = 70\n    because of b\nc = 75\ne = 99\n");
    let figure = |name: &str, value| Figure {
        name: name.to_owned(),
        value,
        beside: String::new(),
        tolerance: 5.0,
        explained_outside: 80.0..=100.0,
    };
    assert!(
        file.differences(&[figure("a", 94.0), figure("b", 68.0)])
            .is_empty()
    );
    for (figure, word) in [
        (figure("a", 84.0), "90 in the file"),
        (figure("b", 76.0), "70 in the file"),
        (figure("c", 75.0), "nothing says why"),
        (figure("e", 101.0), "nothing says why"),
        (figure("d", 99.0), "not in the file"),
    ] {
        let wrong = file.differences(&[figure]);
        assert!(wrong.len() == 1 && wrong[0].contains(word), "{wrong:?}");
    }
}

/// One figure to be measured.
struct Measurement {
    name: String,
    bulk: Bulk,
    judge: fn(&Bulk, &[u64]) -> Figure,
}

fn grid(algorithm: Algorithm) -> Vec<Measurement> {
    let mut cells = Vec::new();
    for round_trip in ROUND_TRIPS_MS {
        for loss_per_million in LOSSES_PER_MILLION {
            for quarters in BUFFERS_QUARTERS {
                let round_trip = Duration::from_millis(*round_trip);
                let path = path(algorithm, round_trip);
                let bulk = Bulk {
                    queue: (round_trip * *quarters / 4).max(QUEUE_LEAST),
                    loss_per_million: *loss_per_million,
                    ..path
                };
                let place = format!(
                    "{} % loss, buffer {}",
                    *loss_per_million as f64 / 1e4,
                    f64::from(*quarters) / 4.0
                );
                cells.push(cell("grid", &place, bulk));
            }
        }
    }
    cells
}

/// Links that mark, above a threshold and by chance; one that asks neither for loss nor for marks is left out.
fn marked(algorithm: Algorithm) -> Vec<Measurement> {
    let mut cells = Vec::new();
    if algorithm.name() == "bbr" {
        return cells;
    }
    for round_trip in ROUND_TRIPS_MS {
        let round_trip = Duration::from_millis(*round_trip);
        for (name, share) in THRESHOLDS {
            let bulk = Bulk {
                marks: Some(Marks::Above(threshold(round_trip, *share))),
                ..path(algorithm, round_trip)
            };
            cells.push(cell("threshold", name, bulk));
        }
        for per_million in MARKS_PER_MILLION {
            let bulk = Bulk {
                marks: Some(Marks::PerMillion(*per_million)),
                ..path(algorithm, round_trip)
            };
            let place = format!("{} % marked", *per_million as f64 / 1e4);
            cells.push(cell("marks", &place, bulk));
        }
    }
    cells
}

/// One flow, a buffer of a round trip, nothing lost by chance; and for DCTCP a link that marks: without, it is NewReno.
fn path(algorithm: Algorithm, round_trip: Duration) -> Bulk {
    let is_marked = algorithm.name() == "dctcp";
    Bulk {
        algorithm,
        bits_per_second: BITS_PER_SECOND,
        queue: round_trip.max(QUEUE_LEAST),
        loss_per_million: 0,
        marks: is_marked.then(|| Marks::Above(threshold(round_trip, SEVENTH))),
        round_trips: vec![round_trip],
        warm_up: WARM_UP,
        measured: MEASURED,
    }
}

fn threshold(round_trip: Duration, share: u32) -> Duration {
    (round_trip / share).max(THRESHOLD_LEAST)
}

fn cell(kind: &str, place: &str, bulk: Bulk) -> Measurement {
    Measurement {
        name: format!(
            "{kind} {} {} ms, {place}",
            bulk.algorithm.name(),
            bulk.round_trips[0].as_millis()
        ),
        bulk,
        judge: share_of_limit,
    }
}

fn shares(algorithm: Algorithm) -> Vec<Measurement> {
    let bulk = |round_trips: &[u64]| {
        let longest = round_trips.iter().copied().max().unwrap_or_default();
        Bulk {
            queue: Duration::from_millis(40),
            round_trips: round_trips
                .iter()
                .copied()
                .map(Duration::from_millis)
                .collect(),
            ..path(algorithm, Duration::from_millis(longest))
        }
    };
    let mut all = Vec::new();
    for flows in 2..=8 {
        all.push(Measurement {
            name: format!("fairness {} of {flows} flows", algorithm.name()),
            bulk: bulk(&vec![40; flows]),
            judge: jain,
        });
    }
    for [first, second] in ROUND_TRIP_PAIRS_MS {
        all.push(Measurement {
            name: format!("rtt {} {first} ms beside {second} ms", algorithm.name()),
            bulk: bulk(&[*first, *second]),
            judge: ratio,
        });
    }
    all
}

fn share_of_limit(bulk: &Bulk, bytes: &[u64]) -> Figure {
    let reached = bits_per_second(bulk, bytes);
    let limit = model::limit(bulk);
    Figure {
        name: String::new(),
        value: reached * 100.0 / limit,
        beside: format!("% of {:.2} Mbit/s", limit / 1e6),
        tolerance: 6.0,
        explained_outside: 80.0..=f64::INFINITY,
    }
}

fn jain(bulk: &Bulk, bytes: &[u64]) -> Figure {
    let sum: f64 = bytes.iter().map(|bytes| *bytes as f64).sum();
    let squares: f64 = bytes.iter().map(|bytes| (*bytes as f64).powi(2)).sum();
    Figure {
        name: String::new(),
        value: sum * sum / (bytes.len() as f64 * squares),
        beside: format!(
            "at {:.2} Mbit/s together",
            bits_per_second(bulk, bytes) / 1e6
        ),
        tolerance: 0.08,
        explained_outside: 0.9..=f64::INFINITY,
    }
}

fn ratio(bulk: &Bulk, bytes: &[u64]) -> Figure {
    let value = bytes[0] as f64 / bytes[1].max(1) as f64;
    let law = model::shares(bulk);
    Figure {
        name: String::new(),
        value,
        beside: format!(
            "({:.2} to {:.2}) at {:.2} Mbit/s together",
            law.start(),
            law.end(),
            bits_per_second(bulk, bytes) / 1e6
        ),
        tolerance: value * 0.3,
        explained_outside: law,
    }
}

fn bits_per_second(bulk: &Bulk, bytes: &[u64]) -> f64 {
    bytes.iter().sum::<u64>() as f64 * 8.0 / bulk.measured.as_secs_f64()
}

fn on_all_cores(measurements: &[Measurement]) -> Vec<Figure> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(measurement) = measurements.get(index) else {
                        return;
                    };
                    let bytes = measurement.bulk.clone().run();
                    let figure = Figure {
                        name: measurement.name.clone(),
                        ..(measurement.judge)(&measurement.bulk, &bytes)
                    };
                    done.lock().expect("no holder panics").push((index, figure));
                }
            });
        }
    });
    let mut figures = done.into_inner().expect("no holder panics");
    figures.sort_by_key(|(index, _)| *index);
    figures.into_iter().map(|(_, figure)| figure).collect()
}

const BITS_PER_SECOND: u64 = 20_000_000;
const ROUND_TRIPS_MS: &[u64] = &[2, 20, 80, 200];
const LOSSES_PER_MILLION: &[u64] = &[0, 100, 1_000, 10_000, 30_000];
const BUFFERS_QUARTERS: &[u32] = &[1, 4];
/// In parts of a round trip: what DCTCP needs to keep a link busy (K > RTT * C / 7), and more than that.
const THRESHOLDS: &[(&str, u32)] = &[("K of 1/7", SEVENTH), ("K of 1/2", 2)];
const SEVENTH: u32 = 7;
/// Three full packets.
const THRESHOLD_LEAST: Duration = Duration::from_millis(2);
const MARKS_PER_MILLION: &[u64] = &[1_000, 10_000, 100_000];
const ROUND_TRIP_PAIRS_MS: &[[u64; 2]] = &[[20, 40], [20, 80], [20, 160]];
/// Eight full packets: less is no queue.
const QUEUE_LEAST: Duration = Duration::from_millis(5);
const WARM_UP: Duration = Duration::from_secs(20);
const MEASURED: Duration = Duration::from_secs(60);
