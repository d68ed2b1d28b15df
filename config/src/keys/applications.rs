//! Keys of applications that attach.

use super::Default::Is;
use super::{Allowed, Key, Section};
use super::{count, key, section};

pub const SECTIONS: &[Section] = &[section(
    "applications",
    "Processes that attach over the control socket; the sizes are those of each.",
    APPLICATIONS,
)];

const APPLICATIONS: &[Key] = &[
    key(
        "allowed_uids",
        Allowed::List(&count(0, 4_294_967_294, "user id")),
        Is("[]"),
        "Users who may attach, besides root and the daemon's own, and nothing else; empty: all who may use the control socket.",
    ),
    key(
        "attachments_max",
        count(0, 64, "processes"),
        Is("16"),
        "Processes attached at once; 0: none may attach.",
    ),
    key(
        "attachments_per_user_max",
        count(0, 64, "processes"),
        Is("16"),
        "The same for one user.",
    ),
    key(
        "attaches_per_second",
        count(1, 1_000_000, "attachments"),
        Is("200"),
        "How often one user may attach, and at once after a while; beyond, it is refused as busy.",
    ),
    key(
        "memory_max",
        Allowed::Size(1 << 20, 1 << 40),
        Is("\"1GiB\""),
        "Memory shared with all of them together.",
    ),
    key(
        "contexts",
        count(1, 512, "threads"),
        Is("16"),
        "Threads that have rings of commands.",
    ),
    key(
        "notifiers",
        count(1, 200, "notifiers"),
        Is("48"),
        "Threads and pollers that can wait, more than contexts; each costs the daemon a descriptor.",
    ),
    key(
        "listeners",
        count(0, 65_536, "sockets"),
        Is("64"),
        "Sockets that listen.",
    ),
    key(
        "sockets",
        count(1, 1 << 24, "sockets"),
        Is("4096"),
        "Sockets, those that listen included.",
    ),
    key(
        "command_slots",
        count(8, 1 << 16, "slots of 64 bytes, a power of two"),
        Is("256"),
        "Room for commands, per thread and worker.",
    ),
    key(
        "event_slots",
        count(8, 1 << 16, "slots of 64 bytes, a power of two"),
        Is("256"),
        "Room for events, per notifier and worker.",
    ),
    key(
        "accept_slots",
        count(1, 4_096, "connections"),
        Is("64"),
        "Connections offered to accept at a time, per listener and worker.",
    ),
    key(
        "receive_chunks",
        Allowed::List(&count(0, CHUNKS_MAX, "chunks")),
        Is("[4096, 2048, 512]"),
        "Memory to receive in: how many chunks of 256 B, of 2 KiB and of 16 KiB.",
    ),
    key(
        "send_chunks",
        Allowed::List(&count(0, CHUNKS_MAX, "chunks")),
        Is("[4096, 2048, 512]"),
        "Memory to send from: how many chunks of 256 B, of 2 KiB and of 16 KiB.",
    ),
];

/// Of one class.
const CHUNKS_MAX: i64 = 1 << 24;
