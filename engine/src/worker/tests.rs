//! Whole workers against each other, without EAL: hosts on one link, turned by hand on a clock that
//! is moved by hand.

mod applications;
pub(crate) mod hosts;
mod network;
mod sleeping;
mod stopping;
mod streams;
mod unreachable;
