//! One session with the daemon.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use coremill_protocol::{ANSWER_BYTES_MAX, Answer, ErrorKind, Reply, Request, VERSION, encode};

use crate::failure::Failure;

/// An open session.
pub struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects to `socket` and says hello.
    pub fn connect(socket: &Path) -> Result<Self, Failure> {
        let stream = UnixStream::connect(socket).map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => Failure::Permission {
                socket: socket.into(),
            },
            _ => Failure::NotRunning {
                socket: socket.into(),
                source,
            },
        })?;
        let patience = Some(ANSWER_PATIENCE);
        stream.set_read_timeout(patience).map_err(connection)?;
        stream.set_write_timeout(patience).map_err(connection)?;
        let mut client = Self {
            stream: BufReader::new(stream),
        };
        let hello = Request::Hello {
            version: VERSION,
            client: concat!("coremill ", env!("CARGO_PKG_VERSION")).into(),
        };
        match client.ask(&hello)? {
            Reply::Hello {
                version: VERSION, ..
            } => Ok(client),
            Reply::Hello {
                version, server, ..
            } => Err(Failure::Version {
                message: format!("{server} speaks version {version}"),
            }),
            _ => Err(client.unexpected()),
        }
    }

    /// Sends `request` and waits for its reply.
    pub fn ask(&mut self, request: &Request) -> Result<Reply, Failure> {
        let line = encode(request).map_err(|error| connection(error.into()))?;
        match self.stream.get_mut().write_all(&line) {
            // A daemon that refuses a session says why before it closes.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            other => other.map_err(slow)?,
        }
        let mut answer = Vec::new();
        let bound = ANSWER_BYTES_MAX as u64;
        self.stream
            .by_ref()
            .take(bound)
            .read_until(b'\n', &mut answer)
            .map_err(slow)?;
        if answer.last() != Some(&b'\n') {
            let text = if answer.len() >= ANSWER_BYTES_MAX {
                "the answer is longer than the protocol allows"
            } else {
                "the daemon closed the session"
            };
            return Err(connection(io::Error::other(text)));
        }
        match serde_json::from_slice(&answer) {
            Ok(Answer::Reply(reply)) => Ok(reply),
            Ok(Answer::Error { error }) if error.kind == ErrorKind::Version => {
                Err(Failure::Version {
                    message: error.message,
                })
            }
            Ok(Answer::Error { error }) => Err(Failure::Refused(error)),
            Err(error) => Err(Failure::Version {
                message: format!("answer not understood: {error}"),
            }),
        }
    }

    /// An answer that does not belong to the request.
    pub fn unexpected(&self) -> Failure {
        Failure::Version {
            message: "the daemon answered something else than was asked".into(),
        }
    }
}

fn connection(source: io::Error) -> Failure {
    Failure::Connection { source }
}

fn slow(source: io::Error) -> Failure {
    if matches!(
        source.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    ) {
        return connection(io::Error::other(
            "the daemon did not answer in time; look at its log",
        ));
    }
    connection(source)
}

/// Longer than the daemon ever waits for its workers (`control.answer_timeout` is at most 60 s).
const ANSWER_PATIENCE: Duration = Duration::from_secs(65);
