//! `rpc`: a closed loop of requests to an echo service on many connections.

mod exchange;

use std::time::Duration;

use crate::driver::{Driver, Load};
use crate::plan::RpcPlan;
use crate::progress::{Progress, Unit};
use crate::report::Report;
use crate::transport::Transport;

pub use exchange::Exchange;

/// Runs the load.
///
/// # Errors
/// When there is nothing to wait with; what happens on connections is in the report.
pub fn run(plan: &RpcPlan, transport: &impl Transport) -> anyhow::Result<Report> {
    let reopen = plan.peer.reopen.unwrap_or(0);
    let total = plan.requests.map(|requests| {
        let connections = u64::from(plan.peer.connections).saturating_mul(reopen.saturating_add(1));
        connections.saturating_mul(requests)
    });
    let progress = Progress::start(total, Unit::Requests, !plan.output.no_progress);
    let rpc = Rpc { plan };
    let parts = (&plan.peer, &progress);
    let driver = Driver::new(transport, &rpc, parts, reopen, plan.duration())?;
    let outcome = driver.run();
    progress.finish();
    let (tally, elapsed) = outcome?;
    Ok(tally.report("rpc".to_owned(), plan.peer.name(), elapsed))
}

struct Rpc<'a> {
    plan: &'a RpcPlan,
}

impl Load for Rpc<'_> {
    type Talk = Exchange;

    fn talk(&self, index: usize) -> Exchange {
        let seed = self.plan.peer.seed.wrapping_add(index as u64);
        Exchange::new(
            seed,
            self.plan.size,
            self.plan.requests,
            self.plan.pause.is_some(),
        )
    }

    fn pause(&self) -> Duration {
        self.plan.pause.unwrap_or_default()
    }
}
