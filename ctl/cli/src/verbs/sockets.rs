//! `coremill sockets`.

use anyhow::Result;
use coremill_protocol::{PAGE_ROWS_MAX, Reply, Request, SocketView};

use super::fetch;
use crate::arguments::Sockets;
use crate::client::Client;
use crate::output::{Format, Table, quantity};

/// Prints connections, page after page up to the limit.
pub fn run(client: &mut Client, format: Format, which: &Sockets) -> Result<()> {
    let wanted = if which.limit == 0 {
        usize::MAX
    } else {
        which.limit
    };
    let mut rows: Vec<SocketView> = Vec::new();
    let mut cursor = None;
    loop {
        let request = Request::Sockets {
            state: which.state.clone(),
            address: which.address,
            port: which.port,
            limit: Some((wanted - rows.len()).min(PAGE_ROWS_MAX)),
            cursor: cursor.take(),
        };
        let (page, next) = fetch(client, &request, |reply| match reply {
            Reply::Sockets { sockets, cursor } => Some((sockets, cursor)),
            _ => None,
        })?;
        rows.extend(page);
        cursor = next;
        if cursor.is_none() || rows.len() >= wanted {
            break;
        }
    }
    format.print(&rows, |rows| match (which.memory, which.statistics) {
        (true, _) => memory_table(rows),
        (_, true) => statistics_table(rows),
        _ => table(rows),
    })?;
    if cursor.is_some() {
        eprintln!("coremill: there may be more than {wanted} rows; --limit 0 shows all");
    }
    Ok(())
}

fn table(rows: &[SocketView]) -> Table {
    let mut table = Table::new([
        "STATE",
        ">RECV-Q",
        ">SEND-Q",
        "LOCAL",
        "REMOTE",
        "?>WORKER",
        "?>RTT",
        "?>RTO",
        "?>CWND",
        "?>SSTHRESH",
        "?CONGESTION",
        "?>RETRANS",
        "?SIGNED",
        "?ECN",
        "?RECOVERY",
        "HOLD",
    ]);
    for row in rows {
        let state = if row.orphan {
            format!("{} (orphan)", row.state)
        } else {
            row.state.clone()
        };
        let micros = |us: u64| quantity::nanos(us.saturating_mul(1_000));
        table.row([
            state,
            row.receive_queue_bytes.to_string(),
            row.send_queue_bytes.to_string(),
            row.local.to_string(),
            row.remote.to_string(),
            row.worker.to_string(),
            quantity::or_dash(row.round_trip_us.map(micros)),
            micros(row.retransmission_timeout_us),
            row.congestion_window_bytes.to_string(),
            quantity::or_dash(
                row.slow_start_threshold_bytes
                    .map(|bytes| bytes.to_string()),
            ),
            quantity::or_dash(row.congestion.clone()),
            row.retransmissions.to_string(),
            quantity::or_dash(row.signed_by.clone()),
            quantity::or_dash(row.ecn.clone()),
            quantity::or_dash(row.recovery.clone()),
            row.hold.clone(),
        ]);
    }
    table
}

/// What memory each connection has.
fn memory_table(rows: &[SocketView]) -> Table {
    let mut table = Table::new([
        "STATE",
        "LOCAL",
        "REMOTE",
        ">RECEIVED",
        ">RCVBUF",
        ">QUEUED",
        ">SNDBUF",
        ">FORWARD",
        ">OPTIONS",
    ]);
    for row in rows {
        let Some(memory) = row.memory else {
            continue;
        };
        table.row([
            row.state.clone(),
            row.local.to_string(),
            row.remote.to_string(),
            memory.receive_held_bytes.to_string(),
            memory.receive_buffer_bytes.to_string(),
            memory.send_queued_bytes.to_string(),
            memory.send_buffer_bytes.to_string(),
            memory.forward_bytes.to_string(),
            memory.option_bytes.to_string(),
        ]);
    }
    table
}

/// What each connection has counted, a row for each object.
fn statistics_table(rows: &[SocketView]) -> Table {
    let mut table = Table::new(["LOCAL", "REMOTE", "OBJECT", ">VALUE"]);
    for row in rows {
        for (name, value) in row.statistics.iter().flatten() {
            table.row([
                row.local.to_string(),
                row.remote.to_string(),
                name.clone(),
                value.to_string(),
            ]);
        }
    }
    table
}
