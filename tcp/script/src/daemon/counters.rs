//! What the daemon counted, asked over its control socket.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use coremill_protocol::{Answer, Reply, Request, VERSION, encode};

use super::process::SOCKET;

/// The counters of the TCP machine, all workers together.
///
/// # Errors
/// When the daemon does not answer as the protocol says.
pub fn ask() -> io::Result<Vec<(String, u64)>> {
    let mut stream = UnixStream::connect(SOCKET)?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut ask = |request: &Request| -> io::Result<Answer> {
        stream.write_all(&encode(request)?)?;
        let line = lines
            .next()
            .unwrap_or(Err(io::ErrorKind::UnexpectedEof.into()))?;
        Ok(serde_json::from_str(&line)?)
    };
    ask(&Request::Hello {
        version: VERSION,
        client: "coremill-script".to_owned(),
    })?;
    let Answer::Reply(Reply::Counters { counters }) = ask(&Request::Counters {})? else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let tcp = counters.into_iter().filter(|row| row.layer == "tcp");
    Ok(tcp
        .map(|row| (row.name, row.workers.iter().sum()))
        .collect())
}
