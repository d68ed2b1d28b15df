//! Writes to whoever comes first, and is gone right after the last write.

use std::error::Error;
use std::io::{Read, Write};

use coremill_client::{Stack, TcpListener};
use rustix::process::{Signal, getpid, kill_process};

use crate::{Places, pattern};

/// Writes `bytes`, then ends: by returning from main with everything still open in effect, or by SIGKILL.
pub fn run(places: &Places, dies: bool, bytes: usize) -> Result<(), Box<dyn Error>> {
    let stack = Stack::attach(&places.control)?;
    let listener = TcpListener::bind(&stack, places.listen)?;
    println!("listening");
    let (mut stream, _peer) = listener.accept()?;
    let mut tag = [0];
    stream.read_exact(&mut tag)?;
    stream.write_all(&pattern::bytes(0, bytes))?;
    if dies {
        kill_process(getpid(), Signal::KILL)?;
    }
    // No destructor runs: it is the daemon that sees the end.
    std::process::exit(0)
}
