//! Plays anything a peer may send, in any state, between anything a user may do and any time that
//! passes: no panic, no reply storm, nothing left in the end. What to play comes from proptest
//! (`anything.rs`) or from bytes, which a fuzzer or its corpus gives (`tcp/fuzz`).

use coremill_tcp::Limits;
use coremill_tcp::SequenceNumber;
use coremill_tcp::header::Flags;
use coremill_tcp::header_options::{Options, SackBlock};

use super::harness::{Test, bytes, millis, seconds};
use super::segment::Segment;

#[derive(Clone, Debug)]
pub enum Step {
    Inject(Segment),
    Pass(u64),
    Pull(usize),
    Send(usize),
    /// Sends so many bytes, the last of them urgent, and asks for the peer's.
    Urgent(usize),
    Read,
    Shutdown,
    Close,
    Abort,
}

/// Plays `steps` from the state that `number` names, and leaves.
///
/// # Panics
/// When something is wrong.
pub fn play(number: usize, steps: impl IntoIterator<Item = Step>) {
    let mut test = state(number);
    for step in steps {
        take(&mut test, step);
    }
    leave(&mut test);
    let left = test.shard.live_pool_entries();
    assert_eq!(left, 0, "entries of pools stay behind");
}

/// The same, as bytes say: a state, then steps of a word or more each.
pub fn play_bytes(data: &[u8]) {
    let mut bytes = Bytes(data);
    let number = usize::from(bytes.byte());
    let steps = std::iter::from_fn(|| (!bytes.0.is_empty()).then(|| bytes.step()));
    play(number % STATES, steps.take(STEPS_MAX));
}

/// Takes values from the front; zeros follow the last.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn step(&mut self) -> Step {
        match self.byte() % 16 {
            0..=7 => Step::Inject(self.segment()),
            8 => Step::Pass(u64::from(self.word())),
            9 => Step::Pull(usize::from(self.byte() % 8)),
            10 => Step::Urgent(usize::from(self.byte())),
            11 => Step::Send(usize::from(self.word() % 5_000)),
            12 => Step::Read,
            13 => Step::Shutdown,
            14 => Step::Close,
            _ => Step::Abort,
        }
    }

    /// Numbers near what is expected, mostly: far ones are refused at once.
    fn number(&mut self) -> u32 {
        let word = u32::from(self.word());
        match word >> 14 {
            0 | 1 => word & 0xfff,
            2 => 0_u32.wrapping_sub(word & 0xfff),
            _ => word << 16 | u32::from(self.word()),
        }
    }

    fn segment(&mut self) -> Segment {
        let flags = match self.byte() {
            byte @ 0..=63 => Flags::from_bits(byte.into()),
            64..=95 => Flags::ACK | Flags::FIN,
            _ => Flags::ACK,
        };
        let (seq, ack) = (self.number(), self.number());
        let present = self.byte();
        let window = if present & 1 == 0 { self.word() } else { 0 };
        let mut options = Options::default();
        if present & 2 != 0 {
            options.mss = Some(self.word());
        }
        if present & 4 != 0 {
            options.window_scale = Some(self.byte());
        }
        options.sack_permitted = present & 8 != 0;
        for _ in 0..(present >> 6) {
            // Offset to our numbers, as `Segment` counts acknowledgments.
            options.sack.push(SackBlock {
                left: SequenceNumber::new(self.number()),
                right: SequenceNumber::new(self.number()),
            });
        }
        let length = usize::from(if present & 16 == 0 {
            0
        } else {
            self.word() % 1_400
        });
        let segment = Segment {
            flags,
            seq,
            ack,
            window: Some(window),
            options: Some(options),
            urgent: match flags.contains(Flags::URG) {
                true => self.word() % 3_000,
                false => 0,
            },
            payload: bytes(seq as usize, length),
        };
        if present & 32 != 0 {
            let (value, echo) = (u32::from(self.word()), self.number());
            segment.stamps(value, echo)
        } else {
            segment
        }
    }
}

fn state(number: usize) -> Test {
    let limits = |limits: &mut Limits| {
        limits.retries = 4;
        limits.receive_buffer_bytes = 8_000;
        limits.send_buffer_bytes = 8_000;
    };
    match number {
        0 => Test::listening(limits),
        1 => Test::syn_received(limits),
        2 => Test::syn_sent(limits),
        3 => Test::established_with(limits),
        4 => Test::close_wait(limits),
        5 => Test::fin_wait_1(limits),
        6 => Test::fin_wait_2(limits),
        7 => Test::closing(limits),
        8 => Test::last_ack(limits),
        _ => Test::time_wait(limits),
    }
}

fn take(test: &mut Test, step: Step) {
    if let (None, Some(listener)) = (test.id, test.listener) {
        test.id = test.shard.accept(listener);
    }
    let now = test.now;
    match (step, test.id) {
        (Step::Inject(segment), _) => {
            test.inject(segment);
        }
        (Step::Pass(delay), _) => test.pass(millis(delay)),
        (Step::Pull(count), _) => {
            for _ in 0..count {
                test.next();
            }
        }
        (Step::Send(count), Some(id)) => drop(test.shard.send(now, id, &bytes(0, count))),
        (Step::Read, Some(id)) => {
            test.read();
            test.shard.pass_mark(now, id);
        }
        (Step::Urgent(count), Some(id)) => {
            // Whatever they say.
            let _ = test.shard.send_urgent(now, id, &bytes(0, count));
            let _ = test.shard.receive_urgent(now, id, count % 2 == 0);
        }
        (Step::Shutdown, Some(id)) => drop(test.shard.shutdown(now, id)),
        (Step::Close, Some(id)) => test.shard.close(now, id),
        (Step::Abort, Some(id)) => test.shard.abort(now, id),
        (_, None) => {}
    }
    while test.shard.next_event().is_some() {}
}

/// Everything is let go of, and nobody answers any more.
fn leave(test: &mut Test) {
    let now = test.now;
    if let Some(listener) = test.listener {
        while let Some(id) = test.shard.accept(listener) {
            test.shard.close(now, id);
        }
        test.shard.close_listener(now, listener);
    }
    if let Some(id) = test.id {
        test.shard.close(now, id);
    }
    for _ in 0..1_000 {
        test.pass(seconds(2));
        let mut sent = 0;
        while test.next().is_some() {
            sent += 1;
            assert!(sent < SEGMENTS_MAX, "it never ends");
        }
        if test.shard.live_records() == 0 {
            return;
        }
    }
    test.is_gone();
}

/// States to begin in.
pub const STATES: usize = 10;
/// What a hostile flood of bytes may make us do.
const STEPS_MAX: usize = 400;
/// More than a full send buffer in the smallest segments that a peer can make us send, and all answers that wait.
const SEGMENTS_MAX: u32 = 1_000;
