//! `coremill status`.

use anyhow::Result;
use coremill_protocol::{Reply, Request, StatusView};

use super::fetch;
use crate::client::Client;
use crate::output::{Format, Table, quantity};

/// Prints the daemon's status.
pub fn run(client: &mut Client, format: Format) -> Result<()> {
    let status = fetch(client, &Request::Status {}, |reply| match reply {
        Reply::Status { status } => Some(status),
        _ => None,
    })?;
    Ok(format.print(&status, table)?)
}

fn table(status: &StatusView) -> Table {
    let mut table = Table::new(["", ""]);
    let mut line = |name: &str, value: String| table.row([name.into(), value]);
    line("version", status.version.clone());
    line("process", status.pid.to_string());
    line("phase", status.phase.clone());
    line("uptime", quantity::uptime(status.uptime_ms));
    line("config", status.config_file.clone());
    line(
        "metrics",
        status.metrics_address.map_or_else(
            || "off".into(),
            |address| format!("http://{address}/metrics"),
        ),
    );
    line("workers", status.workers.to_string());
    line("ports", status.ports.to_string());
    line(
        "packets",
        format!(
            "{} received, {} sent, {} dropped",
            status.received_packets, status.transmitted_packets, status.dropped_packets
        ),
    );
    let states: Vec<String> = status
        .connections
        .iter()
        .map(|count| format!("{} {}", count.connections, count.state))
        .collect();
    line(
        "connections",
        if states.is_empty() {
            "none".into()
        } else {
            states.join(", ")
        },
    );
    table
}
