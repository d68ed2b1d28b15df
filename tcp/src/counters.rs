//! Counters that one worker writes and any thread reads in place: relaxed loads and stores, no lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that one thread writes. Adding is a load and a store, not a read-modify-write cycle.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`. Only the owning thread may call this.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Adds one. Only the owning thread may call this.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// Takes one away (gauges). Only the owning thread may call this.
    #[inline]
    pub fn decrement(&self) {
        self.0.store(self.0.load(Relaxed).wrapping_sub(1), Relaxed);
    }

    /// Sets the value (gauges). Only the owning thread may call this.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// The value; any thread may call this.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A histogram with one bucket per power of two: bucket `i` counts values in `[2^(i-1), 2^i)`.
#[derive(Debug)]
pub struct Histogram {
    buckets: [Counter; Histogram::BUCKETS],
    sum: Counter,
}

impl Histogram {
    /// Number of buckets; the last one also takes everything larger.
    pub const BUCKETS: usize = 40;

    /// Counts one value (microseconds or nanoseconds, as the field says).
    #[inline]
    pub fn record(&self, value: u64) {
        let bucket = (value.min(u64::MAX >> 1) << 1 | 1).ilog2() as usize;
        self.buckets[bucket.min(Self::BUCKETS - 1)].increment();
        self.sum.add(value);
    }

    /// Exclusive upper bound of a bucket.
    pub const fn upper_bound(bucket: usize) -> u64 {
        1 << bucket
    }

    /// The counts of all buckets, not cumulative.
    pub fn counts(&self) -> [u64; Self::BUCKETS] {
        std::array::from_fn(|bucket| self.buckets[bucket].get())
    }

    /// The sum of all recorded values.
    pub fn sum(&self) -> u64 {
        self.sum.get()
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: std::array::from_fn(|_| Counter::default()),
            sum: Counter::default(),
        }
    }
}

/// Declares a struct of counters together with the table that names and explains each of them.
#[macro_export]
macro_rules! counter_table {
    ($(#[$meta:meta])* $name:ident { $($field:ident $label:literal $help:literal;)* }) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        pub struct $name { $(#[doc = $help] pub $field: $crate::counters::Counter,)* }

        impl $name {
            /// Name and help of every counter, in the order of `values`.
            pub const TABLE: &'static [(&'static str, &'static str)] = &[$(($label, $help),)*];

            /// The present value of every counter.
            pub fn values(&self) -> [u64; Self::TABLE.len()] {
                [$(self.$field.get(),)*]
            }
        }
    };
}
