//! JSON as the protocol has it, indented; reading it gives the same values.

use serde::Serialize;

/// `value` as text with a newline at its end.
pub fn text<T: Serialize>(value: &T) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(text)
}
