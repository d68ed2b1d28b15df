//! One metric family under construction: name, help, kind, then a sample per set of labels.

use coremill_tcp::counters::Histogram;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram as ProtoHistogram, LabelPair, Metric, MetricFamily,
    MetricType,
};

/// A family being filled.
pub struct Family {
    family: MetricFamily,
    metrics: Vec<Metric>,
}

impl Family {
    /// A counter; its name ends in `_total`.
    pub fn counter(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::COUNTER)
    }

    /// A gauge.
    pub fn gauge(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::GAUGE)
    }

    /// A histogram.
    pub fn histogram(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::HISTOGRAM)
    }

    /// Adds a value with its labels.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        let mut metric = Metric::from_label(pairs(labels));
        match self.family.get_field_type() {
            MetricType::COUNTER => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            _ => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
        }
        self.metrics.push(metric);
    }

    /// Adds a histogram whose values are counted in `unit` seconds.
    pub fn distribution(&mut self, labels: &[(&str, &str)], histogram: &Histogram, unit: f64) {
        let counts = histogram.counts();
        let mut buckets = Vec::new();
        let mut seen = 0;
        // The last bucket also takes everything larger: it is the one that +Inf stands for.
        for (index, count) in counts.iter().enumerate().take(Histogram::BUCKETS - 1) {
            seen += count;
            if SHOWN.contains(&index) {
                let mut bucket = Bucket::default();
                bucket.set_upper_bound(Histogram::upper_bound(index) as f64 * unit);
                bucket.set_cumulative_count(seen);
                buckets.push(bucket);
            }
        }
        let mut proto = ProtoHistogram::default();
        proto.set_bucket(buckets);
        proto.set_sample_count(counts.iter().sum());
        proto.set_sample_sum(histogram.sum() as f64 * unit);
        let mut metric = Metric::from_label(pairs(labels));
        metric.set_histogram(proto);
        self.metrics.push(metric);
    }

    /// The family, when it has any sample.
    pub fn done(mut self) -> Option<MetricFamily> {
        if self.metrics.is_empty() {
            return None;
        }
        self.family.set_metric(self.metrics);
        Some(self.family)
    }

    fn new(name: &str, help: &str, kind: MetricType) -> Self {
        let mut family = MetricFamily::default();
        family.set_name(name.into());
        family.set_help(help.into());
        family.set_field_type(kind);
        Self {
            family,
            metrics: Vec::new(),
        }
    }
}

fn pairs(labels: &[(&str, &str)]) -> Vec<LabelPair> {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).into());
        pair.set_value((*value).into());
        pair
    };
    labels.iter().map(pair).collect()
}

/// Buckets shown: up to 2^30 of the unit, which is a second of nanoseconds and 18 minutes of
/// microseconds; what lies above is in +Inf.
const SHOWN: std::ops::RangeInclusive<usize> = 4..=30;
