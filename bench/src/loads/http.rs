//! `http`: GET requests over HTTP/1.1 on many connections, kept alive or one request each; status, length and, where
//! asked for, digest of each body are checked.

mod get;
mod response;

use std::sync::Arc;

use crate::driver::{Driver, Load};
use crate::plan::HttpPlan;
use crate::progress::{Progress, Unit};
use crate::report::Report;
use crate::transport::Transport;

use get::Get;

/// Runs the load.
///
/// # Errors
/// When there is nothing to wait with; what happens on connections is in the report.
pub fn run(plan: &HttpPlan, transport: &impl Transport) -> anyhow::Result<Report> {
    let reopen = plan.peer.reopen.unwrap_or(0);
    let total = plan.requests.map(|requests| {
        let connections = u64::from(plan.peer.connections).saturating_mul(reopen.saturating_add(1));
        connections.saturating_mul(requests)
    });
    let progress = Progress::start(total, Unit::Requests, !plan.output.no_progress);
    let http = Http {
        plan,
        request: request(plan),
    };
    let parts = (&plan.peer, &progress);
    let driver = Driver::new(transport, &http, parts, reopen, plan.duration())?;
    let outcome = driver.run();
    progress.finish();
    let (tally, elapsed) = outcome?;
    Ok(tally.report("http".to_owned(), plan.peer.name(), elapsed))
}

struct Http<'a> {
    plan: &'a HttpPlan,
    request: Arc<[u8]>,
}

/// All requests are alike.
fn request(plan: &HttpPlan) -> Arc<[u8]> {
    let HttpPlan { path, peer, .. } = plan;
    let connection = if plan.close { "close" } else { "keep-alive" };
    let target = peer.target;
    format!("GET {path} HTTP/1.1\r\nHost: {target}\r\nConnection: {connection}\r\n\r\n")
        .into_bytes()
        .into()
}

impl Load for Http<'_> {
    type Talk = Get;

    fn talk(&self, _: usize) -> Get {
        Get::new(&self.request, self.plan)
    }
}
