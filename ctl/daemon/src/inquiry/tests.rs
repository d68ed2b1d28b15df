//! Answers find their askers, late and unwanted ones do not.

use std::time::Duration;

use coremill_protocol::Reply;

use super::*;
use crate::stack::fake::FakeWorker;

/// Asks every worker to drain.
struct AskAll {
    due: usize,
}

impl Task for AskAll {
    fn start(&mut self, workers: usize) -> Vec<(usize, Command)> {
        self.due = workers;
        (0..workers)
            .map(|worker| (worker, Command::Drain))
            .collect()
    }

    fn take(&mut self, _worker: usize, _answer: Command) -> Step {
        self.due -= 1;
        if self.due == 0 {
            Step::Done(Reply::Shutdown {}.into())
        } else {
            Step::Wait
        }
    }
}

fn inquiries(workers: &[Arc<FakeWorker>]) -> Inquiries {
    Inquiries::new(
        workers
            .iter()
            .map(|worker| Arc::clone(worker) as Arc<dyn Worker>)
            .collect(),
    )
}

fn session(number: usize) -> Asker {
    Asker::Session(Token(number))
}

#[test]
fn a_question_is_answered_when_all_workers_have_spoken() {
    let workers = [FakeWorker::new(), FakeWorker::new()];
    let mut inquiries = inquiries(&workers);
    let deadline = Instant::now() + Duration::from_secs(1);
    assert!(
        inquiries
            .begin(session(1), Box::new(AskAll { due: 0 }), deadline)
            .is_none()
    );
    let mut answered = Vec::new();
    workers[1].work(1);
    inquiries.collect(1, &mut answered);
    assert!(answered.is_empty());
    workers[0].work(1);
    inquiries.collect(0, &mut answered);
    assert_eq!(answered, [(session(1), Reply::Shutdown {}.into())]);
    assert_eq!(inquiries.next_deadline(), None);
}

#[test]
fn a_silent_worker_is_named_and_its_late_answer_confuses_nobody() {
    let workers = [FakeWorker::new(), FakeWorker::new()];
    let mut inquiries = inquiries(&workers);
    let now = Instant::now();
    inquiries.begin(session(1), Box::new(AskAll { due: 0 }), now);
    workers[0].work(1);
    let mut answered = Vec::new();
    inquiries.collect(0, &mut answered);
    inquiries.expire(now, &mut answered);
    let (_, Answer::Error { error }) = &answered[0] else {
        panic!("{answered:?}")
    };
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(
        error.message.starts_with("worker 1 did not answer"),
        "{}",
        error.message
    );

    answered.clear();
    inquiries.begin(
        session(2),
        Box::new(AskAll { due: 0 }),
        now + Duration::from_secs(9),
    );
    workers[1].work(1);
    workers[0].work(1);
    inquiries.collect(1, &mut answered);
    inquiries.collect(0, &mut answered);
    assert!(
        answered.is_empty(),
        "the late answer must not count for the second question"
    );
    workers[1].work(1);
    inquiries.collect(1, &mut answered);
    assert_eq!(answered.len(), 1);
    assert_eq!(answered[0].0, session(2));
}

#[test]
fn a_full_queue_is_said_at_once() {
    let workers = [FakeWorker::new()];
    let mut inquiries = inquiries(&workers);
    let deadline = Instant::now() + Duration::from_secs(1);
    let mut refused = None;
    for _ in 0..=FakeWorker::COMMANDS_MAX {
        refused = inquiries.begin(session(1), Box::new(AskAll { due: 0 }), deadline);
    }
    let Some((_, Answer::Error { error })) = refused else {
        panic!("no refusal")
    };
    assert_eq!(error.kind, ErrorKind::Busy);
}

#[test]
fn questions_of_a_closed_session_are_forgotten() {
    let workers = [FakeWorker::new()];
    let mut inquiries = inquiries(&workers);
    inquiries.begin(session(1), Box::new(AskAll { due: 0 }), Instant::now());
    inquiries.forget(session(1));
    workers[0].work(1);
    let mut answered = Vec::new();
    inquiries.collect(0, &mut answered);
    inquiries.expire(Instant::now(), &mut answered);
    assert!(answered.is_empty());
}
