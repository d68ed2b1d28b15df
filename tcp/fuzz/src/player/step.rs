//! What may be played: by a peer, a user, a router, or time.

use coremill_tcp::authentication::AoKey;
use coremill_tcp::options::SocketOption;
use coremill_tcp::packet::Unreachable;

use super::super::bytes::Bytes;
use super::super::segment::Segment;

/// One step.
#[derive(Clone, Debug)]
pub enum Step {
    Inject(Segment),
    /// With what the IP header says: ECN and time to live; and the peer forgets to sign.
    Odd(Segment, u8),
    Pass(u64),
    Pull(usize),
    /// As a port that cuts would, so many bytes at once.
    Burst(usize),
    Send(usize),
    SendMore(usize),
    /// Sends so many bytes, the last of them urgent, and asks for the peer's.
    Urgent(usize),
    Read,
    /// Sends back so many bytes of what came.
    Splice(usize),
    Shutdown,
    Close,
    Abort,
    Set(SocketOption, i64),
    Icmp(Unreachable, u32),
    /// Opens one more connection, so many bytes with its SYN if the peer's cookie is known.
    Connect(usize, u8),
    Md5(bool),
    Ao(AoKey, u8),
    /// The keys of Fast Open change.
    Rotate(u8),
    Forget,
    Backlog(usize),
}

impl Step {
    /// The one that bytes tell of.
    pub fn of(bytes: &mut Bytes<'_>) -> Self {
        match bytes.byte() % 32 {
            0..=9 => Step::Inject(bytes.segment()),
            10 => Step::Odd(bytes.segment(), bytes.byte()),
            11 | 12 => Step::Pass(u64::from(bytes.word())),
            13 => Step::Pass(u64::from(bytes.byte())),
            14 | 15 => Step::Pull(usize::from(bytes.byte() % 8)),
            16 => Step::Burst(usize::from(bytes.word() % 20_000)),
            17 => Step::Send(usize::from(bytes.word() % 5_000)),
            18 => Step::SendMore(usize::from(bytes.word() % 5_000)),
            19 => Step::Urgent(usize::from(bytes.byte())),
            20 => Step::Read,
            21 => Step::Splice(usize::from(bytes.word())),
            22 => Step::Shutdown,
            23 => Step::Close,
            24 => Step::Abort,
            25 | 26 => {
                let (option, value) = bytes.option();
                Step::Set(option, value)
            }
            27 => Step::Icmp(bytes.unreachable(), bytes.number()),
            28 => Step::Connect(usize::from(bytes.byte()), bytes.byte()),
            29 => match bytes.byte() {
                byte @ 0..=127 => Step::Md5(byte & 1 == 0),
                byte => Step::Ao(bytes.ao(), byte & 7),
            },
            30 => Step::Rotate(bytes.byte()),
            _ => match bytes.byte() {
                0..=127 => Step::Forget,
                byte => Step::Backlog(usize::from(byte & 7)),
            },
        }
    }
}
