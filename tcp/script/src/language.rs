//! The packetdrill script language: text in, a [`Script`] out, and packets printed the same way.
//!
//! `token` cuts text into words, `parser` builds the tree of `tree` (with `packets` and `calls` for
//! what happens in events), `notation` prints packets as a script would write them.

mod calls;
mod notation;
mod packets;
mod parser;
mod token;
mod tree;

pub use parser::parse;
pub use tree::{
    Action, Body, Call, Direction, Ecn, Event, Icmp, Packet, Script, Segment, TcpOption, Time,
    Value,
};

use thiserror::Error;

/// A script that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {message}")]
pub struct SyntaxError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

impl SyntaxError {
    fn at((line, column): (usize, usize), message: impl Into<String>) -> Self {
        Self {
            line,
            column,
            message: message.into(),
        }
    }
}

#[cfg(test)]
mod tests;
