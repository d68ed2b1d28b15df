//! Printing answers: as a table for people or as JSON for programs.

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;

mod json;
pub mod quantity;
mod table;

pub use table::Table;

/// How to print.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    /// Aligned columns.
    Table,
    /// The protocol's own view types.
    Json,
}

impl Format {
    /// Prints `value`, or the table made of it.
    pub fn print<T: Serialize>(
        self,
        value: &T,
        table: impl FnOnce(&T) -> Table,
    ) -> Result<(), Failure> {
        let text = match self {
            Format::Table => table(value).clipped(terminal_columns()).to_string(),
            Format::Json => json::text(value).map_err(|error| output(error.into()))?,
        };
        io::stdout()
            .lock()
            .write_all(text.as_bytes())
            .map_err(output)
    }

    /// Prints what was done; as JSON an object with the text as `done`.
    pub fn done(self, text: &str) -> Result<(), Failure> {
        let text = match self {
            Format::Table => format!("{text}\n"),
            Format::Json => {
                json::text(&Done { done: text }).map_err(|error| output(error.into()))?
            }
        };
        io::stdout()
            .lock()
            .write_all(text.as_bytes())
            .map_err(output)
    }
}

#[derive(Serialize)]
struct Done<'a> {
    done: &'a str,
}

/// Columns of the terminal that output goes to; None where it goes elsewhere.
fn terminal_columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    // A terminal that does not know its width says 0.
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

fn output(source: io::Error) -> Failure {
    Failure::Output { source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_what_was_done() {
        let text = json::text(&Done { done: "all of it" }).expect("JSON");
        assert_eq!(text, "{\n  \"done\": \"all of it\"\n}\n");
    }
}
