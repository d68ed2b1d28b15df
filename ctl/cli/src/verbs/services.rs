//! `coremill services` and `coremill listeners`.

use anyhow::Result;
use coremill_protocol::{ListenerView, Reply, Request, ServiceView};

use super::fetch;
use crate::client::Client;
use crate::output::{Format, Table, quantity};

/// Prints services.
pub fn services(client: &mut Client, format: Format) -> Result<()> {
    let rows = fetch(client, &Request::Services {}, |reply| match reply {
        Reply::Services { services } => Some(services),
        _ => None,
    })?;
    Ok(format.print(&rows, |rows| service_table(rows))?)
}

/// Prints listeners.
pub fn listeners(client: &mut Client, format: Format) -> Result<()> {
    let rows = fetch(client, &Request::Listeners {}, |reply| match reply {
        Reply::Listeners { listeners } => Some(listeners),
        _ => None,
    })?;
    Ok(format.print(&rows, |rows| listener_table(rows))?)
}

fn service_table(rows: &[ServiceView]) -> Table {
    let mut table = Table::new([
        "NAME",
        "KIND",
        "ADDRESS",
        ">WORKER",
        ">OPEN",
        ">TOTAL",
        ">ERRORS",
        ">RECEIVED",
        ">SENT",
        ">REQUESTS",
        ">MISMATCHES",
        ">P50",
        ">P99",
    ]);
    for row in rows {
        let latency = |nanos: u64| {
            if nanos == 0 {
                "-".into()
            } else {
                quantity::nanos(nanos)
            }
        };
        table.row([
            row.name.clone(),
            row.kind.clone(),
            quantity::or_dash(row.address),
            row.worker.to_string(),
            row.connections.to_string(),
            row.connections_total.to_string(),
            row.errors.to_string(),
            quantity::bytes(row.received_bytes),
            quantity::bytes(row.sent_bytes),
            row.requests.to_string(),
            row.mismatches.to_string(),
            latency(row.latency_p50_ns),
            latency(row.latency_p99_ns),
        ]);
    }
    table
}

fn listener_table(rows: &[ListenerView]) -> Table {
    let mut table = Table::new([
        "LOCAL",
        ">WORKER",
        ">WAITING",
        ">BACKLOG (ALL)",
        ">HALF-OPEN",
        ">OVERFLOWS",
    ]);
    for row in rows {
        table.row([
            row.local.to_string(),
            row.worker.to_string(),
            row.accept_queue.to_string(),
            row.backlog.to_string(),
            row.requests.to_string(),
            row.overflows.to_string(),
        ]);
    }
    table
}
