//! Commands by chance, of every kind that there is: for those who test what has to bear them. A kind that is not in the
//! list here does not compile.

use std::net::SocketAddr;

use super::{Command, Direction, SendMark};
use crate::handle::Handle;
use crate::key;
use crate::message::INLINE_BYTES_MAX;

/// What is put into a command; what chance has to say comes from `word`.
pub struct Chance<'a> {
    /// For the answer.
    pub ticket: u64,
    /// The socket, or listener.
    pub socket: Handle,
    /// Local or remote.
    pub address: SocketAddr,
    /// Bytes sent, read or filled, which is the surest lie.
    pub count: u64,
    /// Any number.
    pub word: &'a mut dyn FnMut() -> u64,
}

/// Declares the kinds, and that they are all.
macro_rules! kinds {
    ($($name:ident)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Kind {
            $($name,)*
        }

        const KINDS: &[Kind] = &[$(Kind::$name,)*];

        /// The name of a command's kind.
        pub fn kind_of(command: &Command) -> &'static str {
            match command {
                $(Command::$name { .. } => stringify!($name),)*
            }
        }
    };
}

kinds! {
    Open Bind Listen Connect ConnectNew Take Send SendMarked SendFilled Read PassMark TakeUrgent WantRoom GiveBack
    Shutdown Close SetOption SetKey GetOption Info Subscribe Unsubscribe
}

/// How many kinds there are.
pub const COUNT: usize = KINDS.len();

/// A command, and what it carries.
pub fn any(chance: &mut Chance<'_>) -> (Command, Vec<u8>) {
    let kind = KINDS[chance.below(COUNT as u64) as usize];
    let command = chance.command(kind);
    let bytes = match command {
        Command::Send { .. } | Command::SendMarked { .. } => {
            chance.below(INLINE_BYTES_MAX as u64 + 1) as usize
        }
        Command::SetKey { .. } => key::BYTES,
        _ => 0,
    };
    let payload = (0..bytes).map(|_| chance.below(256) as u8).collect();
    (command, payload)
}

impl Chance<'_> {
    fn command(&mut self, kind: Kind) -> Command {
        let (ticket, socket, address) = (self.ticket, self.socket, self.address);
        match kind {
            Kind::Open => Command::Open { ticket },
            Kind::Bind => Command::Bind {
                ticket,
                socket,
                local: address,
            },
            Kind::Listen => Command::Listen {
                ticket,
                socket,
                backlog: self.below(100) as u32,
            },
            Kind::Connect => Command::Connect {
                ticket,
                socket,
                remote: address,
            },
            Kind::ConnectNew => Command::ConnectNew {
                ticket,
                local: (self.below(2) == 0).then_some(address),
                remote: address,
            },
            Kind::Take => Command::Take {
                ticket,
                listener: socket,
                slot: self.below(100) as u32,
                round: (self.word)(),
            },
            Kind::Info => Command::Info { ticket, socket },
            Kind::Subscribe => Command::Subscribe {
                ticket,
                socket,
                notifier: self.below(64) as u32,
                interest: self.below(64) as u32,
            },
            Kind::Unsubscribe => Command::Unsubscribe {
                socket,
                notifier: self.below(64) as u32,
            },
            Kind::Shutdown => Command::Shutdown {
                ticket,
                socket,
                direction: [Direction::Receive, Direction::Send, Direction::Both]
                    [self.below(3) as usize],
            },
            Kind::Close => Command::Close { socket },
            Kind::SetOption | Kind::GetOption | Kind::SetKey => self.about_options(kind),
            Kind::Send | Kind::SendMarked | Kind::SendFilled => self.that_sends(kind),
            Kind::Read | Kind::PassMark | Kind::TakeUrgent => self.that_reads(kind),
            Kind::WantRoom => Command::WantRoom {
                socket,
                bytes: self.below(1 << 20) as u32,
            },
            Kind::GiveBack => Command::GiveBack {
                socket,
                filled: self.count,
            },
        }
    }

    fn about_options(&mut self, kind: Kind) -> Command {
        let (ticket, socket, option) = (self.ticket, self.socket, self.option());
        match kind {
            Kind::SetOption => Command::SetOption {
                ticket,
                socket,
                option,
                value: (self.word)(),
            },
            Kind::SetKey => Command::SetKey {
                ticket,
                socket,
                option,
            },
            _ => Command::GetOption {
                ticket,
                socket,
                option,
            },
        }
    }

    fn that_sends(&mut self, kind: Kind) -> Command {
        let (socket, offset, read) = (self.socket, self.count, self.count);
        match kind {
            Kind::SendFilled => Command::SendFilled {
                socket,
                offset,
                read,
                filled: self.count,
                has_more: self.below(2) == 0,
            },
            Kind::SendMarked => Command::SendMarked {
                socket,
                offset,
                read,
                mark: [SendMark::More, SendMark::Urgent][self.below(2) as usize],
            },
            _ => Command::Send {
                socket,
                offset,
                read,
            },
        }
    }

    fn that_reads(&mut self, kind: Kind) -> Command {
        let (ticket, socket, read) = (self.ticket, self.socket, self.count);
        match kind {
            Kind::PassMark => Command::PassMark {
                ticket,
                socket,
                read,
            },
            Kind::TakeUrgent => Command::TakeUrgent {
                ticket,
                socket,
                is_peek: self.below(2) == 0,
            },
            _ => Command::Read { socket, read },
        }
    }

    /// Often one that there is: by Linux's levels and names.
    fn option(&mut self) -> u32 {
        let level = [0, 1, 6, 41][self.below(4) as usize];
        match self.below(8) {
            0 => (self.word)() as u32,
            _ => level << 16 | self.below(64) as u32,
        }
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.word)() % limit
    }
}
