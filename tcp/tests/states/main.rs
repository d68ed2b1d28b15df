//! A shard put into a state, literal segments at a given time, and the segments expected back.

mod accepting;
mod acknowledging;
mod aging;
mod anything;
mod attacks;
mod closing;
mod handshake;
mod harness;
mod hostile;
mod memory;
mod orphans;
mod parsing;
mod peer_signature;
mod player;
mod receiving;
mod recovering;
mod retransmission;
mod segment;
mod segmentation;
mod self_connect;
mod sending;
mod signed;
mod socket_options;
mod time_wait;
mod unreachable;
mod urgent;
