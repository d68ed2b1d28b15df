//! `connect`: opens connections, lets each exchange bytes with an echo service once where that is asked for, closes them, and
//! opens the next: how many handshakes a server takes, and how long one lasts.

use std::io::{Read, Write};
use std::time::Instant;

use crate::driver::{Driver, Load, Step, Talk, Turn};
use crate::failure::Failure;
use crate::loads::rpc::Exchange;
use crate::plan::ConnectPlan;
use crate::progress::{Progress, Unit};
use crate::report::{Report, Tally};
use crate::transport::Transport;

/// Runs the load.
///
/// # Errors
/// When there is nothing to wait with; what happens on connections is in the report.
pub fn run(plan: &ConnectPlan, transport: &impl Transport) -> anyhow::Result<Report> {
    // Each connection is one of those that follow each other in its slot.
    let reopen = plan.peer.reopen.unwrap_or(u64::MAX);
    let total = plan.peer.reopen.map(|reopen| {
        let connections = u64::from(plan.peer.connections);
        connections.saturating_mul(reopen.saturating_add(1))
    });
    let progress = Progress::start(total, Unit::Connections, !plan.output.no_progress);
    let connect = Connect { plan };
    let parts = (&plan.peer, &progress);
    let driver = Driver::new(transport, &connect, parts, reopen, plan.duration())?;
    let outcome = driver.run();
    progress.finish();
    let (tally, elapsed) = outcome?;
    Ok(tally.report("connect".to_owned(), plan.peer.name(), elapsed))
}

struct Connect<'a> {
    plan: &'a ConnectPlan,
}

impl Load for Connect<'_> {
    type Talk = Greeting;

    fn talk(&self, index: usize) -> Greeting {
        let seed = self.plan.peer.seed.wrapping_add(index as u64);
        let exchange = |size| Exchange::new(seed, size, Some(1), false);
        Greeting {
            began: Instant::now(),
            exchange: self.plan.exchange.map(exchange),
        }
    }

    fn progress(tally: &Tally) -> u64 {
        tally.connections
    }
}

/// One exchange, or nothing at all.
struct Greeting {
    began: Instant,
    exchange: Option<Exchange>,
}

impl Talk for Greeting {
    fn begin(&mut self, now: Instant) {
        self.began = now;
        if let Some(exchange) = &mut self.exchange {
            exchange.begin(now);
        }
    }

    fn began(&self) -> Instant {
        self.began
    }

    fn go_on<C: Read + Write>(
        &mut self,
        connection: &mut C,
        readable: bool,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Failure> {
        match &mut self.exchange {
            Some(exchange) => exchange.go_on(connection, readable, turn),
            None => Ok(Step::Done),
        }
    }

    fn is_writing(&self) -> bool {
        let exchange = self.exchange.as_ref();
        exchange.is_some_and(Exchange::is_writing)
    }
}
