//! `coremill neighbors` and `coremill ports`.

use anyhow::Result;
use coremill_protocol::{NeighborView, PortView, Reply, Request};

use super::fetch;
use crate::client::Client;
use crate::output::{Format, Table, quantity};

/// Prints neighbours.
pub fn neighbors(client: &mut Client, format: Format) -> Result<()> {
    let rows = fetch(client, &Request::Neighbors {}, |reply| match reply {
        Reply::Neighbors { neighbors } => Some(neighbors),
        _ => None,
    })?;
    Ok(format.print(&rows, |rows| neighbor_table(rows))?)
}

/// Prints ports.
pub fn ports(client: &mut Client, format: Format) -> Result<()> {
    let rows = fetch(client, &Request::Ports {}, |reply| match reply {
        Reply::Ports { ports } => Some(ports),
        _ => None,
    })?;
    Ok(format.print(&rows, |rows| port_table(rows))?)
}

fn neighbor_table(rows: &[NeighborView]) -> Table {
    let mut table = Table::new([
        "ADDRESS",
        "PORT",
        "MAC",
        "STATE",
        ">CONFIRMED",
        ">PENDING",
        ">WORKER",
    ]);
    for row in rows {
        table.row([
            row.address.to_string(),
            row.port.clone(),
            quantity::or_dash(row.mac.as_ref()),
            row.state.clone(),
            quantity::or_dash(
                row.confirmed_ms
                    .map(|ms| format!("{} ago", quantity::uptime(ms))),
            ),
            row.pending.to_string(),
            row.worker.to_string(),
        ]);
    }
    table
}

fn port_table(rows: &[PortView]) -> Table {
    let mut table = Table::new([
        "NAME",
        "DRIVER",
        "MAC",
        ">MTU",
        "LINK",
        "ADDRESSES",
        "OFFLOADS",
        "INTERRUPTS",
    ]);
    for row in rows {
        let addresses: Vec<String> = row.addresses.iter().map(ToString::to_string).collect();
        let link = row.link_up.map(|up| if up { "up" } else { "down" });
        table.row([
            row.name.clone(),
            row.driver.clone(),
            row.mac.clone(),
            row.mtu.to_string(),
            quantity::or_dash(link),
            addresses.join(", "),
            if row.offloads.is_empty() {
                "none".into()
            } else {
                row.offloads.join(", ")
            },
            if row.receive_interrupts {
                "yes".into()
            } else {
                "no".into()
            },
        ]);
    }
    table
}
