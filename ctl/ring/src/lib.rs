//! The memory that Coremill's daemon shares with applications: layout, rings, chunks, wake-ups.
//!
//! This is the only code that touches memory which another process can write. Each side of each thing has a type of its
//! own, so that an application's library and the daemon are tested against each other here, without either.
//!
//! # Two memories
//!
//! A *domain* (processes that trust each other) has two memfds. The **daemon's** holds what the daemon writes; the
//! application maps it for reading and can never get more. The **application's** is written by the application; the
//! daemon reads it as claims. Both are sealed against shrinking and growing. [`layout`] says where what lies,
//! [`shape`] how much of it there is, [`header`] carries version and shape, [`memory`] makes and maps them.
//!
//! | part | memory | one per | unit | written by |
//! | --- | --- | --- | --- | --- |
//! | header | daemon | domain | 4 KiB | once, at the start |
//! | sleep line | daemon | worker | 64 B | worker ([`ready_bits::Listener`]) |
//! | command head | daemon | context x worker | 64 B | worker ([`consumer::Consumer`]) |
//! | event ring | daemon | notifier x worker | 64 B x slots | worker ([`notifier::Poster`]) |
//! | event merges | daemon | notifier x worker | 64 B | worker ([`notifier::Merges`]) |
//! | socket state | daemon | socket | 64 B | the socket's worker ([`socket_state`]) |
//! | local address | daemon | socket | 24 B | the socket's worker ([`local_address`]) |
//! | accept slots | daemon | listener x worker | 64 B x slots | worker ([`accept_ring::Offers`]) |
//! | chunk notes | daemon | receive chunk | 16 B | worker ([`receive_queue`]) |
//! | receive chunks | daemon | chunk | 256 B, 2 KiB, 16 KiB | worker |
//! | ready bits | application | worker | 64 B, a bit per context | contexts ([`ready_bits::Speaker`]) |
//! | command ring | application | context x worker | 64 B x slots | context ([`producer::Producer`]) |
//! | event head | application | notifier x worker | 64 B | notifier's owner |
//! | armed word | application | notifier | 64 B | notifier's owner, exchanged by workers ([`armed`]) |
//! | claims | application | listener x worker | 8 B x slots | any process ([`accept_ring::Claims`]) |
//! | owners | application | socket | 16 B | any process ([`owner`]) |
//! | send chunks | application | chunk | 256 B, 2 KiB, 16 KiB | who was granted it ([`send_lease`]) |
//!
//! # What is believed
//!
//! Nothing. Every word is read once, checked, and the copy used ([`words`], [`untrusted`]). The daemon keeps its own
//! copy of every index and its own books of every chunk ([`lender`]); what comes back comes back as a
//! cumulative count, so that neither an offset nor a chunk's name is ever taken from the application. A
//! [`untrusted::Violation`] means: detach it.
//!
//! # A worker's turn
//!
//! Take the bits ([`ready_bits::Listener::take`]); empty the rings they name, and those that are watched, so many commands
//! each; publish states; post events ([`notifier::Poster::post`]); one [`words::full_fence`]; ring the doorbells that are
//! [due](notifier::Poster::due). Before it sleeps: [`ready_bits::Listener::sleep`].
//!
//! # An application's wait
//!
//! Look at the event rings for a while; then [`armed::Sleeper::arm`], look once more, wait for the doorbell's ear, clear
//! it, disarm. Having taken events: [`consumer::Consumer::release_and_look`], then look at the states, unless
//! [`notifier::Merges`] says that the events tell all.
#![deny(unsafe_code)]

pub mod accept_ring;
pub mod address;
pub mod ao;
pub mod armed;
mod atomics;
pub mod chunk;
pub mod command;
pub mod consumer;
#[cfg(not(loom))]
pub mod doorbell;
pub mod event;
pub mod handle;
pub mod header;
pub mod info;
pub mod injection;
pub mod key;
pub mod layout;
pub mod lender;
pub mod listing;
pub mod local_address;
#[cfg(not(loom))]
#[expect(unsafe_code, reason = "maps and unmaps memory")]
pub mod memory;
pub mod message;
pub mod notifier;
pub mod option;
pub mod owner;
pub mod producer;
pub mod ready_bits;
pub mod receive_queue;
pub mod send_lease;
pub mod shape;
pub mod socket_state;
pub mod untrusted;
#[cfg_attr(
    not(loom),
    expect(unsafe_code, reason = "reaches words that another process may write")
)]
pub mod words;
