use std::fmt::Write as _;

use super::{Cause, State, TRANSITIONS};

/// The graph in Mermaid's language, as `STATES.md` shows it.
fn graph() -> String {
    let mut out = String::from("stateDiagram-v2\n");
    let id = |state: State| state.name().replace('-', "_");
    for (from, cause, to) in TRANSITIONS {
        let _fits = writeln!(out, "    {} --> {}: {}", id(*from), id(*to), cause.word());
    }
    out
}

#[test]
fn the_graph_in_the_documents_is_that_of_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/STATES.md");
    let expected = format!("{HEAD}```mermaid\n{}```\n", graph());
    if std::env::var_os("COREMILL_REFERENCE_WRITE").is_some() {
        std::fs::write(path, &expected).expect("the file can be written");
    }
    let found = std::fs::read_to_string(path).expect("STATES.md is there");
    assert!(
        found == expected,
        "tcp/STATES.md is stale; rewrite it with COREMILL_REFERENCE_WRITE=1"
    );
}

#[test]
fn a_cause_leads_to_one_state_only() {
    for (index, (from, cause, _)) in TRANSITIONS.iter().enumerate() {
        let again = TRANSITIONS[index + 1..]
            .iter()
            .any(|(other, by, _)| other == from && by == cause);
        assert!(!again, "{from:?} by {cause:?} stands twice");
    }
}

#[test]
fn every_state_can_be_reached_and_left() {
    for state in State::ALL {
        let is_left = TRANSITIONS.iter().any(|(from, ..)| *from == state);
        // A listener is made, not reached.
        let is_reached = state == State::Listen || TRANSITIONS.iter().any(|(.., to)| *to == state);
        assert!(is_left && is_reached, "{state:?}");
    }
}

/// RFC 9293, figure 5, edge by edge, but for LISTEN by SEND, which nobody does.
#[test]
fn the_edges_of_the_standards_figure_are_there() {
    use State::*;
    let figure = [
        (Closed, SynSent),
        (Listen, SynReceived),
        (SynSent, SynReceived),
        (SynSent, Established),
        (SynReceived, Established),
        (SynReceived, FinWait1),
        (Established, FinWait1),
        (Established, CloseWait),
        (FinWait1, FinWait2),
        (FinWait1, Closing),
        (FinWait2, TimeWait),
        (CloseWait, LastAck),
        (Closing, TimeWait),
        (LastAck, Closed),
        (TimeWait, Closed),
        (SynSent, Closed),
    ];
    for (from, to) in figure {
        let is_there = TRANSITIONS
            .iter()
            .any(|(left, _, right)| (*left, *right) == (from, to));
        assert!(is_there, "{from:?} to {to:?}");
    }
}

#[test]
fn what_cannot_happen_leads_nowhere() {
    assert_eq!(State::Closed.after(Cause::FinReceived), None);
    assert_eq!(State::LastAck.after(Cause::FinReceived), None);
    assert_eq!(State::TimeWait.after(Cause::ShutDown), None);
}

const HEAD: &str = "# States

Drawn from the table in `src/state/transition.rs`; a test keeps this page and the table the same. What RFC 9293's
figure 5 leaves to the text is in it: each state can fail, and a newer SYN opens a flow in TIME-WAIT again.

";
