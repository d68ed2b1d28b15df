//! The grammar above the events: options, commands, times. `packets` and `calls` go on from there.

use std::collections::HashMap;
use std::time::Duration;

use super::SyntaxError;
use super::token::{Kind, Token, tokens};
use super::tree::{Action, Event, Script, Time};

/// Reads a script.
///
/// # Errors
/// The line and what is wrong with it.
pub fn parse(text: &str) -> Result<Script, SyntaxError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        defined: HashMap::new(),
    };
    let mut script = Script {
        options: parser.options()?,
        ..Script::default()
    };
    parser.define(&script.options)?;
    script.before = parser.command();
    while parser.peek().is_some() {
        if let Some(command) = parser.command() {
            script.after = Some(command);
            if parser.peek().is_some() {
                return Err(parser.error("an event must begin with its time"));
            }
            break;
        }
        script.events.push(parser.event()?);
    }
    Ok(script)
}

/// Tokens, and how far they have been read.
pub(super) struct Parser {
    tokens: Vec<Token>,
    at: usize,
    /// What `--define=NAME=value` says.
    defined: HashMap<String, Kind>,
}

impl Parser {
    fn options(&mut self) -> Result<Vec<(String, Option<String>)>, SyntaxError> {
        let mut options = Vec::new();
        while let Some(Kind::Option(name)) = self.peek().cloned() {
            self.at += 1;
            let mut value = None;
            if self.takes('=') {
                let mut text = self.option_value()?;
                if self.takes('=') {
                    text = format!("{text}={}", self.option_value()?);
                }
                value = Some(text);
            }
            options.push((name, value));
        }
        Ok(options)
    }

    fn option_value(&mut self) -> Result<String, SyntaxError> {
        match self.next()? {
            Kind::Integer(number) => Ok(number.to_string()),
            Kind::Decimal(number) => Ok(number.to_string()),
            Kind::Word(text) | Kind::Address(text) => Ok(text),
            Kind::Quoted(text) => Ok(format!("\"{text}\"")),
            Kind::Command(text) => Ok(format!("`{text}`")),
            _ => Err(self.error("an option's value is a word, a number or quoted")),
        }
    }

    /// Remembers `--define=NAME=value`.
    fn define(&mut self, options: &[(String, Option<String>)]) -> Result<(), SyntaxError> {
        for (name, value) in options {
            if name == "define"
                && let Some((symbol, value)) = value.as_ref().and_then(|text| text.split_once('='))
                && let [token] = tokens(value)?.as_slice()
            {
                self.defined.insert(symbol.to_owned(), token.kind.clone());
            }
        }
        for token in &mut self.tokens {
            if let Kind::Word(word) = &token.kind
                && let Some(kind) = self.defined.get(word)
            {
                token.kind = kind.clone();
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Option<(usize, String)> {
        let token = self.tokens.get(self.at)?;
        let Kind::Command(text) = &token.kind else {
            return None;
        };
        self.at += 1;
        Some((token.line, text.clone()))
    }

    fn event(&mut self) -> Result<Event, SyntaxError> {
        let line = self.line();
        let time = self.time()?;
        let action = match self.peek() {
            Some(Kind::Sign('<' | '>')) => Action::Packet(self.packet()?),
            Some(Kind::Command(text)) => {
                let text = text.clone();
                self.at += 1;
                Action::Command(text)
            }
            Some(Kind::Code(text)) => {
                let text = text.clone();
                self.at += 1;
                Action::Code(text)
            }
            _ => Action::Call(self.call()?),
        };
        Ok(Event { line, time, action })
    }

    fn time(&mut self) -> Result<Time, SyntaxError> {
        if self.takes('*') {
            return Ok(Time::Any);
        }
        let is_relative = self.takes('+');
        let from = self.duration()?;
        if !self.takes('~') {
            return Ok(if is_relative {
                Time::Relative(from)
            } else {
                Time::Absolute(from)
            });
        }
        if self.takes('+') != is_relative {
            return Err(self.error("both ends of a range of times are relative, or none"));
        }
        let to = self.duration()?;
        if to < from {
            return Err(self.error("the range of times goes backwards"));
        }
        Ok(if is_relative {
            Time::RelativeRange(from, to)
        } else {
            Time::AbsoluteRange(from, to)
        })
    }

    /// Seconds, with a fraction or without.
    pub(super) fn duration(&mut self) -> Result<Duration, SyntaxError> {
        let seconds = match self.next()? {
            Kind::Integer(seconds) => u64::try_from(seconds).ok().map(Duration::from_secs),
            // Rounded to microseconds: what a script's tolerance is told in.
            Kind::Decimal(seconds) => Duration::try_from_secs_f64(seconds).ok().map(|exact| {
                Duration::from_micros(
                    u64::try_from((exact.as_nanos() + 500) / 1_000).unwrap_or(u64::MAX),
                )
            }),
            _ => None,
        };
        seconds.ok_or_else(|| self.error("a time in seconds must stand here"))
    }

    pub(super) fn peek(&self) -> Option<&Kind> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<&Kind> {
        self.tokens.get(self.at + ahead).map(|token| &token.kind)
    }

    pub(super) fn next(&mut self) -> Result<Kind, SyntaxError> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
            .map(|token| token.kind)
            .ok_or_else(|| self.error("the script ends in the middle of something"))
    }

    /// True, and passed, when the sign is next.
    pub(super) fn takes(&mut self, sign: char) -> bool {
        let is_next = self.peek() == Some(&Kind::Sign(sign));
        self.at += usize::from(is_next);
        is_next
    }

    /// True, and passed, when the word is next.
    pub(super) fn takes_word(&mut self, word: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Kind::Word(next)) if next == word);
        self.at += usize::from(is_next);
        is_next
    }

    pub(super) fn must(&mut self, sign: char) -> Result<(), SyntaxError> {
        if self.takes(sign) {
            Ok(())
        } else {
            Err(self.error(format!("`{sign}` must stand here")))
        }
    }

    /// An integer that fits.
    pub(super) fn integer<T: TryFrom<i64>>(&mut self) -> Result<T, SyntaxError> {
        match self.next()? {
            Kind::Integer(number) => {
                T::try_from(number).map_err(|_| self.error(format!("{number} does not fit here")))
            }
            _ => Err(self.error("a number must stand here")),
        }
    }

    pub(super) fn error(&self, message: impl Into<String>) -> SyntaxError {
        let token = self.tokens.get(self.at).or(self.tokens.last());
        let place = token.map_or((1, 1), |token| (token.line, token.column));
        SyntaxError::at(place, message)
    }

    pub(super) fn pass(&mut self) {
        self.at += 1;
    }

    /// The line of the next token, or of the last one.
    pub(super) fn line(&self) -> usize {
        let token = self.tokens.get(self.at).or(self.tokens.last());
        token.map_or(1, |token| token.line)
    }
}
