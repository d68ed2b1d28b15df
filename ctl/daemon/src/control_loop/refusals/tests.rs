use std::sync::Arc;

use super::*;
use crate::stack::Worker;
use crate::stack::fake::FakeWorker;

#[test]
fn there_is_one_line_for_an_interval_and_none_without_refusals() {
    // RFC 5925, sections 7.3 and 7.8.
    let workers = [FakeWorker::new(), FakeWorker::new()];
    let stack = Stack {
        workers: workers
            .iter()
            .map(|worker| Arc::clone(worker) as Arc<dyn Worker>)
            .collect(),
        ports: Vec::new(),
        link_up: Box::new(|_| None),
        started: Instant::now(),
        metrics_address: None,
        config_file: std::path::PathBuf::new(),
        applications: Arc::default(),
    };
    let (mut refusals, start) = (Refusals::default(), Instant::now());
    assert_eq!(refusals.due(start, &stack), None);
    workers[0].tcp_counters().ao_bad.increment();
    workers[1].tcp_counters().ao_bad.add(2);
    workers[1].tcp_counters().ao_dropped_icmps.increment();
    assert_eq!(refusals.due(start + INTERVAL / 2, &stack), None);
    let told = refusals.due(start + INTERVAL, &stack);
    assert_eq!(told.as_deref(), Some("TCPAOBad 3, TCPAODroppedIcmps 1"));
    assert_eq!(refusals.due(start + 2 * INTERVAL, &stack), None);
    workers[0].tcp_counters().md5_failure.increment();
    let told = refusals.due(start + 3 * INTERVAL, &stack);
    assert_eq!(told.as_deref(), Some("TCPMD5Failure 1"));
}
