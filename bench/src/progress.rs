//! A progress bar on standard error, drawn on a terminal only.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Requests answered.
    Requests,
    /// Connections that stood.
    Connections,
    /// Bytes moved.
    Bytes,
}

/// Shows how far a load has come; cheap to feed from any thread.
#[derive(Clone, Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Begins to show; without a `total` it counts upwards only.
    pub fn start(total: Option<u64>, unit: Unit, wanted: bool) -> Self {
        if !wanted || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template(total.is_some(), unit)) {
            let rate = |state: &ProgressState, text: &mut dyn Write| {
                // A rate that cannot be written is not shown.
                let _ = write!(text, "{} per second", HumanCount(state.per_sec() as u64));
            };
            bar.set_style(style.with_key("rate", rate).progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// `count` more are done.
    pub fn add(&self, count: u64) {
        self.0.inc(count);
    }

    /// Clears the bar, so that the report stands alone.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

const fn template(bounded: bool, unit: Unit) -> &'static str {
    match (bounded, unit) {
        (true, Unit::Requests) => "[{bar:40}] {human_pos}/{human_len} requests  {rate}  {eta}",
        (false, Unit::Requests) => "{spinner} {elapsed}  {human_pos} requests  {rate}",
        (true, Unit::Connections) => {
            "[{bar:40}] {human_pos}/{human_len} connections  {rate}  {eta}"
        }
        (false, Unit::Connections) => "{spinner} {elapsed}  {human_pos} connections  {rate}",
        (true, Unit::Bytes) => {
            "[{bar:40}] {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {eta}"
        }
        (false, Unit::Bytes) => "{spinner} {elapsed}  {binary_bytes}  {binary_bytes_per_sec}",
    }
}
