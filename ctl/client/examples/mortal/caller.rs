//! Connects to the kernel's echo again and again, a few connections at a time.

use std::error::Error;
use std::io::{self, Read, Write};

use coremill_client::{Stack, TcpStream};

use crate::{Places, pattern};

/// Until it is killed, or something fails.
pub fn run(places: &Places) -> Result<(), Box<dyn Error>> {
    let stack = Stack::attach(&places.control)?;
    println!("calling");
    std::thread::scope(|scope| {
        let stack = &stack;
        let threads: Vec<_> = (1..=THREADS)
            .map(|number| scope.spawn(move || call(stack, places, number)))
            .collect();
        for thread in threads {
            thread.join().map_err(|_| "a thread panicked")??;
        }
        Ok(())
    })
}

fn call(stack: &Stack, places: &Places, number: usize) -> io::Result<()> {
    let bytes = pattern::bytes(0, number * 5_000);
    for size in (1..bytes.len()).step_by(997).cycle() {
        let mut stream = TcpStream::connect(stack, places.kernel)?;
        let sent = bytes.get(..size).unwrap_or_default();
        stream.write_all(sent)?;
        let mut back = vec![0; size];
        stream.read_exact(&mut back)?;
        if back != sent {
            return Err(io::Error::other("other bytes came back"));
        }
    }
    Ok(())
}

const THREADS: usize = 4;
