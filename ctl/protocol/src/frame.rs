//! Lines on a byte stream, bounded.

use serde::Serialize;

/// A line was longer than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No newline within the bound.
    #[error("line longer than {bytes_max} bytes")]
    TooLong {
        /// The bound.
        bytes_max: usize,
    },
}

/// Cuts received bytes into lines. Holds at most one bound of bytes, plus what one call brings.
#[derive(Debug)]
pub struct Lines {
    buffer: Vec<u8>,
    /// Bytes of `buffer` already known to hold no newline.
    searched: usize,
    bytes_max: usize,
}

impl Lines {
    /// Lines of at most `bytes_max` bytes, newline included.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            buffer: Vec::new(),
            searched: 0,
            bytes_max,
        }
    }

    /// Takes received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes held that are not yet taken out as lines.
    pub fn pending_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// The next whole line without its newline; None when none is whole yet.
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        let fresh = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(at) = fresh.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            return if self.buffer.len() >= self.bytes_max {
                Err(self.too_long())
            } else {
                Ok(None)
            };
        };
        let end = self.searched + at;
        if end >= self.bytes_max {
            return Err(self.too_long());
        }
        let rest = self.buffer.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.buffer, rest);
        line.truncate(end);
        self.searched = 0;
        Ok(Some(line))
    }

    fn too_long(&self) -> FrameError {
        FrameError::TooLong {
            bytes_max: self.bytes_max,
        }
    }
}

/// A message as one line, newline included. JSON escapes newlines in text, so there is one only.
pub fn encode(message: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}
