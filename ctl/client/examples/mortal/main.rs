//! A program that tests end: at each step of each call, while calls block, and while it connects again and again.
//!
//! `mortal CONTROL_SOCKET LISTEN KERNEL script [list | PHASE POINT TIMES]`
//! `mortal CONTROL_SOCKET LISTEN KERNEL blocked|unanswered`
//! `mortal CONTROL_SOCKET LISTEN KERNEL caller`
//! `mortal CONTROL_SOCKET LISTEN KERNEL writer exit|die|reset BYTES`

mod blocked;
mod caller;
mod pattern;
mod script;
mod unanswered;
mod writer;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

use writer::How;

/// Where everything is.
pub struct Places {
    /// The control socket.
    control: PathBuf,
    /// Where to listen.
    listen: SocketAddr,
    /// An echo of the kernel.
    kernel: SocketAddr,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [control, listen, kernel, rest @ ..] = words.as_slice() else {
        return Err(USAGE.into());
    };
    let places = Places {
        control: control.into(),
        listen: listen.parse()?,
        kernel: kernel.parse()?,
    };
    match rest {
        ["script", "list"] => script::list(&places),
        ["script", phase, point, times] => {
            coremill_ring::injection::aim(phase, point, times.parse()?);
            script::run(&places)
        }
        ["blocked"] => blocked::run(&places),
        ["unanswered"] => unanswered::run(&places),
        ["caller"] => caller::run(&places),
        ["writer", "exit", bytes] => writer::run(&places, How::Exit, bytes.parse()?),
        ["writer", "die", bytes] => writer::run(&places, How::Die, bytes.parse()?),
        ["writer", "reset", bytes] => writer::run(&places, How::DieWithReset, bytes.parse()?),
        _ => Err(USAGE.into()),
    }
}

const USAGE: &str =
    "usage: mortal CONTROL_SOCKET LISTEN KERNEL script|blocked|unanswered|caller|writer ...";
