//! How many bytes a call that reads or writes is about, and with which flags.

use crate::language::{Call, Value};
use crate::symbols;
use crate::verdict::Trouble;

/// Bytes that the call asks for.
///
/// # Errors
/// [`Trouble::Unsupported`] when it names no length, or one that no script should.
pub fn wanted(call: &Call) -> Result<usize, Trouble> {
    let count = match call.name.as_str() {
        "readv" | "writev" => call.arguments.get(1).map(pieces),
        "recvmsg" | "sendmsg" => call
            .arguments
            .get(1)
            .and_then(|message| message.field("msg_iov"))
            .map(pieces),
        _ => call.arguments.get(2).and_then(Value::number),
    };
    count
        .and_then(|count| usize::try_from(count).ok())
        .filter(|count| *count <= BYTES_MAX)
        .ok_or_else(|| Trouble::Unsupported(format!("{} of this length", call.name)))
}

/// The flags among a call's arguments, as Linux's bits.
///
/// # Errors
/// [`Trouble::Unsupported`] for a flag without a known number.
pub fn flags(call: &Call) -> Result<u32, Trouble> {
    let mut all = 0;
    for value in &call.arguments {
        if let Value::Words(words) = value
            && words.iter().any(|word| word.starts_with("MSG_"))
        {
            all |= symbols::flags(words)
                .map_err(|word| Trouble::Unsupported(format!("{}({word})", call.name)))?;
        }
    }
    Ok(all)
}

/// A flag that would change what the call does, but is not known to the machine.
///
/// # Errors
/// [`Trouble::Unsupported`], naming the first flag that is not among `known`.
pub fn refuse_flags(call: &Call, known: &[&str]) -> Result<(), Trouble> {
    for value in &call.arguments {
        if let Value::Words(words) = value
            && let Some(word) = words
                .iter()
                .find(|word| word.starts_with("MSG_") && !known.contains(&word.as_str()))
        {
            return Err(Trouble::Unsupported(format!("{}({word})", call.name)));
        }
    }
    Ok(())
}

/// Lengths of a vector of buffers together.
fn pieces(vector: &Value) -> i64 {
    let lengths = vector.list().iter().filter_map(|piece| match piece {
        Value::Record(fields) => fields.last().and_then(|(_, length)| length.number()),
        _ => None,
    });
    lengths.sum()
}

/// No script moves more in one call.
const BYTES_MAX: usize = 64 << 20;
