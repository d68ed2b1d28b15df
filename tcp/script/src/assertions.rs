//! Python code between `%{` and `}%`: it sees the connection as `tcp_info`'s fields and asserts.
//!
//! Code is gathered with the values of its time, and run by one interpreter at the script's end.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use coremill_tcp::State;
use coremill_tcp::snapshot::ConnectionRow;

use crate::verdict::Trouble;

/// Code that is to run, each piece with its variables.
#[derive(Debug, Default)]
pub struct Assertions {
    program: String,
    lines: Vec<usize>,
}

impl Assertions {
    /// Adds the code of an event, which sees `row`.
    ///
    /// # Errors
    /// [`Trouble::Unsupported`] when it names a field that nothing here knows.
    pub fn add(
        &mut self,
        line: usize,
        code: &str,
        row: Option<&ConnectionRow>,
    ) -> Result<(), Trouble> {
        let known = row.map(variables).unwrap_or_default();
        let names = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for name in names.filter(|name| name.starts_with("tcpi_")) {
            if !known.iter().any(|(known, _)| *known == name) {
                return Err(Trouble::Unsupported(format!("{name} in an assertion")));
            }
        }
        let _ = writeln!(self.program, "line = {line}");
        for (name, value) in known {
            let _ = writeln!(self.program, "scope['{name}'] = {value}");
        }
        let _ = writeln!(self.program, "run({})", quoted(code));
        self.lines.push(line);
        Ok(())
    }

    /// Runs all of it; the line and the error of the first piece that fails.
    ///
    /// # Errors
    /// When the interpreter cannot be run.
    pub fn check(&self) -> Result<Option<(usize, String)>, Trouble> {
        if self.lines.is_empty() {
            return Ok(None);
        }
        let program = format!("{PRELUDE}{}", self.program);
        let failed = |error: std::io::Error| {
            Trouble::Unsupported(format!(
                "assertions without a python3 to run them ({error})"
            ))
        };
        let mut child = Command::new("python3")
            .args(["-S", "-E", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(program.as_bytes()).map_err(failed)?;
        }
        let output = child.wait_with_output().map_err(failed)?;
        if output.status.success() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let told = text.lines().find_map(|line| line.split_once('\t'));
        Ok(Some(match told {
            Some((line, error)) => (line.parse().unwrap_or(0), error.to_owned()),
            None => (self.lines.first().copied().unwrap_or(0), text.into_owned()),
        }))
    }
}

/// What of `struct tcp_info` the machine knows, with Linux's names and units.
fn variables(row: &ConnectionRow) -> Vec<(&'static str, String)> {
    let segment = u32::from(row.maximum_segment_bytes).max(1);
    let mut variables = vec![
        ("tcpi_state", state_number(row.state).to_string()),
        ("tcpi_snd_mss", row.maximum_segment_bytes.to_string()),
        (
            "tcpi_snd_cwnd",
            (row.congestion_window_bytes / segment).to_string(),
        ),
        (
            "tcpi_rto",
            row.retransmission_timeout.as_micros().to_string(),
        ),
        ("tcpi_total_retrans", row.retransmissions.to_string()),
    ];
    // Linux's value for a threshold that was never set.
    let threshold = match row.slow_start_threshold_bytes {
        u32::MAX => 0x7fff_ffff,
        bytes => bytes / segment,
    };
    variables.push(("tcpi_snd_ssthresh", threshold.to_string()));
    let round_trip = row.round_trip.map_or(0, |time| time.as_micros());
    variables.push(("tcpi_rtt", round_trip.to_string()));
    let variation = row.round_trip_variation.as_micros();
    variables.push(("tcpi_rttvar", variation.to_string()));
    variables.push(("tcpi_rcv_mss", row.receive_segment_bytes.to_string()));
    variables
}

/// As `enum` in Linux's `tcp_states.h`.
fn state_number(state: State) -> u8 {
    match state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynReceived => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Closed => 7,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Listen => 10,
        State::Closing => 11,
    }
}

/// A Python literal.
fn quoted(code: &str) -> String {
    let mut text = String::from("\"");
    for c in code.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// Runs each piece and tells which one failed how.
const PRELUDE: &str = "\
import sys
scope = {'TCP_ESTABLISHED': 1, 'TCP_SYN_SENT': 2, 'TCP_SYN_RECV': 3, 'TCP_FIN_WAIT1': 4,
         'TCP_FIN_WAIT2': 5, 'TCP_TIME_WAIT': 6, 'TCP_CLOSE': 7, 'TCP_CLOSE_WAIT': 8,
         'TCP_LAST_ACK': 9, 'TCP_LISTEN': 10, 'TCP_CLOSING': 11,
         'TCP_INFINITE_SSTHRESH': 0x7fffffff}
def run(code):
    try:
        exec(compile(code, 'line %d' % line, 'exec'), scope)
    except BaseException as error:
        sys.stderr.write('%d\\t%s: %s\\n' % (line, type(error).__name__, error))
        sys.exit(1)
";

#[cfg(test)]
mod tests;
