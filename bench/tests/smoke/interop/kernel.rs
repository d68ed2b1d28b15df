//! What ss(8) says of the client's end of a connection.

use crate::command::run;
use crate::topology::IN_CLIENT;

/// The words of its second line, such as `cubic`, `ts`, `wscale:7,2`.
#[derive(Debug)]
pub struct Shown {
    words: Vec<String>,
}

/// Asks for the connection that has `port` at the client's end.
pub fn shown(port: u16) -> Shown {
    let filter = format!("sport = :{port}");
    let text = run(&[
        &IN_CLIENT[..],
        &["ss", "-tinoH", "state", "established", &filter],
    ]
    .concat());
    let words = text.lines().nth(1).unwrap_or_default();
    let words: Vec<_> = words.split_ascii_whitespace().map(str::to_owned).collect();
    assert!(!words.is_empty(), "ss knows no port {port}: {text}");
    Shown { words }
}

impl Shown {
    /// Whether a word stands alone.
    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|known| known == word)
    }

    /// What follows `name:`.
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut words = self.words.iter();
        words.find_map(|word| word.strip_prefix(name)?.strip_prefix(':'))
    }

    /// Our window scale and the kernel's.
    pub fn scales(&self) -> Option<(u8, u8)> {
        let (ours, theirs) = self.value("wscale")?.split_once(',')?;
        Some((ours.parse().ok()?, theirs.parse().ok()?))
    }

    /// Segments it has sent again.
    pub fn retransmissions(&self) -> u64 {
        let total = self
            .value("retrans")
            .and_then(|text| text.split('/').nth(1));
        total.and_then(|total| total.parse().ok()).unwrap_or(0)
    }
}
