//! `coremill counters` and `coremill drops`.

use anyhow::Result;
use coremill_protocol::{CounterView, DropView, Reply, Request};

use super::fetch;
use crate::arguments::Selection;
use crate::client::Client;
use crate::output::{Format, Table};

/// Prints counters.
pub fn counters(client: &mut Client, format: Format, which: &Selection) -> Result<()> {
    let mut rows = fetch(client, &Request::Counters {}, |reply| match reply {
        Reply::Counters { counters } => Some(counters),
        _ => None,
    })?;
    for row in &mut rows {
        keep(&mut row.workers, which)?;
    }
    rows.retain(|row| which.all || row.workers.iter().any(|value| *value > 0));
    Ok(format.print(&rows, |rows| counter_table(rows, which))?)
}

/// Prints drop reasons.
pub fn drops(client: &mut Client, format: Format, which: &Selection) -> Result<()> {
    let mut rows = fetch(client, &Request::Drops {}, |reply| match reply {
        Reply::Drops { drops } => Some(drops),
        _ => None,
    })?;
    for row in &mut rows {
        keep(&mut row.workers, which)?;
    }
    rows.retain(|row| which.all || row.workers.iter().any(|value| *value > 0));
    Ok(format.print(&rows, |rows| drop_table(rows, which))?)
}

/// Leaves only the worker asked for.
fn keep(values: &mut Vec<u64>, which: &Selection) -> Result<()> {
    if let Some(worker) = which.worker {
        let Some(value) = values.get(worker).copied() else {
            anyhow::bail!(
                "there is no worker {worker}; there are {}, counted from 0",
                values.len()
            );
        };
        *values = vec![value];
    }
    Ok(())
}

fn counter_table(rows: &[CounterView], which: &Selection) -> Table {
    let workers = rows.first().map_or(0, |row| row.workers.len());
    let headings = numbers(&["LAYER", "COUNTER"], workers, which);
    let mut table = Table::new(headings.iter().map(String::as_str));
    for row in rows {
        let start = [row.layer.clone(), row.name.clone()];
        table.row(
            start
                .into_iter()
                .chain(cells(&row.workers))
                .chain([row.help.clone()]),
        );
    }
    table
}

fn drop_table(rows: &[DropView], which: &Selection) -> Table {
    let workers = rows.first().map_or(0, |row| row.workers.len());
    let headings = numbers(&["REASON"], workers, which);
    let mut table = Table::new(headings.iter().map(String::as_str));
    for row in rows {
        table.row(
            [row.reason.clone()]
                .into_iter()
                .chain(cells(&row.workers))
                .chain([row.help.clone()]),
        );
    }
    table
}

/// The first columns, then a sum, each worker where there are several, and help.
fn numbers(first: &[&str], workers: usize, which: &Selection) -> Vec<String> {
    let mut headings: Vec<String> = first.iter().map(|heading| (*heading).into()).collect();
    match (which.worker, workers) {
        (Some(worker), _) => headings.push(format!(">WORKER {worker}")),
        (None, 0 | 1) => headings.push(">VALUE".into()),
        (None, _) => {
            headings.push(">SUM".into());
            headings.extend((0..workers).map(|worker| format!(">WORKER {worker}")));
        }
    }
    headings.push("HELP".into());
    headings
}

fn cells(values: &[u64]) -> Vec<String> {
    let each = values.iter().map(u64::to_string);
    if values.len() < 2 {
        return each.collect();
    }
    let sum = values
        .iter()
        .fold(0_u64, |sum, value| sum.wrapping_add(*value));
    [sum.to_string()].into_iter().chain(each).collect()
}
