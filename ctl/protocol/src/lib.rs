//! Messages of Coremill's control socket: what an operator asks and what the daemon answers.
//!
//! # The protocol
//!
//! The daemon listens on a Unix stream socket (`control.socket`, by default
//! `/run/coremill/control.sock`). Client and daemon exchange *lines*: one JSON object each, ended
//! by `\n`. A request is at most [`REQUEST_BYTES_MAX`] bytes, an answer at most
//! [`ANSWER_BYTES_MAX`], newline included. The client sends a request, the daemon sends exactly one
//! answer for it, in order; requests may be sent ahead, up to [`REQUESTS_AHEAD_MAX`].
//! The daemon never speaks first.
//!
//! The first request must be the hello:
//!
//! ```text
//! > {"request":"hello","version":1,"client":"my-tool 0.1"}
//! < {"reply":"hello","version":1,"server":"coremilld 0.1.0","pid":4711}
//! ```
//!
//! A daemon that does not speak that version answers with an error of kind `version` and closes.
//! Version numbers grow when a message changes so that old readers would misread it; new requests,
//! and new fields in answers, do not raise it: ignore fields that you do not know.
//!
//! Every answer has either `reply` (the name of the request) or `error`:
//!
//! ```text
//! > {"request":"sockets","state":"ESTABLISHED","limit":2}
//! < {"reply":"sockets","sockets":[{"worker":0,"local":"192.0.2.2:80",...}],"cursor":"1.4294967297"}
//! > {"request":"sockets","state":"ESTABLISHED","limit":2,"cursor":"1.4294967297"}
//! < {"reply":"sockets","sockets":[],"cursor":null}
//! > {"request":"flowers"}
//! < {"error":{"kind":"malformed","message":"unknown variant `flowers`, expected one of ..."}}
//! ```
//!
//! Requests are the variants of [`Request`] and answers those of [`Reply`], with fields as
//! documented there; names of variants are written in lower case with hyphens, fields as in Rust.
//! Fields of type `Option` may be left out. Addresses are text (`192.0.2.2`, `192.0.2.2:80`,
//! `[2001:db8::1]:80`), networks `192.0.2.0/24`; times are whole numbers in the unit that
//! the field's name ends in. Kinds of errors: [`ErrorKind`].
//!
//! Long answers come in pages: `cursor` in an answer is text to send with the next request, null at
//! the end. A page may be short, even empty, before the end. Rows that appear or vanish between
//! two pages may be missed; a row that stays is seen once.
//!
//! After an error of kind `too-long`, `version` or `forbidden` the daemon closes the session.
//!
//! Processes that want sockets attach over the same control socket: [`AttachView`].
//!
//! # In Python
//!
//! ```text
//! import json, socket
//! s = socket.socket(socket.AF_UNIX); s.connect("/run/coremill/control.sock"); f = s.makefile("rw")
//! def ask(**request):
//!     f.write(json.dumps(request) + "\n"); f.flush()
//!     answer = json.loads(f.readline())
//!     if "error" in answer: raise RuntimeError(answer["error"]["message"])
//!     return answer
//! ask(request="hello", version=1, client="example")
//! print(ask(request="status")["status"])
//! ```
#![forbid(unsafe_code)]

mod answer;
pub mod attach;
mod frame;
mod network;
mod reply;
mod request;
mod view;

pub use answer::{Answer, ErrorBody, ErrorKind};
pub use attach::{AttachView, AttachmentView, DescriptorKind, DescriptorView, ShapeView};
pub use frame::{FrameError, Lines, encode};
pub use network::Network;
pub use reply::Reply;
pub use request::{Request, RouteChange};
pub use view::*;

/// Version of the protocol that this code speaks.
pub const VERSION: u32 = 1;
/// Longest request in bytes, newline included.
pub const REQUEST_BYTES_MAX: usize = 64 << 10;
/// Longest answer in bytes, newline included.
pub const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Requests that a client may send before it has read the answers.
pub const REQUESTS_AHEAD_MAX: usize = 16;
/// Most rows of a page of sockets.
pub const PAGE_ROWS_MAX: usize = 1_000;

#[cfg(test)]
mod tests;
