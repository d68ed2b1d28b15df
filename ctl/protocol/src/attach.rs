//! How a process becomes an application ([`AttachView`] tells it), and what an operator sees of it.

use serde::{Deserialize, Serialize};

/// Most descriptors that one reply brings: as many as the kernel passes at once (SCM_MAX_FD).
pub const DESCRIPTORS_MAX: usize = 253;

/// Flag of `attach`: connections that the process leaves behind when it dies are reset, instead of what it wrote being
/// delivered.
pub const RESET_ON_DEATH: u32 = 1;

/// What a process gets when it attaches.
///
/// After the hello, a process that wants sockets sends `attach` with the version of the layout of shared memory
/// that it knows. The daemon looks at the peer's credentials (SO_PEERCRED: those of the process that connected,
/// so connect and attach in the process that will use the memory), and answers with one line, or refuses:
///
/// | error | when |
/// | --- | --- |
/// | `version` | the daemon's layout has another version; the session is closed |
/// | `forbidden` | this user may not attach (`applications.allowed_uids`); the session is closed |
/// | `quota` | attachments or memory are used up (`applications.attachments_max`, ...) |
/// | `invalid` | unknown flags, the process is attached already, or it is not visible to the daemon |
/// | `busy`, `timeout` | workers are overloaded, or the daemon has no descriptor or memory left |
/// | `stopping` | the daemon is about to stop |
///
/// With the reply's first byte come descriptors, in one SCM_RIGHTS message (see unix(7)), exactly as many as
/// [`Self::descriptors`] lists, and in its order. So a client reads this reply by recvmsg(2), with room for
/// [`DESCRIPTORS_MAX`] and with MSG_CMSG_CLOEXEC; read(2) would lose them. With an error come none. The order:
///
/// 1. `daemon-memory`: memfd to be mapped for reading;
/// 2. `application-memory`: memfd to be mapped for reading and writing;
/// 3. `worker-bell`, one per worker from 0 on: the end to ring when that worker sleeps;
/// 4. `notifier-ear`, one per notifier from 0 on: readable when that notifier's owner was woken.
///
/// Both memories are sealed; the client checks seals, mark, version and size. The shape in the reply repeats
/// that of the memory's header. Contexts and notifiers of the shape are all this process's, for its threads.
///
/// The attachment ends by `detach`, by the death of its process (which the daemon sees by a pidfd; the session's end
/// means nothing, for a forked child keeps it open), by an operator, or because the process broke the rules of
/// the memory. A process whose session is closed may attach anew, which ends what it attached before. The end is
/// told by the doorbells: a `notifier-ear` is at its end of file. A worker's bell is an eventfd. A session with an attachment
/// takes further requests as any other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttachView {
    /// Names the attachment to operators; never used again while this daemon runs.
    pub attachment: u64,
    /// The domain that it belongs to: processes that share memory and quotas.
    pub domain: u64,
    /// Its number in the domain, for claims of connections to accept.
    pub member: u16,
    /// Version of the layout of shared memory.
    pub layout: u32,
    /// How many of each thing the memories hold.
    pub shape: ShapeView,
    /// What the descriptors are, in order.
    pub descriptors: Vec<DescriptorView>,
}

/// How many of each thing a domain's memories hold; fields as in `coremill_ring::shape::Shape`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShapeView {
    /// Workers of the daemon.
    pub workers: u32,
    /// Threads that can speak at a time.
    pub contexts: u32,
    /// Pollers and sleeping threads that can be notified.
    pub notifiers: u32,
    /// Listeners.
    pub listeners: u32,
    /// Sockets.
    pub sockets: u32,
    /// Slots in each ring of commands.
    pub command_slots: u32,
    /// Slots in each ring of events.
    pub event_slots: u32,
    /// Connections that a listener's shard can offer at a time.
    pub accept_slots: u32,
    /// Receive chunks of 256 B, 2 KiB, 16 KiB.
    pub receive_chunks: [u32; 3],
    /// Send chunks of 256 B, 2 KiB, 16 KiB.
    pub send_chunks: [u32; 3],
}

/// One descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescriptorView {
    /// What it is.
    pub what: DescriptorKind,
    /// Which worker's or notifier's; 0 for memories.
    pub number: u32,
}

/// What a descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DescriptorKind {
    /// The memory that the daemon writes.
    DaemonMemory,
    /// The memory that the application writes.
    ApplicationMemory,
    /// Wakes a worker.
    WorkerBell,
    /// Wakes a notifier's owner.
    NotifierEar,
    /// Something of a later version: close it.
    #[serde(other)]
    Unknown,
}

/// One attachment, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttachmentView {
    /// Its name.
    pub attachment: u64,
    /// Its domain.
    pub domain: u64,
    /// The process.
    pub process: u32,
    /// The process's user.
    pub user: u32,
    /// What the client called itself in the hello.
    pub client: String,
    /// Time since it attached.
    pub attached_ms: u64,
    /// `attaching`, `attached` or `detaching`.
    pub phase: String,
    /// Both memories together.
    pub memory_bytes: u64,
    /// Contexts that have spoken, and how many can.
    pub contexts: Quota,
    /// Sockets open, listeners among them.
    pub sockets: Quota,
    /// Listeners.
    pub listeners: Quota,
    /// Receive chunks lent, all classes.
    pub receive_chunks: Quota,
    /// Send chunks lent, all classes.
    pub send_chunks: Quota,
    /// Bytes received for it.
    pub received_bytes: u64,
    /// Bytes that it sent.
    pub sent_bytes: u64,
    /// Commands carried out.
    pub commands: u64,
    /// Events posted.
    pub events: u64,
    /// Events posted that it has not taken.
    pub events_pending: u64,
}

/// How much of what is limited is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Used now.
    pub used: u64,
    /// At most.
    pub max: u64,
}
