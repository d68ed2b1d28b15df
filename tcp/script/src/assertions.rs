//! Python code between `%{` and `}%`: it sees the connection as `tcp_info`'s fields and asserts.
//!
//! Code is gathered with the values of its time, and run by one interpreter at the script's end.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::info::Info;
use crate::verdict::Trouble;

/// Code that is to run, each piece with its variables.
#[derive(Debug, Default)]
pub struct Assertions {
    program: String,
    lines: Vec<usize>,
}

impl Assertions {
    /// Adds the code of an event, which sees `info`, and `counters` as `nstat` by name.
    ///
    /// # Errors
    /// [`Trouble::Unsupported`] when it names a field that nothing here knows, or counters where none can be asked.
    pub fn add(
        &mut self,
        line: usize,
        code: &str,
        info: Option<&Info>,
        counters: impl FnOnce() -> Vec<(String, u64)>,
    ) -> Result<(), Trouble> {
        let known = info.map(Info::fields).unwrap_or_default();
        let names = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for name in names.filter(|name| name.starts_with("tcpi_")) {
            if !known.iter().any(|(known, _)| *known == name) {
                return Err(Trouble::Unsupported(format!("{name} in an assertion")));
            }
        }
        let counters = if code.contains("nstat[") {
            let counters = counters();
            if counters.is_empty() {
                return Err(Trouble::Unsupported("counters in an assertion".to_owned()));
            }
            counters
        } else {
            Vec::new()
        };
        let _ = writeln!(self.program, "line = {line}");
        let _ = writeln!(self.program, "scope['nstat'] = {{}}");
        for (name, value) in counters {
            let _ = writeln!(self.program, "scope['nstat']['{name}'] = {value}");
        }
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
         'TCP_INFINITE_SSTHRESH': 0x7fffffff, 'TCP_CA_Open': 0, 'TCP_CA_Disorder': 1,
         'TCP_CA_CWR': 2, 'TCP_CA_Recovery': 3, 'TCP_CA_Loss': 4, 'TCPI_OPT_TIMESTAMPS': 1,
         'TCPI_OPT_SACK': 2, 'TCPI_OPT_WSCALE': 4, 'TCPI_OPT_ECN': 8, 'TCPI_OPT_ECN_SEEN': 16,
         'TCPI_OPT_SYN_DATA': 32, 'TCPI_OPT_USEC_TS': 64}
def run(code):
    try:
        exec(compile(code, 'line %d' % line, 'exec'), scope)
    except BaseException as error:
        sys.stderr.write('%d\\t%s: %s\\n' % (line, type(error).__name__, error))
        sys.exit(1)
";

#[cfg(test)]
mod tests;
