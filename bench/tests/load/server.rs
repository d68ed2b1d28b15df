//! Servers on the kernel's loopback that behave, and some that do not.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use coremill_engine::services::pattern;
use sha2::{Digest, Sha256};

/// What a server does with each connection.
#[derive(Clone, Copy)]
pub enum Behaviour {
    /// Sends back what it gets.
    Echo,
    /// Sends back what it gets with one bit flipped in each piece.
    CorruptEcho,
    /// Reads to the end and gives its account; a liar counts one byte too many.
    Discard { lie: bool },
    /// Reads a little and closes.
    CloseEarly,
    /// Reads and never answers.
    Mute,
    /// Sends zeros.
    Zeros,
    /// Sends the pattern of seed 5 for 10 MiB.
    Pattern,
    /// Answers each request with this response of HTTP, cut in the middle; counts down the responses of a connection,
    /// and closes it after the last.
    Http {
        response: &'static str,
        per_connection: usize,
    },
}

/// Starts a server that lives as long as the test process; gives its address.
pub fn start(behaviour: Behaviour) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // What a client that gives up does to its server is of no interest here.
            std::thread::spawn(move || drop(serve(connection, behaviour)));
        }
    });
    address
}

/// An address at which nobody listens.
pub fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn serve(mut connection: TcpStream, behaviour: Behaviour) -> std::io::Result<()> {
    match behaviour {
        Behaviour::Echo => echo(&mut connection, 0),
        Behaviour::CorruptEcho => echo(&mut connection, 1),
        Behaviour::Discard { lie } => discard(&mut connection, u64::from(lie)),
        Behaviour::CloseEarly => {
            connection.set_read_timeout(Some(Duration::from_millis(50)))?;
            let _ = connection.read(&mut [0; 4096]);
            connection.shutdown(Shutdown::Write)
        }
        Behaviour::Mute => {
            while connection.read(&mut [0; 4096])? > 0 {}
            Ok(())
        }
        Behaviour::Zeros => connection.write_all(&[0; 100_000]),
        Behaviour::Pattern => {
            let mut bytes = vec![0; 10 << 20];
            pattern::fill(5, 0, &mut bytes);
            connection.write_all(&bytes)
        }
        Behaviour::Http {
            response,
            per_connection,
        } => http(&mut connection, response.as_bytes(), per_connection),
    }
}

fn http(connection: &mut TcpStream, response: &[u8], per_connection: usize) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut request = Vec::new();
    for _ in 0..per_connection {
        request.clear();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if connection.read(&mut byte)? == 0 {
                return Ok(());
            }
            request.extend(byte);
        }
        let (first, second) = response.split_at(response.len() / 2);
        connection.write_all(first)?;
        std::thread::sleep(Duration::from_millis(1));
        connection.write_all(second)?;
    }
    Ok(())
}

fn echo(connection: &mut TcpStream, flip: u8) -> std::io::Result<()> {
    let mut buffer = vec![0; 65_536];
    loop {
        let count = connection.read(&mut buffer)?;
        if count == 0 {
            return connection.shutdown(Shutdown::Write);
        }
        buffer[count / 2] ^= flip;
        connection.write_all(&buffer[..count])?;
    }
}

fn discard(connection: &mut TcpStream, extra: u64) -> std::io::Result<()> {
    let mut digest = Sha256::new();
    let mut bytes = extra;
    let mut buffer = vec![0; 65_536];
    loop {
        let count = connection.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        bytes += count as u64;
        digest.update(&buffer[..count]);
    }
    let sha256: String = digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    writeln!(connection, "bytes={bytes} mismatches=0 sha256={sha256}")
}
