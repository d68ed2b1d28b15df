//! `coremill destinations`, `coremill destinations forget` and `flush`, and `coremill fast-open-keys`.

use anyhow::Result;
use coremill_protocol::{DestinationView, Reply, Request};

use super::fetch;
use crate::arguments::DestinationVerb;
use crate::client::Client;
use crate::output::{Format, Table, quantity};

/// Lists what is remembered, or has it forgotten.
pub fn run(client: &mut Client, format: Format, change: Option<&DestinationVerb>) -> Result<()> {
    let address = match change {
        None => return list(client, format),
        Some(DestinationVerb::Forget { address }) => Some(*address),
        Some(DestinationVerb::Flush) => None,
    };
    let request = Request::DestinationsForget { address };
    let forgotten = fetch(client, &request, |reply| match reply {
        Reply::DestinationsForget { forgotten } => Some(forgotten),
        _ => None,
    })?;
    Ok(format.done(&format!("{forgotten} forgotten"))?)
}

/// Changes the keys of Fast Open cookies.
pub fn keys(
    client: &mut Client,
    format: Format,
    present: &str,
    previous: Option<&str>,
) -> Result<()> {
    let request = Request::FastOpenKeys {
        present: present.to_owned(),
        previous: previous.map(str::to_owned),
    };
    fetch(client, &request, |reply| match reply {
        Reply::FastOpenKeys {} => Some(()),
        _ => None,
    })?;
    Ok(format.done("keys changed")?)
}

fn list(client: &mut Client, format: Format) -> Result<()> {
    let rows = fetch(client, &Request::Destinations {}, |reply| match reply {
        Reply::Destinations { destinations } => Some(destinations),
        _ => None,
    })?;
    Ok(format.print(&rows, |rows| table(rows))?)
}

fn table(rows: &[DestinationView]) -> Table {
    let mut table = Table::new([
        "ADDRESS",
        "SOURCE",
        ">AGE",
        "?>RTT",
        "?>RTTVAR",
        "?>CWND",
        "?>SSTHRESH",
        "?>REORDERING",
        "?>PATH MTU",
        "?>FOUND",
        "?FAST OPEN COOKIE",
        "?>MSS",
        "?>LOST",
        "?>WORKER",
    ]);
    let micros = |us: u64| quantity::nanos(us.saturating_mul(1_000));
    let text = |count: Option<u32>| quantity::or_dash(count.map(|count| count.to_string()));
    for row in rows {
        table.row([
            row.address.to_string(),
            row.source.to_string(),
            quantity::uptime(row.age_ms),
            quantity::or_dash(row.round_trip_us.map(micros)),
            quantity::or_dash(row.round_trip_variation_us.map(micros)),
            text(row.congestion_window_segments),
            text(row.slow_start_threshold_segments),
            text(row.reordering_segments),
            text(row.path_mtu.map(u32::from)),
            quantity::or_dash(found(row)),
            quantity::or_dash(row.fast_open_cookie.clone()),
            text(row.fast_open_segment_bytes),
            text((row.fast_open_syn_losses > 0).then_some(u32::from(row.fast_open_syn_losses))),
            row.worker.to_string(),
        ]);
    }
    table
}

/// The range that a search for what the path carries has come to.
fn found(row: &DestinationView) -> Option<String> {
    let (low, high) = (row.path_mtu_low?, row.path_mtu_high?);
    Some(match low == high {
        true => low.to_string(),
        false => format!("{low}-{high}"),
    })
}
