//! From text to tokens: what separates words, numbers, quoted text and code.

use super::SyntaxError;

/// One token and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What it is.
    pub kind: Kind,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `1460`, `-1`, `0x1f`.
    Integer(i64),
    /// `0.1` or `.1`, as microseconds where it is a time.
    Decimal(f64),
    /// A name, a keyword, or digits with letters among them.
    Word(String),
    /// `192.0.2.1`.
    Address(String),
    /// Between double quotes.
    Quoted(String),
    /// Between backticks.
    Command(String),
    /// Between `%{` and `}%`.
    Code(String),
    /// `--name`, without the hyphens.
    Option(String),
    /// `...`
    Ellipsis,
    /// Any other character.
    Sign(char),
}

/// All tokens of a script; comments and space are left out.
///
/// # Errors
/// When a comment, a quotation or code is not closed, or a number is too large.
pub fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
    let mut lexer = Lexer {
        text,
        at: 0,
        line: 1,
    };
    let mut found = Vec::new();
    while let Some(token) = lexer.next()? {
        found.push(token);
    }
    Ok(found)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Result<Option<Token>, SyntaxError> {
        self.skip()?;
        let (line, column) = self.place();
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok(None);
        };
        let kind = if rest.starts_with("...") {
            self.take(3);
            Kind::Ellipsis
        } else if rest.starts_with("%{") {
            Kind::Code(self.between("%{", "}%")?.trim().to_owned())
        } else if first == '"' {
            Kind::Quoted(self.between("\"", "\"")?.to_owned())
        } else if first == '`' {
            Kind::Command(self.between("`", "`")?.to_owned())
        } else if rest.starts_with("--") && rest[2..].starts_with(is_word) {
            let length = prefix(&rest[2..], is_word);
            Kind::Option(self.take(2 + length)[2..].to_owned())
        } else if is_word(first) || is_number(rest) {
            self.word_or_number()?
        } else {
            self.take(first.len_utf8());
            Kind::Sign(first)
        };
        Ok(Some(Token { line, column, kind }))
    }

    fn word_or_number(&mut self) -> Result<Kind, SyntaxError> {
        let rest = self.rest();
        let address = prefix(rest, |c| c.is_ascii_digit() || c == '.');
        if rest[..address].parse::<std::net::Ipv4Addr>().is_ok() {
            return Ok(Kind::Address(self.take(address).to_owned()));
        }
        let sign = usize::from(rest.starts_with('-'));
        let digits = prefix(&rest[sign..], |c| c.is_ascii_digit());
        let word = prefix(&rest[sign..], is_word);
        let fraction = &rest[sign + digits..];
        if fraction.starts_with('.') && fraction[1..].starts_with(|c: char| c.is_ascii_digit()) {
            let length = 1 + prefix(&fraction[1..], |c| c.is_ascii_digit());
            let text = self.take(sign + digits + length);
            return text
                .parse()
                .map(Kind::Decimal)
                .map_err(|_| SyntaxError::at(self.place(), format!("`{text}` is no number")));
        }
        let text = self.take(sign + word);
        let number = if let Some(hexadecimal) = text.strip_prefix("0x") {
            u64::from_str_radix(hexadecimal, 16)
                .ok()
                .map(u64::cast_signed)
        } else if digits == word {
            text.parse().ok()
        } else {
            return Ok(Kind::Word(text.to_owned()));
        };
        number
            .map(Kind::Integer)
            .ok_or_else(|| SyntaxError::at(self.place(), format!("`{text}` is no number")))
    }

    /// Passes over space and comments.
    fn skip(&mut self) -> Result<(), SyntaxError> {
        loop {
            let rest = self.rest();
            let space = prefix(rest, char::is_whitespace);
            if space > 0 {
                self.take(space);
            } else if rest.starts_with("//") || (rest.starts_with('#') && self.begins_line()) {
                self.take(prefix(rest, |c| c != '\n'));
            } else if rest.starts_with("/*") {
                self.between("/*", "*/")?;
            } else {
                return Ok(());
            }
        }
    }

    /// What stands between the opening mark here and the closing one, past which it goes.
    fn between(&mut self, open: &str, close: &str) -> Result<&'a str, SyntaxError> {
        let place = self.place();
        let inner = &self.rest()[open.len()..];
        let mut from = 0;
        let length = loop {
            let found = inner[from..]
                .find(close)
                .ok_or_else(|| SyntaxError::at(place, format!("`{open}` is never closed")))?;
            let is_escaped = close.len() == 1 && inner[..from + found].ends_with('\\');
            if !is_escaped {
                break from + found;
            }
            from += found + close.len();
        };
        self.take(open.len() + length + close.len());
        Ok(&inner[..length])
    }

    /// Line and column of what comes next, both from 1.
    fn place(&self) -> (usize, usize) {
        let before = &self.text[..self.at];
        let begin = before.rfind('\n').map_or(0, |end| end + 1);
        (self.line, before[begin..].chars().count() + 1)
    }

    fn begins_line(&self) -> bool {
        self.at == 0 || self.text[..self.at].ends_with('\n')
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn take(&mut self, length: usize) -> &'a str {
        let taken = &self.text[self.at..self.at + length];
        self.at += length;
        self.line += taken.matches('\n').count();
        taken
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// A sign or a point that a digit follows.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let text = text.strip_prefix('.').unwrap_or(text);
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// Length of the longest beginning whose characters all fit.
fn prefix(text: &str, fits: impl Fn(char) -> bool) -> usize {
    text.find(|c| !fits(c)).unwrap_or(text.len())
}
