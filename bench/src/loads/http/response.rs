//! One response of HTTP/1.1 (RFC 9112), read piece by piece: its head is kept, its body only counted and digested.

use sha2::{Digest, Sha256};

use crate::failure::{Failure, Kind};

/// A response on its way.
#[derive(Debug)]
pub struct Response {
    head: Vec<u8>,
    body: Option<Body>,
    digest: Option<Sha256>,
}

#[derive(Debug)]
struct Body {
    status: u16,
    /// None: to the end of the connection.
    length: Option<u64>,
    received: u64,
    closes: bool,
}

/// A response that is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its status, such as 200.
    pub status: u16,
    /// Length of its body.
    pub body_bytes: u64,
    /// SHA-256 of the body, where it was asked for.
    pub sha256: Option<[u8; 32]>,
    /// Whether the server closes the connection after it.
    pub closes: bool,
}

/// What a response has to be.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// Its status.
    pub status: u16,
    /// Length of its body.
    pub body_bytes: Option<u64>,
    /// SHA-256 of the body.
    pub sha256: Option<[u8; 32]>,
}

impl Expected {
    /// Compares.
    ///
    /// # Errors
    /// What differs.
    pub fn check(&self, received: &Received) -> Result<(), Failure> {
        let Received {
            status, body_bytes, ..
        } = received;
        if *status != self.status {
            let detail = format!("status {status}, not {}; see --status", self.status);
            return Err(Failure::new(Kind::Status, detail));
        }
        if let Some(expected) = self.body_bytes.filter(|expected| expected != body_bytes) {
            let detail = format!("a body of {body_bytes} bytes, not {expected}");
            return Err(Failure::new(Kind::BodyLength, detail));
        }
        if self.sha256.is_some() && self.sha256 != received.sha256 {
            let detail = format!("a body of {body_bytes} bytes with another SHA-256");
            return Err(Failure::new(Kind::Mismatch, detail));
        }
        Ok(())
    }
}

impl Response {
    /// Nothing of it yet.
    pub fn new(digests: bool) -> Self {
        Self {
            head: Vec::new(),
            body: None,
            digest: digests.then(Sha256::new),
        }
    }

    /// The next response follows.
    pub fn restart(&mut self) {
        self.head.clear();
        self.body = None;
        if let Some(digest) = &mut self.digest {
            digest.reset();
        }
    }

    /// Takes the next bytes; gives the response when it is complete.
    ///
    /// # Errors
    /// When they are no response, or more than one.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Option<Received>, Failure> {
        let Some(body) = &mut self.body else {
            self.head.extend_from_slice(bytes);
            return self.take_head();
        };
        body.received += bytes.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        let complete = match body.length {
            Some(length) if body.received > length => {
                let detail = format!("more than the announced {length} bytes of body");
                return Err(Failure::new(Kind::BadAnswer, detail));
            }
            Some(length) => body.received == length,
            None => false,
        };
        Ok(complete.then(|| self.received()).flatten())
    }

    /// The connection is at its end.
    ///
    /// # Errors
    /// When the response is not complete by that.
    pub fn end(&mut self) -> Result<Received, Failure> {
        let detail = match &self.body {
            None => format!(
                "end of stream after {} bytes of a response's head",
                self.head.len()
            ),
            Some(Body {
                length: Some(length),
                received,
                ..
            }) => {
                format!("end of stream after {received} of {length} bytes of body")
            }
            Some(Body { length: None, .. }) => {
                return self
                    .received()
                    .ok_or_else(|| Failure::new(Kind::Other, "no response"));
            }
        };
        Err(Failure::new(Kind::ClosedEarly, detail))
    }

    /// Looks whether the head is complete; what follows it belongs to the body.
    fn take_head(&mut self) -> Result<Option<Received>, Failure> {
        let bad = |what: String| Failure::new(Kind::BadAnswer, what);
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(&self.head);
        let parsed = parsed.map_err(|error| bad(format!("no HTTP response: {error}")))?;
        let httparse::Status::Complete(length) = parsed else {
            return match self.head.len() > HEAD_BYTES_MAX {
                true => Err(bad(format!("a head of more than {HEAD_BYTES_MAX} bytes"))),
                false => Ok(None),
            };
        };
        let status = response.code.unwrap_or_default();
        let body = body_of(status, response.version == Some(1), response.headers)?;
        let rest = self.head.split_off(length);
        self.head.clear();
        if (100..200).contains(&status) {
            // An interim response; the one that counts follows.
            return match rest.as_slice() {
                [] => Ok(None),
                rest => self.take(rest),
            };
        }
        self.body = Some(body);
        self.take(&rest)
    }

    fn received(&self) -> Option<Received> {
        let body = self.body.as_ref()?;
        let digest = self.digest.as_ref();
        Some(Received {
            status: body.status,
            body_bytes: body.received,
            sha256: digest.map(|digest| digest.clone().finalize().into()),
            closes: body.closes,
        })
    }
}

/// How long the body is (RFC 9112, section 6.3).
fn body_of(
    status: u16,
    is_version_1_1: bool,
    headers: &[httparse::Header<'_>],
) -> Result<Body, Failure> {
    let header = |name: &str| {
        let mut found = headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name));
        found
            .next()
            .and_then(|header| std::str::from_utf8(header.value).ok())
    };
    if let Some(coding) = header("transfer-encoding") {
        let detail = format!(
            "transfer-encoding `{coding}`, which is not understood; serve a file of fixed length"
        );
        return Err(Failure::new(Kind::BadAnswer, detail));
    }
    let length = match header("content-length").map(|text| text.trim().parse()) {
        Some(Ok(length)) => Some(length),
        Some(Err(_)) => {
            return Err(Failure::new(
                Kind::BadAnswer,
                "an unreadable content-length",
            ));
        }
        None => None,
    };
    let length = if matches!(status, 204 | 304) {
        Some(0)
    } else {
        length
    };
    let said = header("connection")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let says = |word| said.split(',').any(|token| token.trim() == word);
    let closes = match is_version_1_1 {
        true => says("close"),
        false => !says("keep-alive"),
    };
    Ok(Body {
        status,
        length,
        received: 0,
        closes: closes || length.is_none(),
    })
}

const HEADERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 16 << 10;

#[cfg(test)]
mod tests;
