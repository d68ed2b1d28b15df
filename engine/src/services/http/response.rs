//! Every answer the responder can give, written out once at start.

/// What a request is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200.
    Ok {
        /// GET gets the body, HEAD does not.
        with_body: bool,
        /// The connection ends after it.
        close: bool,
    },
    /// An error, after which the connection ends.
    Refused(Refusal),
}

impl Answer {
    /// Whether the connection ends after it.
    pub fn closes(self) -> bool {
        match self {
            Answer::Ok { close, .. } => close,
            Answer::Refused(_) => true,
        }
    }
}

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400: malformed, without Host, or with a body.
    BadRequest,
    /// 405: neither GET nor HEAD.
    Method,
    /// 431: head too long.
    TooLarge,
    /// 505: neither HTTP/1.0 nor 1.1.
    Version,
}

/// The answers' bytes.
#[derive(Debug)]
pub struct Responses {
    /// Head and body, for keep-alive and for close.
    ok: [Vec<u8>; 2],
    /// Bytes of these that are head.
    ok_heads: [usize; 2],
    refused: [Vec<u8>; 4],
}

impl Responses {
    /// Answers with bodies of `body_bytes` bytes.
    pub fn new(body_bytes: usize) -> Self {
        let heads = ["keep-alive", "close"].map(|connection| {
            format!(
                "HTTP/1.1 200 OK\r\nServer: coremill\r\nContent-Type: text/plain\r\n\
                 Content-Length: {body_bytes}\r\nConnection: {connection}\r\n\r\n"
            )
        });
        let body: Vec<u8> = LINE.iter().copied().cycle().take(body_bytes).collect();
        Self {
            ok_heads: heads.each_ref().map(String::len),
            ok: heads.map(|head| [head.as_bytes(), &body].concat()),
            refused: [
                refusal("400 Bad Request", ""),
                refusal("405 Method Not Allowed", "Allow: GET, HEAD\r\n"),
                refusal("431 Request Header Fields Too Large", ""),
                refusal("505 HTTP Version Not Supported", ""),
            ],
        }
    }

    /// What of `answer` follows its first `sent` bytes.
    pub fn rest(&self, answer: Answer, sent: usize) -> &[u8] {
        let whole = match answer {
            Answer::Ok {
                with_body: true,
                close,
            } => &self.ok[usize::from(close)][..],
            Answer::Ok {
                with_body: false,
                close,
            } => &self.ok[usize::from(close)][..self.ok_heads[usize::from(close)]],
            Answer::Refused(refusal) => &self.refused[refusal as usize],
        };
        whole.get(sent..).unwrap_or_default()
    }
}

fn refusal(status: &str, header: &str) -> Vec<u8> {
    let body = format!("{status}\n");
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nServer: coremill\r\n{header}Content-Type: text/plain\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    head.into_bytes()
}

/// Bodies repeat this line.
const LINE: &[u8] = b"Coremill serves this page from a worker, without the kernel's TCP.\n";
