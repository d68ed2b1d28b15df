//! One connection's life as planned, both of its ends played at once.

use std::io::ErrorKind;
use std::time::Duration;

use socket2::SockRef;

use super::exchange::{both, of};
use super::pair::{Opener, Pair, Wishes};
use super::plan::{Ending, Plan};
use super::world::World;
use crate::application::pattern;
use crate::conversation::Stream;

/// Plays all of it.
pub fn live(world: &World, plan: Plan) {
    let pair = Pair::open(world, plan.opener, Wishes::default());
    match plan.ending {
        Ending::First(first, late) => {
            both(&pair, plan.up, plan.down);
            match first {
                Opener::Kernel => one_after_the_other(&pair.theirs, &pair.ours, late),
                Opener::Ours => one_after_the_other(&pair.ours, &pair.theirs, late),
            }
        }
        Ending::AtOnce => {
            both(&pair, plan.up, plan.down);
            std::thread::scope(|scope| {
                scope.spawn(|| over(&pair.ours));
                scope.spawn(|| over(&pair.theirs));
            });
        }
        Ending::Reset(who) => broken_off(pair, plan, who, true),
        Ending::Unread(who) => broken_off(pair, plan, who, false),
        Ending::Vanishes => vanishes(world, &pair, plan),
    }
}

fn over(stream: &impl Stream) {
    stream.end().expect("end our direction");
    assert_eq!(stream.receive(&mut [0]).expect("the end"), 0);
}

/// The second one's last words come after the first one's end.
fn one_after_the_other(first: &impl Stream, second: &impl Stream, late: usize) {
    let words = pattern(LATE, late);
    first.end().expect("end the first direction");
    assert_eq!(second.receive(&mut [0]).expect("the end"), 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            second.send(&words).expect("last words");
            second.end().expect("end the second direction");
        });
        let mut heard = Vec::new();
        let mut space = vec![0; 64 << 10];
        loop {
            match first.receive(&mut space).expect("last words") {
                0 => break,
                count => heard.extend(&space[..count]),
            }
        }
        assert_eq!(of(&heard), of(&words), "other last words");
    });
}

/// One end does a part of it and lets go; the other hears of that while it sends and receives.
fn broken_off(pair: Pair, plan: Plan, who: Opener, is_reset: bool) {
    let Pair { ours, theirs } = pair;
    let linger = is_reset.then_some(Duration::ZERO);
    match who {
        Opener::Ours => std::thread::scope(|scope| {
            scope.spawn(|| outlives(&theirs, plan));
            part(&ours, plan);
            ours.set_linger(linger).expect("linger");
            drop(ours);
        }),
        Opener::Kernel => std::thread::scope(|scope| {
            scope.spawn(|| outlives(&ours, plan));
            part(&theirs, plan);
            SockRef::from(&theirs).set_linger(linger).expect("linger");
            drop(theirs);
        }),
    }
}

/// Sends some, then reads a part of what comes.
fn part(stream: &impl Stream, plan: Plan) {
    stream.send(&pattern(ONE, plan.up)).expect("send");
    let whole = pattern(OTHER, WHOLE);
    let mut space = vec![0; plan.down.min(WHOLE / 2)];
    let mut at = 0;
    while at < space.len() {
        let count = stream.receive(&mut space[at..]).expect("receive");
        assert!(count > 0, "ended after {at}");
        at += count;
    }
    assert!(space == whole[..at], "other bytes");
}

/// Sends and receives until it hears that the other is gone: what came is a beginning of what was sent.
fn outlives(stream: &impl Stream, plan: Plan) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            if let Err(error) = stream.send(&pattern(OTHER, WHOLE)) {
                assert!(is_gone(error.kind()), "send: {error}");
            }
        });
        beginning(stream, &pattern(ONE, plan.up));
    });
}

/// Reads to the end, of whatever kind; gives how much came.
fn beginning(stream: &impl Stream, of: &[u8]) {
    let (mut at, mut space) = (0, vec![0; 64 << 10]);
    loop {
        match stream.receive(&mut space) {
            Ok(0) => return,
            Ok(count) => {
                let expected = of.get(at..at + count);
                assert!(expected == Some(&space[..count]), "others at {at}");
                at += count;
            }
            Err(error) => {
                assert!(is_gone(error.kind()), "receive: {error}");
                return;
            }
        }
    }
}

/// Nothing arrives any more at either end, which have both something to say.
fn vanishes(world: &World, pair: &Pair, plan: Plan) {
    let port = pair.client_port();
    pair.ours.set_user_timeout(Some(GIVES_UP)).expect("set");
    let kernel = SockRef::from(&pair.theirs);
    kernel.set_tcp_user_timeout(Some(GIVES_UP)).expect("set");
    both(pair, plan.up, plan.down);
    world.path.relay.cut(port);
    std::thread::scope(|scope| {
        scope.spawn(|| unheard(&pair.ours));
        scope.spawn(|| unheard(&pair.theirs));
    });
    world.path.relay.mend(port);
}

fn unheard(stream: &impl Stream) {
    stream.send(&pattern(ONE, 1000)).expect("room for a little");
    let error = stream.receive(&mut [0]).expect_err("nothing arrives");
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
}

fn is_gone(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

const ONE: u64 = 4;
const OTHER: u64 = 5;
const LATE: u64 = 6;
const WHOLE: usize = 1 << 20;
const GIVES_UP: Duration = Duration::from_millis(600);
