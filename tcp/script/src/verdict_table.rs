//! Scripts against the TCP machine and in real time: a line for each, and what is not settled.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::differences::{Judgement, TOO_LONG, declared};
use crate::language::Time;
use crate::record::Record;
use crate::{Place, Verdict, namespace, run_text};

/// All verdicts of a run.
#[derive(Debug)]
pub struct VerdictTable {
    places: Vec<Place>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    path: PathBuf,
    machine: Verdict,
    /// At each place.
    theirs: Vec<(Judgement, String)>,
}

impl VerdictTable {
    /// Plays all scripts; those that another run has settled only against the machine.
    ///
    /// # Errors
    /// When a script cannot be read.
    pub fn play(
        program: &Path,
        scripts: &[PathBuf],
        places: &[Place],
        is_strict: bool,
        tries: u32,
        record: &Record,
    ) -> std::io::Result<Self> {
        let mut rows = Vec::new();
        let mut texts = Vec::new();
        for path in scripts {
            let text = std::fs::read_to_string(path)?;
            rows.push(Row {
                path: path.clone(),
                machine: run_text(&text, is_strict),
                theirs: Vec::new(),
            });
            texts.push(text);
        }
        for place in places {
            let verdicts = settle_all((program, *place), scripts, &texts, tries, record);
            for (row, theirs) in rows.iter_mut().zip(verdicts) {
                row.theirs.push(theirs);
            }
        }
        Ok(Self {
            places: places.to_vec(),
            rows,
        })
    }

    /// True when the machine passes all, and no difference of the others is unexplained.
    pub fn is_settled(&self) -> bool {
        self.rows.iter().all(|row| {
            row.machine.is_pass()
                && row
                    .theirs
                    .iter()
                    .all(|(judgement, _)| judgement.is_settled())
        })
    }

    /// A line for each script, and in full what is wrong with those that are not settled.
    pub fn lines(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let _ = write!(text, "{}: ", row.path.display());
            let _ = match self.places.is_empty() {
                true => writeln!(text, "{}", row.machine),
                false => writeln!(text, "{}{}", row.machine.word(), row.words(&self.places)),
            };
            if !self.places.is_empty() && !row.machine.is_pass() {
                let _ = writeln!(text, "    machine: {}", indented(&row.machine.to_string()));
            }
            for (place, (judgement, verdict)) in self.places.iter().zip(&row.theirs) {
                if !judgement.is_settled() {
                    let _ = writeln!(text, "    {place}: {}", indented(verdict));
                }
            }
        }
        text
    }

    /// How many scripts each topic has, and how many of all ended how.
    pub fn totals(&self) -> String {
        let mut topics: BTreeMap<&str, usize> = BTreeMap::new();
        for row in &self.rows {
            let folder = row.path.parent().and_then(Path::file_name);
            let topic = folder.and_then(|name| name.to_str()).unwrap_or("");
            *topics.entry(topic).or_default() += 1;
        }
        let topics: Vec<_> = topics
            .iter()
            .map(|(topic, count)| format!("{topic} {count}"))
            .collect();
        let mut text = format!("{} scripts: {}\n", self.rows.len(), topics.join(", "));
        let count = |word: &str| {
            let words = self.rows.iter().map(|row| row.machine.word());
            words.filter(|known| *known == word).count()
        };
        let (pass, fail, unsupported) = (count("pass"), count("FAIL"), count("unsupported"));
        let _ = writeln!(
            text,
            "machine: {pass} pass, {fail} fail, {unsupported} unsupported"
        );
        for (at, place) in self.places.iter().enumerate() {
            let count = |word: &str| {
                let judged = self.rows.iter().filter_map(|row| row.theirs.get(at));
                judged
                    .filter(|(judgement, _)| judgement.word() == word)
                    .count()
            };
            let _ = writeln!(
                text,
                "{place}: {} pass, {} differ as explained, {} fail, {} explained but pass",
                count("pass"),
                count("differs"),
                count("FAIL"),
                count("STALE")
            );
        }
        text
    }
}

impl Row {
    /// ` | daemon pass | kernel differs: why`
    fn words(&self, places: &[Place]) -> String {
        let mut text = String::new();
        for (place, (judgement, _)) in places.iter().zip(&self.theirs) {
            let _ = write!(text, " | {place} {}", judgement.word());
            if let Judgement::Explained(reason) = judgement {
                let _ = write!(text, ": {reason}");
            }
        }
        text
    }
}

/// Plays what is not known yet at `place`, several scripts at a time. What is not as its script says is
/// played again alone: real time has its accidents.
fn settle_all(
    (program, place): (&Path, Place),
    scripts: &[PathBuf],
    texts: &[String],
    tries: u32,
    record: &Record,
) -> Vec<(Judgement, String)> {
    let next = AtomicUsize::new(0);
    let verdicts = Mutex::new(vec![None; scripts.len()]);
    let judge = |index: usize, verdict: &str| {
        let reason = texts.get(index).and_then(|text| declared(text, place));
        Judgement::of(verdict, reason.as_deref())
    };
    let play = |index: usize| {
        let script = scripts.get(index)?;
        let verdict = match record.known(place, script) {
            Some(known) => known.to_owned(),
            None if is_too_long(texts.get(index)?) => format!("unsupported: {TOO_LONG}"),
            None => {
                let verdict = namespace::run_one(program, place, script);
                if judge(index, &verdict).is_settled() {
                    record.keep(place, script, &verdict);
                }
                verdict
            }
        };
        Some((judge(index, &verdict), verdict))
    };
    std::thread::scope(|scope| {
        for _ in 0..place.at_once() {
            scope.spawn(|| {
                while let index = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(played) = play(index)
                {
                    if let Ok(mut verdicts) = verdicts.lock()
                        && let Some(place) = verdicts.get_mut(index)
                    {
                        *place = Some(played);
                    }
                }
            });
        }
    });
    let first = verdicts.into_inner().unwrap_or_default();
    let again = |(index, played): (usize, Option<(Judgement, String)>)| {
        let mut played = played.or_else(|| play(index));
        for _ in 1..tries {
            if played
                .as_ref()
                .is_some_and(|(judgement, _)| judgement.is_settled())
            {
                break;
            }
            played = play(index);
        }
        played.unwrap_or((Judgement::Unexplained, String::new()))
    };
    first.into_iter().enumerate().map(again).collect()
}

/// True for a script that lasts longer than anybody waits for in real time.
fn is_too_long(text: &str) -> bool {
    let Ok(script) = crate::parse(text) else {
        return false;
    };
    let mut end = Duration::ZERO;
    for event in &script.events {
        end = match event.time {
            Time::Relative(after) | Time::RelativeRange(after, _) => end + after,
            Time::Absolute(at) | Time::AbsoluteRange(at, _) => at,
            Time::Any => end,
        };
    }
    end > LONGEST
}

/// In real time.
const LONGEST: Duration = Duration::from_secs(180);

fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}
