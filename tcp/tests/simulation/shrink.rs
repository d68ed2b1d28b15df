//! From a plan that fails to the smallest one that still does: what a reader has to understand.

use std::time::Duration;

use coremill_tcp::ecn::EcnMode;
use coremill_tcp::limits::SynCookies;
use coremill_tcp::options::SocketOptions;

use super::plan::{ConnectionPlan, EndPlan, Ending, Plan};
use super::trouble::Trouble;

/// Leaves out and makes smaller whatever the failure does not need; `fails` runs a plan.
pub fn smallest(mut plan: Plan, fails: &dyn Fn(&Plan) -> bool) -> Plan {
    let mut runs = 0;
    'again: while runs < RUNS_MAX {
        for candidate in candidates(&plan) {
            runs += 1;
            if fails(&candidate) {
                plan = candidate;
                continue 'again;
            }
        }
        break;
    }
    plan
}

/// Plans one step simpler than `plan`, the largest steps first.
fn candidates(plan: &Plan) -> Vec<Plan> {
    let mut all = fewer_connections(plan);
    if plan.is_cut {
        let is_cut = false;
        all.push(Plan {
            is_cut,
            ..plan.clone()
        });
    }
    for side in 0..2 {
        for change in LINK_CHANGES {
            let mut simpler = plan.clone();
            if change(&mut simpler, side) {
                all.push(simpler);
            }
        }
    }
    for index in 0..plan.connections.len() {
        for change in CONNECTION_CHANGES {
            let mut simpler = plan.clone();
            if change(&mut simpler.connections[index]) {
                all.push(simpler);
            }
        }
    }
    all
}

fn fewer_connections(plan: &Plan) -> Vec<Plan> {
    let count = plan.connections.len();
    let mut all = Vec::new();
    let mut without = |from: usize, to: usize| {
        let mut simpler = plan.clone();
        simpler.connections.drain(from..to);
        if !simpler.connections.is_empty() {
            all.push(simpler);
        }
    };
    if count > 3 {
        without(0, count / 2);
        without(count / 2, count);
    }
    for index in 0..count {
        without(index, index + 1);
    }
    all
}

/// Sets `place` to `value`; false when that changes nothing.
fn set<T: PartialEq>(place: &mut T, value: T) -> bool {
    let is_new = *place != value;
    *place = value;
    is_new
}

fn trouble(plan: &mut Plan, side: usize) -> &mut Trouble {
    &mut plan.links[side].trouble
}

const LINK_CHANGES: &[fn(&mut Plan, usize) -> bool] = &[
    |plan, side| set(&mut trouble(plan, side).loss, 0),
    |plan, side| trouble(plan, side).burst.take().is_some(),
    |plan, side| set(&mut trouble(plan, side).ack_loss, 0),
    |plan, side| set(&mut trouble(plan, side).reorder, 0),
    |plan, side| set(&mut trouble(plan, side).duplicate, 0),
    |plan, side| set(&mut trouble(plan, side).corrupt, 0),
    |plan, side| plan.links[side].mtu_change.take().is_some(),
    |plan, side| plan.links[side].marks_after.take().is_some(),
    |plan, side| set(&mut plan.links[side].jitter, Duration::ZERO),
    |plan, side| set(&mut plan.links[side].gathers, Duration::ZERO),
    |plan, side| set(&mut plan.links[side].bits_per_second, 10_000_000_000),
    |plan, side| set(&mut plan.links[side].queue, Duration::from_secs(1)),
    |plan, side| set(&mut plan.links[side].delay, Duration::from_millis(1)),
    |plan, side| set(&mut plan.limits[side].window_scaling, true),
    |plan, side| set(&mut plan.limits[side].timestamps, true),
    |plan, side| set(&mut plan.limits[side].sack, true),
    |plan, side| set(&mut plan.limits[side].ecn, EcnMode::Off),
    |plan, side| set(&mut plan.limits[side].reassembly_ranges_max, 32),
    |plan, side| set(&mut plan.limits[side].send_buffer_bytes, 1 << 20),
    |plan, side| set(&mut plan.limits[side].receive_buffer_bytes, 1 << 20),
    |plan, _| set(&mut plan.mtu, 1_500),
    |plan, _| set(&mut plan.is_wide, false),
    |plan, _| set(&mut plan.signs, None),
    |plan, side| set(&mut plan.limits[side].opening.syn_cookies, SynCookies::Auto),
    |plan, side| set(&mut plan.limits[side].congestion.pacing, false),
];

const CONNECTION_CHANGES: &[fn(&mut ConnectionPlan) -> bool] = &[
    |connection| connection.simultaneous.take().is_some(),
    |connection| set(&mut connection.opens_after, Duration::ZERO),
    |connection| set(&mut connection.ends[0].send_bytes, 0),
    |connection| set(&mut connection.ends[1].send_bytes, 0),
    |connection| halve(&mut connection.ends[0].send_bytes),
    |connection| halve(&mut connection.ends[1].send_bytes),
    |connection| connection.ends[0].pause.take().is_some(),
    |connection| connection.ends[1].pause.take().is_some(),
    |connection| set(&mut connection.ends[0].send_piece, 65_536),
    |connection| set(&mut connection.ends[1].send_piece, 65_536),
    |connection| set(&mut connection.ends[0].receive_piece, 65_536),
    |connection| set(&mut connection.ends[1].receive_piece, 65_536),
    |connection| set(&mut connection.ends[0].no_delay, true),
    |connection| set(&mut connection.ends[1].no_delay, true),
    |connection| plain(&mut connection.ends[0]),
    |connection| plain(&mut connection.ends[1]),
    |connection| set(&mut connection.ends[0].ending, Ending::Orderly),
    |connection| set(&mut connection.ends[1].ending, Ending::Orderly),
];

/// Without one of its choices.
fn plain(end: &mut EndPlan) -> bool {
    set(&mut end.is_urgent, false)
        || set(&mut end.says_more, false)
        || set(&mut end.changes_key, false)
        || set(&mut end.socket, SocketOptions::default())
}

fn halve(count: &mut usize) -> bool {
    *count /= 2;
    *count > 0
}

/// Runs that a search may take: some seconds at most.
const RUNS_MAX: u32 = 3_000;

#[test]
fn a_failing_plan_shrinks_to_what_makes_it_fail() {
    let plan = (0..)
        .map(Plan::random)
        .find(|plan| plan.links[1].trouble.loss > 0 && plan.connections.len() > 3)
        .expect("there are such plans");
    // The failure: the second link loses packets while a connection has more than a thousand bytes to send.
    let fails = |plan: &Plan| {
        let is_long = |end: &super::plan::EndPlan| end.send_bytes > 1_000;
        let mut connections = plan.connections.iter();
        plan.links[1].trouble.loss > 0
            && connections.any(|connection| connection.ends.iter().any(is_long))
    };
    assert!(fails(&plan));
    let small = smallest(plan, &fails);
    assert!(fails(&small));
    assert_eq!(small.connections.len(), 1);
    let ends = &small.connections[0].ends;
    assert!(ends[0].send_bytes + ends[1].send_bytes < 2_004);
    assert_eq!(small.links[0].trouble.loss, 0);
    assert!(small.links[1].mtu_change.is_none() && small.links[1].trouble.burst.is_none());
}

#[test]
fn a_plan_without_its_options_still_compares_urgent_bytes() {
    let mut urgent = 0;
    for seed in 0..40 {
        let mut plan = Plan::random(seed);
        for end in plan.connections.iter_mut().flat_map(|plan| &mut plan.ends) {
            end.socket = SocketOptions::default();
        }
        urgent += super::run(&plan).marks_seen;
    }
    assert!(urgent > 0);
}
