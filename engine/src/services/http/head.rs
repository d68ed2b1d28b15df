//! The head of a request, parsed by httparse, and the answer it calls for.

use httparse::{EMPTY_HEADER, Error, Request, Status};

use super::response::{Answer, Refusal};

/// A longer head is refused with 431.
pub const HEAD_BYTES_MAX: usize = 4_096;

/// What the bytes received so far are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A whole head, or one that is refused already, of so many bytes.
    Request {
        /// Bytes of the head; after a refusal all that were given.
        head_bytes: usize,
        /// What to answer.
        answer: Answer,
    },
    /// The beginning of one.
    Partial,
}

/// Parses the head that `bytes` begins with.
pub fn parse(bytes: &[u8]) -> Parsed {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(Status::Complete(head_bytes)) => Parsed::Request {
            head_bytes,
            answer: answer(&request),
        },
        Ok(Status::Partial) if bytes.len() >= HEAD_BYTES_MAX => refuse(bytes, Refusal::TooLarge),
        Ok(Status::Partial) => Parsed::Partial,
        Err(Error::TooManyHeaders) => refuse(bytes, Refusal::TooLarge),
        Err(Error::Version) => refuse(bytes, Refusal::Version),
        Err(_) => refuse(bytes, Refusal::BadRequest),
    }
}

fn refuse(bytes: &[u8], refusal: Refusal) -> Parsed {
    Parsed::Request {
        head_bytes: bytes.len(),
        answer: Answer::Refused(refusal),
    }
}

fn answer(request: &Request<'_, '_>) -> Answer {
    let hosts = lines(request, "host").count();
    let has_body = lines(request, "transfer-encoding").next().is_some()
        || lines(request, "content-length").any(|length| length.trim_ascii() != b"0");
    let is_1_1 = request.version == Some(1);
    let with_body = match request.method {
        Some("GET") => true,
        Some("HEAD") => false,
        _ => return Answer::Refused(Refusal::Method),
    };
    if has_body || hosts > 1 || (is_1_1 && hosts == 0) {
        return Answer::Refused(Refusal::BadRequest);
    }
    let has = |word| lines(request, "connection").any(|value| names(value, word));
    let close = has("close") || !(is_1_1 || has("keep-alive"));
    Answer::Ok { with_body, close }
}

/// Every line of the header `name`: each may come several times.
fn lines<'h>(request: &Request<'_, 'h>, name: &'static str) -> impl Iterator<Item = &'h [u8]> {
    let headers = request.headers.iter();
    headers
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value)
}

/// Whether a comma-separated list has `word`, whatever its case.
fn names(list: &[u8], word: &str) -> bool {
    list.split(|&byte| byte == b',')
        .any(|entry| entry.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

const HEADERS_MAX: usize = 32;

#[cfg(test)]
mod tests;
