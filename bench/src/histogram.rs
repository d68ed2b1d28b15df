//! Latencies in an HDR histogram: three significant digits from a microsecond's fraction to minutes.

use std::time::Duration;

use serde::Serialize;

/// Collects durations.
#[derive(Debug)]
pub struct Latencies(hdrhistogram::Histogram<u64>);

impl Latencies {
    /// An empty one, bounded in memory.
    pub fn new() -> anyhow::Result<Self> {
        let histogram = hdrhistogram::Histogram::new_with_bounds(1, NANOSECONDS_MAX, 3)?;
        Ok(Self(histogram))
    }

    /// Records one; longer ones than the bound count as the bound.
    pub fn record(&mut self, latency: Duration) {
        self.0
            .saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(NANOSECONDS_MAX));
    }

    /// Percentiles; None when nothing was recorded.
    pub fn summary(&self) -> Option<Summary> {
        let micros = |nanoseconds: u64| nanoseconds as f64 / 1_000.0;
        let quantile = |q: f64| micros(self.0.value_at_quantile(q));
        (!self.0.is_empty()).then(|| Summary {
            count: self.0.len(),
            mean: self.0.mean() / 1_000.0,
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p99_9: quantile(0.999),
            max: micros(self.0.max()),
        })
    }
}

/// Percentiles in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Summary {
    /// Values recorded.
    pub count: u64,
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p99_9: f64,
    /// Largest.
    pub max: f64,
}

const NANOSECONDS_MAX: u64 = 3_600_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_known_set() {
        let mut latencies = Latencies::new().unwrap();
        assert!(latencies.summary().is_none());
        for micros in 1..=1_000 {
            latencies.record(Duration::from_micros(micros));
        }
        let summary = latencies.summary().unwrap();
        assert_eq!(summary.count, 1_000);
        assert!((summary.p50 - 500.0).abs() < 2.0, "{summary:?}");
        assert!((summary.p99 - 990.0).abs() < 2.0, "{summary:?}");
        assert!((summary.max - 1_000.0).abs() < 2.0, "{summary:?}");
    }
}
