//! What an application asks of a worker.
//!
//! Every field is checked for what it can be when a command is taken out of its message, and a `Command` holds nothing
//! else. Whether a name names anything, and whether a count is possible, is for the worker to say: those are
//! answered, or refused as a `Violation` by the books they concern.

#[cfg(any(test, feature = "chance"))]
pub mod chance;
mod wire;

use std::net::SocketAddr;

use crate::handle::Handle;

/// Which direction to shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Nothing more will be read (SHUT_RD).
    Receive,
    /// Nothing more will be sent: end of stream after what was written (SHUT_WR).
    Send,
    /// Both (SHUT_RDWR).
    Both,
}

/// How the bytes of a `SendMarked` are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendMark {
    /// More follows: what does not fill a segment waits for it (MSG_MORE).
    More,
    /// The last byte is urgent (MSG_OOB).
    Urgent,
}

/// A command. `ticket` is the application's own number, which comes back with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// A new socket; the answer names it.
    Open {
        /// For the answer.
        ticket: u64,
    },
    /// Gives a socket its local address.
    Bind {
        /// For the answer.
        ticket: u64,
        /// The socket.
        socket: Handle,
        /// The address.
        local: SocketAddr,
    },
    /// Listens, or changes the backlog.
    Listen {
        /// For the answer.
        ticket: u64,
        /// The socket.
        socket: Handle,
        /// Connections that may wait.
        backlog: u32,
    },
    /// Opens a connection; the answer says that it began, an event that it is there.
    Connect {
        /// For the answer.
        ticket: u64,
        /// The socket.
        socket: Handle,
        /// The peer.
        remote: SocketAddr,
    },
    /// Opens a socket and a connection of it in one; the answer names the socket, an event says that it is connected.
    /// When it fails, there is no socket.
    ConnectNew {
        /// For the answer.
        ticket: u64,
        /// Its local address, if it matters.
        local: Option<SocketAddr>,
        /// The peer.
        remote: SocketAddr,
    },
    /// Asks for a connection that was claimed.
    Take {
        /// For the answer.
        ticket: u64,
        /// The listener.
        listener: Handle,
        /// The claimed slot.
        slot: u32,
        /// The claim's round.
        round: u64,
    },
    /// Sends the bytes that follow inside the message. No answer.
    Send {
        /// The socket.
        socket: Handle,
        /// Bytes sent before, by either way.
        offset: u64,
        /// Bytes read since the connection began.
        read: u64,
    },
    /// As `Send`, and more is said of the bytes. No answer.
    SendMarked {
        /// The socket.
        socket: Handle,
        /// Bytes sent before, by either way.
        offset: u64,
        /// Bytes read since the connection began.
        read: u64,
        /// What.
        mark: SendMark,
    },
    /// Sends what was filled into granted chunks. No answer.
    SendFilled {
        /// The socket.
        socket: Handle,
        /// Bytes sent before, by either way.
        offset: u64,
        /// Bytes read since the connection began.
        read: u64,
        /// Bytes of grants filled since the connection began.
        filled: u64,
        /// More follows: what does not fill a segment waits for it (MSG_MORE).
        has_more: bool,
    },
    /// Gives back what was read. No answer.
    Read {
        /// The socket.
        socket: Handle,
        /// Bytes read since the connection began.
        read: u64,
    },
    /// The application has read up to the mark of urgent data, and reads on: what stands behind it is published before the
    /// answer.
    PassMark {
        /// For the answer.
        ticket: u64,
        /// The socket.
        socket: Handle,
        /// Bytes read since the connection began.
        read: u64,
    },
    /// Asks for the urgent byte out of line; the answer's value is the byte, or `NO_URGENT_BYTE` at the end of the stream.
    TakeUrgent {
        /// For the answer.
        ticket: u64,
        /// The socket.
        socket: Handle,
        /// It can be asked for again.
        is_peek: bool,
    },
    /// Asks for chunks to fill; grants come as events.
    WantRoom {
        /// The socket.
        socket: Handle,
        /// How much is about to be written.
        bytes: u32,
    },
    /// Gives grants back that were not filled. No answer.
    GiveBack {
        /// The socket.
        socket: Handle,
        /// Bytes of grants up to which nothing will be written any more.
        filled: u64,
    },
    /// Ends one direction, or both.
    Shutdown {
        /// For the answer.
        ticket: u64,
        /// The socket.
        socket: Handle,
        /// Which.
        direction: Direction,
    },
    /// This attachment lets go of a socket. No answer.
    Close {
        /// The socket.
        socket: Handle,
    },
    /// Sets an option; see `option`.
    SetOption {
        /// For the answer.
        ticket: u64,
        /// The socket.
        socket: Handle,
        /// Which.
        option: u32,
        /// Its value.
        value: u64,
    },
    /// Adds, changes or removes a key, which follows inside the message; see `option` and `key`.
    SetKey {
        /// For the answer.
        ticket: u64,
        /// The socket.
        socket: Handle,
        /// What about keys.
        option: u32,
    },
    /// Asks for an option; the answer's value is what it is now.
    GetOption {
        /// For the answer.
        ticket: u64,
        /// The socket.
        socket: Handle,
        /// Which.
        option: u32,
    },
    /// Asks what a connection has come to; the answer is pages of `info::Info`, or an error.
    Info {
        /// For the answer.
        ticket: u64,
        /// The socket.
        socket: Handle,
    },
    /// From now on a notifier gets events of a socket; at once if it is ready.
    Subscribe {
        /// Comes back with each event.
        ticket: u64,
        /// The socket.
        socket: Handle,
        /// The notifier.
        notifier: u32,
        /// Conditions of interest, as poll(2) has them.
        interest: u32,
    },
    /// No more events of a socket.
    Unsubscribe {
        /// The socket.
        socket: Handle,
        /// The notifier.
        notifier: u32,
    },
}

/// The value of the answer to `TakeUrgent` when the stream ended before the byte.
pub const NO_URGENT_BYTE: u64 = 256;

#[cfg(all(test, not(loom)))]
mod tests;
