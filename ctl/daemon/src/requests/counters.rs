//! `counters` and `drops`: one row each with its value on every worker.

use coremill_engine::counters::EngineCounters;
use coremill_engine::drop_reason::DropReason;
use coremill_protocol::{CounterView, DropView};
use coremill_tcp::TcpCounters;

use crate::stack::Stack;

/// All counters.
pub fn counters(stack: &Stack) -> Vec<CounterView> {
    let engine: Vec<_> = stack
        .workers
        .iter()
        .map(|worker| worker.counters().engine.values())
        .collect();
    let tcp: Vec<_> = stack
        .workers
        .iter()
        .map(|worker| worker.tcp_counters().values())
        .collect();
    let mut rows = layer("engine", EngineCounters::TABLE, &engine);
    rows.extend(layer("tcp", TcpCounters::TABLE, &tcp));
    rows
}

/// All drop reasons.
pub fn drops(stack: &Stack) -> Vec<DropView> {
    let view = |reason: DropReason| DropView {
        reason: reason.word().into(),
        help: reason.help().into(),
        workers: stack
            .workers
            .iter()
            .map(|worker| worker.counters().drops.get(reason))
            .collect(),
    };
    DropReason::all().map(view).collect()
}

fn layer<const N: usize>(
    name: &str,
    table: &[(&str, &str)],
    values: &[[u64; N]],
) -> Vec<CounterView> {
    let view = |(index, (counter, help)): (usize, &(&str, &str))| CounterView {
        layer: name.into(),
        name: (*counter).into(),
        help: (*help).into(),
        workers: values
            .iter()
            .filter_map(|values| values.get(index).copied())
            .collect(),
    };
    table.iter().enumerate().map(view).collect()
}
