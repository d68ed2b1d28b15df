//! `coremill workers`.

use anyhow::Result;
use coremill_protocol::{Reply, Request, WorkerView};

use super::fetch;
use crate::client::Client;
use crate::output::{Format, Table, quantity};

/// Prints what each worker does.
pub fn run(client: &mut Client, format: Format) -> Result<()> {
    let rows = fetch(client, &Request::Workers {}, |reply| match reply {
        Reply::Workers { workers } => Some(workers),
        _ => None,
    })?;
    Ok(format.print(&rows, |rows| table(rows))?)
}

fn table(rows: &[WorkerView]) -> Table {
    let mut table = Table::new([
        ">WORKER",
        ">CORE",
        ">RECEIVED",
        ">SENT",
        ">DROPPED",
        "?>STRAYS OUT",
        "?>STRAYS IN",
        ">RECORDS",
        "?>MEMORY",
        "?>POOLED",
        "?>TURNS",
        "?>BUSY",
        "?>SLEEPS",
        ">ASLEEP",
        ">IDLE",
        ">TURN P99",
    ]);
    for row in rows {
        table.row([
            row.worker.to_string(),
            quantity::or_dash(row.core),
            row.received_packets.to_string(),
            row.transmitted_packets.to_string(),
            row.dropped_packets.to_string(),
            row.strays_sent.to_string(),
            row.strays_received.to_string(),
            row.connections.to_string(),
            row.held_bytes.to_string(),
            row.pools
                .iter()
                .map(|pool| pool.entries)
                .sum::<u64>()
                .to_string(),
            row.turns.to_string(),
            row.busy_turns.to_string(),
            row.sleeps.to_string(),
            format!("{:.1} %", row.asleep_percent),
            format!("{:.1} %", row.idle_percent),
            quantity::nanos(row.turn_p99_ns),
        ]);
    }
    table
}
