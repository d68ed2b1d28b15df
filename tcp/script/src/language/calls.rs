//! System calls: `name(arguments) = result ERROR (note)`.

use super::SyntaxError;
use super::parser::Parser;
use super::token::Kind;
use super::tree::{Call, Value};

impl Parser {
    pub(super) fn call(&mut self) -> Result<Call, SyntaxError> {
        let mut end = None;
        if self.peek() == Some(&Kind::Ellipsis) {
            self.next()?;
            end = Some(self.duration()?);
        }
        let Kind::Word(name) = self.next()? else {
            return Err(self.error("a packet, a system call, a command or code must stand here"));
        };
        self.must('(')?;
        let arguments = self.values(')')?;
        self.must('=')?;
        let result = self.value()?;
        let mut error = None;
        if let Some(Kind::Word(word)) = self.peek().cloned() {
            self.next()?;
            error = Some(word);
        }
        if self.takes('(') {
            self.pass_note()?;
        }
        Ok(Call {
            end,
            name,
            arguments,
            result,
            error,
        })
    }

    /// Values with commas between, up to `close`.
    fn values(&mut self, close: char) -> Result<Vec<Value>, SyntaxError> {
        let mut values = Vec::new();
        while !self.takes(close) {
            values.push(self.value()?);
            if !self.takes(',') {
                self.must(close)?;
                break;
            }
        }
        Ok(values)
    }

    fn value(&mut self) -> Result<Value, SyntaxError> {
        match self.next()? {
            Kind::Ellipsis => Ok(Value::Any),
            Kind::Integer(number) if self.peek() != Some(&Kind::Sign('|')) => {
                Ok(Value::Number(number))
            }
            Kind::Integer(number) => self.words(number.to_string()),
            Kind::Address(text) => Ok(Value::Text(text)),
            Kind::Quoted(text) => Ok(Value::Text(self.joined(text)?)),
            Kind::Word(name) => {
                if self.takes('(') {
                    return Ok(Value::Function(name, self.values(')')?));
                }
                self.words(name)
            }
            Kind::Sign('[') => Ok(Value::List(self.values(']')?)),
            Kind::Sign('{') => self.record(),
            Kind::Code(text) => Ok(Value::Text(text)),
            _ => Err(self.error("an argument or a result must stand here")),
        }
    }

    /// Quoted pieces behind each other are one; `...` behind it leaves the rest open.
    fn joined(&mut self, first: String) -> Result<String, SyntaxError> {
        let mut text = first;
        while let Some(Kind::Quoted(more)) = self.peek() {
            text.push_str(more);
            self.next()?;
        }
        if self.peek() == Some(&Kind::Ellipsis) {
            self.next()?;
        }
        Ok(text)
    }

    /// Names joined by `|`.
    fn words(&mut self, first: String) -> Result<Value, SyntaxError> {
        let mut words = vec![first];
        while self.takes('|') {
            match self.next()? {
                Kind::Word(word) => words.push(word),
                Kind::Integer(number) => words.push(number.to_string()),
                _ => return Err(self.error("a name must follow `|`")),
            }
        }
        Ok(Value::Words(words))
    }

    /// Fields up to `}`: `name=value`, `name(count)=value`, `name: value` or a bare value.
    fn record(&mut self) -> Result<Value, SyntaxError> {
        let mut fields = Vec::new();
        while !self.takes('}') {
            let mut name = None;
            let is_named = matches!(self.peek(), Some(Kind::Word(_)))
                && matches!(self.peek_at(1), Some(Kind::Sign('=' | '(' | ':')));
            let mut value = self.value()?;
            if is_named && (self.takes('=') || self.takes(':')) {
                name = match &value {
                    Value::Words(words) => words.first().cloned(),
                    Value::Function(name, _) => Some(name.clone()),
                    _ => None,
                };
                value = self.value()?;
            }
            fields.push((name, value));
            if !self.takes(',') {
                self.must('}')?;
                break;
            }
        }
        Ok(Value::Record(fields))
    }

    /// The words in parentheses behind an error or a number of flags.
    fn pass_note(&mut self) -> Result<(), SyntaxError> {
        let mut depth = 1;
        while depth > 0 {
            match self.next()? {
                Kind::Sign('(') => depth += 1,
                Kind::Sign(')') => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }
}
