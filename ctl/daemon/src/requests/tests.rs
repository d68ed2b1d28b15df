//! Pages of sockets from several workers, changes of routes, and what is refused.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coremill_engine::command::Command;
use coremill_engine::options::RouteOptions;
use coremill_engine::snapshot::{ConnectionRow, Cursor, Route};
use coremill_protocol::{Answer, ErrorKind, PortView, Reply, Request, SocketView};
use coremill_tcp::congestion::{Algorithm, Phase};
use coremill_tcp::{Endpoint, Flow, State};
use mio::Token;

use super::{Action, dispatch};
use crate::inquiry::{Asker, Inquiries};
use crate::stack::fake::FakeWorker;
use crate::stack::{Stack, Worker};

#[test]
fn pages_of_sockets_cover_every_worker_once() {
    let (stack, workers) = stack(3);
    for (index, worker) in workers.iter().enumerate() {
        hold(worker, index as u16, 10 + index);
    }
    for limit in [1, 4, 7, 1_000] {
        let mut seen: Vec<SocketView> = Vec::new();
        let mut cursor = None;
        loop {
            let request = Request::Sockets {
                state: None,
                address: None,
                port: None,
                limit: Some(limit),
                cursor,
            };
            let Answer::Reply(Reply::Sockets {
                sockets,
                cursor: next,
            }) = ask(&stack, &workers, request)
            else {
                panic!("no sockets");
            };
            assert!(sockets.len() <= limit);
            seen.extend(sockets);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        let mut ports: Vec<(usize, u16)> = seen
            .iter()
            .map(|row| (row.worker, row.remote.port()))
            .collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!((ports.len(), seen.len()), (33, 33), "limit {limit}");
        // The first of a worker is a connection in trouble, the others are none.
        for row in &seen {
            let is_connection = row.remote.port() % 1_000 == 0;
            assert_eq!(row.recovery.as_deref(), is_connection.then_some("loss"));
        }
    }
}

#[test]
fn bad_values_are_refused_with_what_is_allowed() {
    let (stack, _) = stack(2);
    let sockets = |state: Option<&str>, limit, cursor: Option<&str>| Request::Sockets {
        state: state.map(Into::into),
        address: None,
        port: None,
        limit,
        cursor: cursor.map(Into::into),
    };
    let route = |text: &str| serde_json::from_str(text).unwrap();
    for (request, expected) in [
        (
            sockets(Some("open"), None, None),
            "state \"open\": allowed are CLOSED, LISTEN",
        ),
        (
            sockets(None, Some(0), None),
            "limit 0: allowed are 1 to 1000",
        ),
        (sockets(None, Some(1_001), None), "limit 1001"),
        (sockets(None, None, Some("2")), "cursor \"2\""),
        (sockets(None, None, Some("0.x")), "cursor \"0.x\""),
        (
            route(r#"{"request":"route-add","network":"10.0.0.1/8"}"#),
            "has a host part",
        ),
        (
            route(r#"{"request":"route-add","network":"10.0.0.0/8","port":"x"}"#),
            "no port x",
        ),
        (
            route(r#"{"request":"route-add","network":"10.0.0.0/8","gateway":"10.0.0.1"}"#),
            "in no port's network",
        ),
        (
            route(r#"{"request":"route-add","network":"10.0.0.0/8","gateway":"::1"}"#),
            "family",
        ),
        (
            route(r#"{"request":"route-add","network":"10.0.0.0/8","source":"10.0.0.1"}"#),
            "not an own address",
        ),
    ] {
        let Action::Answer(Answer::Error { error }) = dispatch(request, &stack, false) else {
            panic!("{expected}");
        };
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains(expected), "{}", error.message);
    }
}

#[test]
fn states_are_known_by_any_usual_spelling() {
    let (stack, _) = stack(1);
    for state in ["time-wait", "TIME_WAIT", "TimeWait"] {
        let request = Request::Sockets {
            state: Some(state.into()),
            address: None,
            port: None,
            limit: None,
            cursor: None,
        };
        assert!(
            matches!(dispatch(request, &stack, false), Action::Ask(_)),
            "{state}"
        );
    }
}

#[test]
fn a_route_is_added_on_every_worker_and_looked_for() {
    let text = r#"{"request":"route-add","network":"10.0.0.0/8","gateway":"192.0.2.1"}"#;
    let request: Request = serde_json::from_str(text).unwrap();
    let (stack, workers) = stack(2);
    let added = Arc::new(Mutex::new(Vec::new()));
    for worker in &workers {
        let added = Arc::clone(&added);
        *worker.answer.lock().unwrap() = Box::new(move |command| match command {
            Command::AddRoute(options) => {
                added.lock().unwrap().push(route_row(&options));
                Command::AddRoute(options)
            }
            Command::Routes { .. } => Command::Routes {
                rows: added.lock().unwrap().clone(),
            },
            other => other,
        });
    }
    assert_eq!(
        ask(&stack, &workers, request.clone()),
        Reply::RouteAdd {}.into()
    );
    assert_eq!(added.lock().unwrap().len(), 2);

    let (stack, workers) = self::stack(2);
    let Answer::Error { error } = ask(&stack, &workers, request) else {
        panic!("added to a full table");
    };
    assert!(error.message.contains("was not taken"), "{}", error.message);
}

#[test]
fn a_route_that_is_not_there_cannot_be_removed() {
    let (stack, workers) = stack(2);
    let request =
        serde_json::from_str(r#"{"request":"route-remove","network":"10.0.0.0/8"}"#).unwrap();
    let Answer::Error { error } = ask(&stack, &workers, request) else {
        panic!("removed")
    };
    assert_eq!(
        (error.kind, error.message.as_str()),
        (
            ErrorKind::Invalid,
            "no route to 10.0.0.0/8; `coremill routes` lists those there are"
        )
    );
}

#[test]
fn counters_and_drops_have_a_value_per_worker() {
    let (stack, workers) = stack(2);
    workers[1].counters.engine.turns.add(7);
    let Answer::Reply(Reply::Counters { counters }) = ask(&stack, &workers, Request::Counters {})
    else {
        panic!()
    };
    let turns = counters.iter().find(|row| row.name == "turns").unwrap();
    assert_eq!(turns.workers, [0, 7]);
    assert!(
        counters
            .iter()
            .any(|row| row.layer == "tcp" && row.name == "RetransSegs")
    );
    let Answer::Reply(Reply::Drops { drops }) = ask(&stack, &workers, Request::Drops {}) else {
        panic!()
    };
    assert!(drops.iter().all(|row| row.workers == [0, 0]));
}

#[test]
fn links_are_those_of_the_moment() {
    let (stack, workers) = stack(1);
    assert_eq!(stack.ports[0].link_up, Some(true), "at the start");
    let Answer::Reply(Reply::Ports { ports }) = ask(&stack, &workers, Request::Ports {}) else {
        panic!()
    };
    assert_eq!(ports[0].link_up, Some(false), "now");
}

fn stack(count: usize) -> (Stack, Vec<Arc<FakeWorker>>) {
    let workers: Vec<_> = (0..count).map(|_| FakeWorker::new()).collect();
    let stack = Stack {
        workers: workers
            .iter()
            .map(|worker| Arc::clone(worker) as Arc<dyn Worker>)
            .collect(),
        ports: vec![PortView {
            name: "tap0".into(),
            driver: "net_tap".into(),
            mac: "02:00:00:00:00:01".into(),
            mtu: 1_500,
            addresses: vec!["192.0.2.2/24".parse().unwrap()],
            link_up: Some(true),
            offloads: Vec::new(),
            receive_interrupts: true,
        }],
        link_up: Box::new(|port| (port == 0).then_some(false)),
        started: Instant::now(),
        metrics_address: None,
        config_file: "test".into(),
        applications: Arc::default(),
    };
    (stack, workers)
}

/// Dispatches and lets the workers work until there is an answer.
fn ask(stack: &Stack, workers: &[Arc<FakeWorker>], request: Request) -> Answer {
    let task = match dispatch(request, stack, false) {
        Action::Answer(answer) => return answer,
        Action::Ask(task) => task,
        Action::Shutdown { .. } => panic!("shutdown"),
    };
    let mut inquiries = Inquiries::new(stack.workers.clone());
    let mut answered = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    answered.extend(inquiries.begin(Asker::Session(Token(9)), task, deadline));
    for _ in 0..10_000 {
        if let Some((_, answer)) = answered.pop() {
            return answer;
        }
        for (index, worker) in workers.iter().enumerate() {
            worker.work(1);
            inquiries.collect(index, &mut answered);
        }
    }
    panic!("no answer");
}

/// Makes `worker` hold connections, shown in slices of three.
fn hold(worker: &FakeWorker, index: u16, connections: usize) {
    *worker.answer.lock().unwrap() = Box::new(move |command| {
        let Command::Sockets {
            filter,
            cursor,
            mut rows,
        } = command
        else {
            return command;
        };
        let start = cursor.map_or(0, |cursor| cursor.to_bits() as usize);
        let end = (start + 3).min(connections).min(start + rows.capacity());
        rows.extend((start..end).map(|slot| row(index, slot)));
        let cursor = (end < connections).then(|| Cursor::from_bits(end as u64));
        Command::Sockets {
            filter,
            cursor,
            rows,
        }
    });
}

fn route_row(options: &RouteOptions) -> Route {
    Route {
        network: options.network,
        prefix_length: options.prefix_length,
        gateway: options.gateway,
        port: options.port,
        source: "192.0.2.2".parse().unwrap(),
        local_through_port: options.local_through_port,
    }
}

fn row(worker: u16, slot: usize) -> ConnectionRow {
    let address = "192.0.2.1".parse().unwrap();
    ConnectionRow {
        flow: Flow {
            local: Endpoint::new(address, 80),
            remote: Endpoint::new(address, worker * 1_000 + slot as u16),
        },
        state: State::Established,
        receive_queue_bytes: 0,
        send_queue_bytes: 0,
        congestion_window_bytes: 0,
        slow_start_threshold_bytes: u32::MAX,
        algorithm: (slot == 0).then_some(Algorithm::Cubic),
        algorithm_info: coremill_tcp::congestion::AlgorithmInfo::None,
        pacing_rate: None,
        send_window_bytes: 0,
        receive_window_bytes: 0,
        maximum_segment_bytes: 1_460,
        receive_segment_bytes: 1_460,
        round_trip: None,
        round_trip_variation: Duration::ZERO,
        retransmission_timeout: Duration::from_secs(1),
        retransmissions: 0,
        outstanding: coremill_tcp::snapshot::Outstanding {
            phase: Phase::Loss,
            ..coremill_tcp::snapshot::Outstanding::default()
        },
        hold: "idle",
        orphan: false,
        signed_by: None,
        ecn: coremill_tcp::snapshot::EcnKind::None,
        memory: None,
        statistics: None,
    }
}
