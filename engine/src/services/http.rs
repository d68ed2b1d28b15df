//! A small HTTP/1.1 responder (RFC 9112): GET and HEAD of anything give a body of fixed size.
//!
//! Requests may be pipelined; keep-alive follows version and Connection header. What is malformed,
//! too long, has a body or another method is answered with the fitting status, then closed.

mod head;
mod response;

use coremill_tcp::error::ReceiveError;
use coremill_tcp::memory::Memory;

use super::server::{Exchange, Progress, SHARE_BYTES, Serve};
use head::{HEAD_BYTES_MAX, Parsed, parse};
use response::{Answer, Responses};

/// The HTTP service.
#[derive(Debug)]
pub struct Http {
    responses: Responses,
    /// One place per slot for a head that does not lie in one piece. Touched only where needed.
    heads: Vec<u8>,
}

impl Http {
    /// Bodies of `body_bytes` bytes, for at most `sessions` connections at once.
    pub fn new(body_bytes: usize, sessions: usize) -> Self {
        Self {
            responses: Responses::new(body_bytes),
            heads: vec![0; sessions * HEAD_BYTES_MAX],
        }
    }
}

/// Where one connection stands.
#[derive(Debug, Default)]
pub struct Conversation {
    /// Bytes of an incomplete head, kept in the slot's place.
    head_bytes: usize,
    /// What is being answered, and how much of it is sent.
    answer: Option<(Answer, usize)>,
    /// After a refused request: what else the peer sends is read and forgotten until it closes.
    closing: bool,
}

impl Serve for Http {
    type State = Conversation;

    fn kind(&self) -> &'static str {
        "http"
    }

    fn open(&self) -> Conversation {
        Conversation::default()
    }

    fn serve<M: Memory>(
        &mut self,
        exchange: &mut Exchange<'_, M>,
        conversation: &mut Conversation,
    ) -> Progress {
        let mut moved = 0;
        while moved < SHARE_BYTES {
            let step = match conversation.answer {
                Some(_) => self.send(exchange, conversation),
                None if conversation.closing => linger(exchange),
                None => self.read(exchange, conversation),
            };
            match step {
                Step::Moved(bytes) => moved += bytes,
                Step::Stop(progress) => return progress,
            }
        }
        Progress::More
    }
}

/// One step of a conversation.
enum Step {
    /// So many bytes went in or out; go on.
    Moved(usize),
    /// No further for now, or for ever.
    Stop(Progress),
}

impl Http {
    /// Takes the next request off the connection, if it is complete.
    fn read<M: Memory>(
        &mut self,
        exchange: &mut Exchange<'_, M>,
        conversation: &mut Conversation,
    ) -> Step {
        let piece = match exchange.shard.receive_slice(exchange.connection) {
            Ok(piece) => piece,
            Err(ReceiveError::EndOfStream) => return Step::Stop(Progress::Finished),
            Err(_) => return Step::Stop(Progress::Failed),
        };
        let start = exchange.slot as usize * HEAD_BYTES_MAX;
        let place = &mut self.heads[start..start + HEAD_BYTES_MAX];
        let kept = conversation.head_bytes;
        // The usual request lies in one piece and needs no copy.
        let (parsed, taken) = if kept == 0 {
            (parse(piece), piece.len())
        } else {
            let taken = piece.len().min(HEAD_BYTES_MAX - kept);
            place[kept..kept + taken].copy_from_slice(&piece[..taken]);
            (parse(&place[..kept + taken]), taken)
        };
        let consumed = match parsed {
            Parsed::Request { head_bytes, answer } => {
                conversation.head_bytes = 0;
                conversation.answer = Some((answer, 0));
                head_bytes - kept
            }
            Parsed::Partial if piece.is_empty() => return Step::Stop(Progress::Waiting),
            Parsed::Partial => {
                if kept == 0 {
                    place[..taken].copy_from_slice(&piece[..taken]);
                }
                conversation.head_bytes = kept + taken;
                taken
            }
        };
        exchange.statistics.received_bytes += consumed as u64;
        exchange
            .shard
            .consume(exchange.now, exchange.connection, consumed);
        Step::Moved(consumed.max(1))
    }

    /// Sends what is left of the answer.
    fn send<M: Memory>(
        &mut self,
        exchange: &mut Exchange<'_, M>,
        conversation: &mut Conversation,
    ) -> Step {
        let Some((answer, sent)) = conversation.answer else {
            return Step::Moved(0);
        };
        let rest = self.responses.rest(answer, sent);
        let count = match exchange.shard.send(exchange.now, exchange.connection, rest) {
            Ok(0) => return Step::Stop(Progress::Waiting),
            Ok(count) => count,
            Err(_) => return Step::Stop(Progress::Failed),
        };
        exchange.statistics.sent_bytes += count as u64;
        conversation.answer = Some((answer, sent + count));
        if self.responses.rest(answer, sent + count).is_empty() {
            exchange.statistics.requests += 1;
            conversation.answer = None;
            if answer.closes() {
                conversation.closing = true;
                if exchange
                    .shard
                    .shutdown(exchange.now, exchange.connection)
                    .is_err()
                {
                    return Step::Stop(Progress::Failed);
                }
            }
        }
        Step::Moved(count)
    }
}

/// Closing with unread data would reset the connection and could destroy the answer on its way
/// (RFC 9112, section 9.6): read on until the peer closes too.
fn linger<M: Memory>(exchange: &mut Exchange<'_, M>) -> Step {
    match exchange.shard.receive_slice(exchange.connection) {
        Ok([]) => Step::Stop(Progress::Waiting),
        Ok(piece) => {
            let count = piece.len();
            exchange
                .shard
                .consume(exchange.now, exchange.connection, count);
            Step::Moved(count)
        }
        Err(ReceiveError::EndOfStream) => Step::Stop(Progress::Finished),
        Err(_) => Step::Stop(Progress::Failed),
    }
}
