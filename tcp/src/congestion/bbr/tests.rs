//! A path whose bandwidth and round trip are known.

use std::time::Duration;

use super::filter::WindowedMax;
use super::{Mode, ONE};
use crate::congestion::block::Private;
use crate::congestion::rate_sample::{Newest, SentStamp};
use crate::congestion::{
    Acknowledged, Algorithm, AlgorithmInfo, Congestion, CongestionPool, CongestionSettings, Phase,
    Reason,
};
use crate::sequence::SequenceNumber;
use crate::time::Instant;

/// A sender with endless data, and a link that delivers one segment after the other, `serial_micros`
/// each, `propagation_micros` later.
struct Link {
    windows: Congestion,
    pool: CongestionPool,
    now: u64,
    flight: std::collections::VecDeque<(u64, u64, SentStamp)>,
    link_free: u64,
    may_send: u64,
    delivered: u32,
    phase: Phase,
    serial_micros: u64,
    propagation_micros: u64,
}

const SEGMENT: u32 = 1_000;

impl Link {
    fn new(serial_micros: u64, propagation_micros: u64) -> Self {
        let settings = CongestionSettings {
            algorithm: Algorithm::Bbr,
            ..CongestionSettings::default()
        };
        let mut pool = CongestionPool::new(&settings);
        let mut windows = Congestion::new(Algorithm::Bbr, SEGMENT, &settings);
        windows.pace(&mut pool, Instant::from_micros(1), (0, 1_000), None);
        Self {
            windows,
            pool,
            now: 1_000_000,
            flight: std::collections::VecDeque::new(),
            link_free: 0,
            may_send: 0,
            delivered: 0,
            phase: Phase::Open,
            serial_micros,
            propagation_micros,
        }
    }

    fn in_flight(&self) -> u32 {
        self.flight.len() as u32 * SEGMENT
    }

    /// The next thing that happens: a segment leaves, or an acknowledgement comes.
    fn step(&mut self) {
        let may_send = self.in_flight() + SEGMENT <= self.windows.window();
        let next_ack = self.flight.front().map(|(arrives, ..)| *arrives);
        let next_send = may_send.then_some(self.may_send.max(self.now));
        match (next_ack, next_send) {
            (Some(ack), Some(send)) if send < ack => self.send(send),
            (Some(ack), _) => self.acknowledge(ack),
            (None, send) => self.send(send.unwrap_or(self.now)),
        }
    }

    fn send(&mut self, at: u64) {
        self.now = at;
        let now = Instant::from_micros(at);
        let in_flight = self.in_flight();
        let delivery = self.windows.delivery(&mut self.pool).expect("a block");
        let stamp = delivery.on_send(now, in_flight);
        self.link_free = self.link_free.max(at) + self.serial_micros;
        let arrives = self.link_free + self.propagation_micros;
        self.flight.push_back((arrives, at, stamp));
        let rate = self.windows.pacing_rate(&self.pool, None).expect("paced");
        self.may_send = at + u64::from(SEGMENT) * 1_000_000 / rate.max(1);
    }

    fn acknowledge(&mut self, at: u64) {
        self.now = at;
        let now = Instant::from_micros(at);
        let prior_in_flight = self.in_flight();
        let (_, sent_at, stamp) = self.flight.pop_front().expect("in flight");
        let in_flight = self.in_flight();
        let mut newest = Newest::default();
        let delivery = self.windows.delivery(&mut self.pool).expect("a block");
        delivery.on_delivered(
            now,
            &stamp,
            Instant::from_micros(sent_at),
            SEGMENT,
            &mut newest,
        );
        let mut rate = delivery.sample(now, &newest, 0);
        if let Some(rate) = &mut rate {
            rate.prior_in_flight = prior_in_flight;
            rate.in_flight = in_flight;
        }
        self.delivered += SEGMENT;
        let acknowledged = Acknowledged {
            now,
            delivered: SEGMENT,
            marked: 0,
            in_flight: prior_in_flight,
            phase: self.phase,
            may_grow: true,
            unacknowledged: SequenceNumber::new(self.delivered),
            next: SequenceNumber::new(self.delivered + in_flight),
            sample_micros: Some(u32::try_from(at - sent_at).expect("short")),
            timeout: Duration::from_millis(200),
            rate,
        };
        self.windows.on_ack(&mut self.pool, &acknowledged);
    }

    fn run_millis(&mut self, millis: u64) {
        let end = self.now + millis * 1_000;
        while self.now < end {
            self.step();
        }
    }

    fn model(&self) -> (u64, u32) {
        match self.windows.info(&self.pool) {
            AlgorithmInfo::Bbr {
                bandwidth,
                round_trip_min_micros,
                ..
            } => (bandwidth, round_trip_min_micros),
            other => panic!("no BBR: {other:?}"),
        }
    }

    fn mode(&mut self) -> Mode {
        self.bbr().mode
    }

    fn bbr(&mut self) -> &mut super::Bbr {
        let block = self.pool.get_mut(&self.windows.block).expect("a block");
        match &mut block.private {
            Private::Bbr(bbr) => bbr,
            _ => panic!("no BBR"),
        }
    }
}

#[test]
fn the_model_finds_bandwidth_and_round_trip() {
    // 10 Mbyte/s and 20.1 ms: 201,000 bytes fill the path.
    let mut link = Link::new(100, 20_000);
    link.run_millis(2_000);
    assert_eq!(link.mode(), Mode::ProbeBandwidth);
    let (rate, round_trip) = link.model();
    assert!((9_900_000..=10_100_000).contains(&rate), "{rate}");
    assert!((20_100..=21_500).contains(&round_trip), "{round_trip}");
    let window = link.windows.window();
    assert!(
        (402_000..=640_000).contains(&window),
        "{window}: twice, and bursts"
    );
    // The link is full, and the queue short: on average no longer than a quarter of the path.
    let before = link.delivered;
    let mut flights = 0_u64;
    let steps = 40_000;
    let start = link.now;
    for _ in 0..steps {
        link.step();
        flights += u64::from(link.in_flight());
    }
    let micros = link.now - start;
    let delivered = u64::from(link.delivered - before);
    assert!(
        delivered * 100 >= micros / 100 * 1_000 * 95,
        "{delivered} in {micros} us"
    );
    assert!(flights / steps < 260_000, "{}", flights / steps);
}

#[test]
fn the_start_leaves_when_three_rounds_bring_no_more() {
    let mut link = Link::new(100, 20_000);
    assert_eq!(link.mode(), Mode::Startup);
    link.run_millis(60);
    assert_eq!(link.mode(), Mode::Startup);
    link.run_millis(400);
    assert_eq!(
        link.mode(),
        Mode::ProbeBandwidth,
        "and the queue is drained"
    );
}

#[test]
fn an_old_round_trip_is_measured_again_with_four_segments_in_flight() {
    let mut link = Link::new(1_000, 20_000);
    link.run_millis(9_900);
    let mut least = u32::MAX;
    let mut has_probed = false;
    for _ in 0..3_000 {
        link.step();
        if link.mode() == Mode::ProbeRoundTrip {
            has_probed = true;
            least = least.min(link.in_flight());
        }
    }
    assert!(has_probed);
    assert!(least <= 4 * SEGMENT, "{least}");
    assert_eq!(link.mode(), Mode::ProbeBandwidth, "it is over");
    assert!(
        link.windows.window() > 20 * SEGMENT,
        "and the window is back"
    );
}

#[test]
fn a_path_that_becomes_slower_is_believed_after_ten_rounds() {
    let mut link = Link::new(100, 20_000);
    link.run_millis(2_000);
    link.serial_micros = 1_000;
    // A round is two windows, 400 ms, with the queue that the old rate has made.
    link.run_millis(9_000);
    let (rate, _) = link.model();
    assert!((900_000..=1_100_000).contains(&rate), "{rate}");
}

#[test]
fn a_timeout_forgets_how_full_the_pipe_was_and_a_recovery_conserves() {
    let mut link = Link::new(100, 20_000);
    link.run_millis(2_000);
    let window = link.windows.window();
    let now = Instant::from_micros(link.now);
    link.windows
        .reduce(&mut link.pool, now, window, Reason::Loss);
    assert_eq!(link.windows.window(), window, "BBR does not halve");
    link.windows
        .reduce(&mut link.pool, now, window, Reason::Timeout);
    assert_eq!(link.windows.window(), SEGMENT);
    assert_eq!(link.bbr().full_bandwidth, 0);
    link.run_millis(200);
    assert!(
        link.windows.window() >= window / 2,
        "it is soon as large again"
    );
}

#[test]
fn a_probe_of_the_round_trip_does_not_end_the_loss_window() {
    let mut link = Link::new(1_000, 20_000);
    link.run_millis(9_900);
    let window = link.windows.window();
    while link.mode() != Mode::ProbeRoundTrip {
        link.step();
    }
    let now = Instant::from_micros(link.now);
    link.windows
        .reduce(&mut link.pool, now, 4 * SEGMENT, Reason::Timeout);
    link.phase = Phase::Loss;
    while link.mode() == Mode::ProbeRoundTrip {
        link.step();
    }
    assert!(
        link.windows.window() <= 5 * SEGMENT,
        "what slow start gives"
    );
    link.phase = Phase::Open;
    link.step();
    link.step();
    assert!(
        link.windows.window() >= window,
        "it is back after the repair"
    );
}

#[test]
fn the_window_to_come_back_to_is_one_of_segments() {
    let mut link = Link::new(1_000, 20_000);
    link.run_millis(9_900);
    while link.mode() != Mode::ProbeRoundTrip {
        link.step();
    }
    let (window, rate) = (link.bbr().prior_window, link.bbr().pacing_rate());
    link.windows.set_segment_size(&mut link.pool, SEGMENT / 4);
    assert_eq!(link.bbr().prior_window, window / 4);
    assert_eq!(link.bbr().pacing_rate(), rate, "the path is as fast");
}

#[test]
fn sending_after_idleness_is_no_faster_than_the_path() {
    let mut link = Link::new(100, 20_000);
    link.run_millis(2_000);
    while link.bbr().cycle != 0 {
        link.step();
    }
    let fast = link.bbr().pacing_rate();
    let (rate, _) = link.model();
    assert!(fast > rate, "a quarter more: {fast} for {rate}");
    let now = Instant::from_micros(link.now + 1_000_000);
    let last_sent = Instant::from_micros(link.now);
    let in_flight = link.in_flight();
    let delivery = link.windows.delivery(&mut link.pool).expect("a block");
    delivery.on_app_limited(in_flight);
    let window = link.windows.window();
    link.windows
        .on_idle(&mut link.pool, now, last_sent, Duration::from_millis(200));
    assert_eq!(link.bbr().pacing_rate(), rate * 99 / 100);
    assert_eq!(link.windows.window(), window, "and the window stays");
}

#[test]
fn the_largest_of_a_window_of_rounds_is_remembered() {
    let mut filter = WindowedMax::default();
    for (round, value, largest) in [
        (1, 5, 5),
        (2, 3, 5),
        (5, 4, 5),
        (11, 2, 5),
        (12, 1, 4),
        (16, 1, 2),
        (22, 1, 1),
        (23, 9, 9),
    ] {
        filter.see(round, 10, value);
        assert_eq!(filter.get(), largest, "in round {round}");
    }
    assert_eq!(ONE, 256);
}
