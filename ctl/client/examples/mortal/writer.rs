//! Writes to whoever comes first, and is gone right after the last write.

use std::error::Error;
use std::io::{Read, Write};

use coremill_client::{OnDeath, Options, Stack, TcpListener};
use rustix::process::{Signal, getpid, kill_process};

use crate::{Places, pattern};

/// How it ends after the last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By returning from main with everything still open in effect.
    Exit,
    /// By SIGKILL.
    Die,
    /// By SIGKILL, and its connections are to be reset then.
    DieWithReset,
}

/// Writes `bytes`, then ends.
pub fn run(places: &Places, how: How, bytes: usize) -> Result<(), Box<dyn Error>> {
    let options = Options {
        on_death: match how {
            How::DieWithReset => OnDeath::Reset,
            How::Exit | How::Die => OnDeath::Deliver,
        },
        ..Options::default()
    };
    let stack = Stack::attach_with(&places.control, options)?;
    let listener = TcpListener::bind(&stack, places.listen)?;
    println!("listening");
    let (mut stream, _peer) = listener.accept()?;
    let mut tag = [0];
    stream.read_exact(&mut tag)?;
    stream.write_all(&pattern::bytes(0, bytes))?;
    if how != How::Exit {
        kill_process(getpid(), Signal::KILL)?;
    }
    // No destructor runs: it is the daemon that sees the end.
    std::process::exit(0)
}
