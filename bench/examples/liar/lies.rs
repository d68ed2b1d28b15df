//! Each claim that can be proved wrong, once: every one must end the attachment.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use coremill_ring::command::Command;
use coremill_ring::event::Event;
use coremill_ring::handle::Handle;

use crate::Run;
use crate::attached::Attached;

/// One lie about a live connection, or about a ring; the next attachment tells the next one.
pub fn every_lie(attached: &mut Attached, run: &mut Run) -> Result<()> {
    let which = run.random.below(LIES);
    let worker = run.random.below(attached.workers());
    let Some(socket) = attached.connect(worker, SERVICE) else {
        return Ok(());
    };
    std::thread::sleep(Duration::from_millis(2));
    ensure!(
        !attached.is_over(),
        "detached before it lied ({which} was to come)"
    );
    tell(attached, (which, worker), socket)?;
    ensure!(
        attached.ends_within(PATIENCE),
        "lie {which} was not found out within {PATIENCE:?}"
    );
    Ok(())
}

fn tell(attached: &mut Attached, (which, worker): (u32, u32), socket: Handle) -> Result<()> {
    let read = 0;
    let command = match which {
        // Read what was never received.
        0 => Command::Read {
            socket,
            read: 1 << 40,
        },
        // Sent out of place, and beyond the limit.
        1 | 2 => {
            let offset = if which == 1 { 77 } else { u64::MAX };
            let send = Command::Send {
                socket,
                offset,
                read,
            };
            attached.say(worker, &send, b"lie");
            return Ok(());
        }
        // Filled what was never granted, and gave it back.
        3 => Command::SendFilled {
            socket,
            offset: 0,
            read,
            filled: 1 << 30,
            has_more: false,
        },
        4 => Command::GiveBack {
            socket,
            filled: 1 << 30,
        },
        // Returned twice: a count that goes back.
        5 => {
            let filled = granted(attached, worker, socket);
            ensure!(filled > 0, "no chunk was granted");
            attached.say(worker, &Command::GiveBack { socket, filled }, b"");
            let filled = filled - 1;
            Command::GiveBack { socket, filled }
        }
        // A kind that there is not, and lengths that its kind cannot have.
        6 => return mark(attached, worker, (200, 8)),
        7 => return mark(attached, worker, (1, 3)),
        8 => return mark(attached, worker, (1, 60_000)),
        _ => return overrun(attached, worker),
    };
    attached.say(worker, &command, b"");
    Ok(())
}

/// Claims to have read events that were never posted.
fn overrun(attached: &mut Attached, worker: u32) -> Result<()> {
    if let Some(head) = attached.layout.event_head(0, worker) {
        attached.application.store(head.first_word, u64::MAX);
    }
    for _ in 0..20_000 {
        let ticket = attached.ticket();
        attached.say(worker, &Command::Open { ticket }, b"");
        if attached.is_over() {
            break;
        }
    }
    Ok(())
}

/// How many bytes are granted for a connection.
fn granted(attached: &mut Attached, worker: u32, socket: Handle) -> u64 {
    let mut bytes = 0;
    for _ in 0..1_000 {
        attached.say(
            worker,
            &Command::WantRoom {
                socket,
                bytes: 4_096,
            },
            b"",
        );
        attached.hear(|event| {
            if let Event::Granted { grant, .. } = event {
                bytes = bytes.max(grant.start + 1);
            }
            None::<()>
        });
        if bytes > 0 {
            break;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    bytes
}

/// Where the ring's next message would be, one of this kind and length.
fn mark(attached: &Attached, worker: u32, (kind, bytes): (u64, u64)) -> Result<()> {
    // Of a context that has never spoken: its next position is the first.
    let ring = attached.layout.command_ring(1, worker);
    let bits = attached.layout.ready_bits(worker);
    let (ring, bits) = ring.zip(bits).context("two contexts")?;
    let words = &attached.application;
    words.store(ring.first_word, 1 | kind << 32 | bytes << 48);
    words.store(bits.first_word, u64::MAX);
    if let Some(bell) = attached.bells.get(worker as usize) {
        bell.ring();
    }
    Ok(())
}

const LIES: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(10);
/// The daemon's own echo service, as the tests' configuration has it.
const SERVICE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 99, 0, 2)), 7);
