//! `coremill routes`, `coremill routes add`, `coremill routes remove`.

use anyhow::Result;
use coremill_protocol::{Reply, Request, RouteChange, RouteView};

use super::fetch;
use crate::arguments::RouteVerb;
use crate::client::Client;
use crate::output::{Format, Table, quantity};

/// Lists routes, or changes one.
pub fn run(client: &mut Client, format: Format, change: Option<&RouteVerb>) -> Result<()> {
    match change {
        None => list(client, format),
        Some(RouteVerb::Add(route)) => {
            let request = Request::RouteAdd(RouteChange {
                network: route.network,
                gateway: route.gateway,
                port: route.port.clone(),
                source: route.source,
                local_through_port: route.local_through_port,
            });
            fetch(client, &request, |reply| match reply {
                Reply::RouteAdd {} => Some(()),
                _ => None,
            })?;
            Ok(format.done(&format!("route to {} added", route.network))?)
        }
        Some(RouteVerb::Remove { network }) => {
            let request = Request::RouteRemove(RouteChange {
                network: *network,
                gateway: None,
                port: None,
                source: None,
                local_through_port: false,
            });
            fetch(client, &request, |reply| match reply {
                Reply::RouteRemove {} => Some(()),
                _ => None,
            })?;
            Ok(format.done(&format!("route to {network} removed"))?)
        }
    }
}

fn list(client: &mut Client, format: Format) -> Result<()> {
    let rows = fetch(client, &Request::Routes {}, |reply| match reply {
        Reply::Routes { routes } => Some(routes),
        _ => None,
    })?;
    Ok(format.print(&rows, |rows| table(rows))?)
}

fn table(rows: &[RouteView]) -> Table {
    let mut table = Table::new(["NETWORK", "GATEWAY", "PORT", "SOURCE", "OWN ADDRESSES"]);
    for row in rows {
        table.row([
            row.network.to_string(),
            quantity::or_dash(row.gateway),
            row.port.clone(),
            row.source.to_string(),
            if row.local_through_port {
                "through the port".into()
            } else {
                "inside".into()
            },
        ]);
    }
    table
}
