//! Events: hints to whoever uses the shard that an object may be worth a look. State is the truth.

/// A connection's handle: slot and generation, so that a stale one names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// A listener's handle: slot and generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenerId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A connection that its user has opened or accepted and not closed.
    Connection(ConnectionId),
    /// A listener.
    Listener(ListenerId),
}

/// What may be possible now; several can be set at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Bytes or end of stream to receive; for a listener, a connection to accept.
    pub readable: bool,
    /// Room to send in, or the active open completed.
    pub writable: bool,
    /// The connection failed or was reset; `receive` and `send` tell the error.
    pub error: bool,
    /// An urgent pointer came that points beyond every former one, or the byte that it points at (SIGURG, EPOLLPRI).
    pub urgent: bool,
}

/// One hint. At most one is pending per object; what happens meanwhile is merged into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The object.
    pub subject: Subject,
    /// The value its user gave it at `connect`, `listen` or `set_cookie`.
    pub cookie: u64,
    /// What may be possible.
    pub readiness: Readiness,
}
