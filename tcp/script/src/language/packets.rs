//! Packets: `< [ect0] 5000>80 P. 1:1001(1000) ack 1 win 257 <nop,nop,TS val 1 ecr 2>` and ICMP.

use super::SyntaxError;
use super::notation::ECN_COUNTERS;
use super::parser::Parser;
use super::token::Kind;
use super::tree::{Body, Direction, Ecn, Icmp, Packet, Segment, TcpOption};

impl Parser {
    pub(super) fn packet(&mut self) -> Result<Packet, SyntaxError> {
        let direction = if self.takes('<') {
            Direction::Inbound
        } else {
            self.must('>')?;
            Direction::Outbound
        };
        let mut packet = Packet {
            direction,
            ecn: None,
            dscp: None,
            ttl: None,
            ports: None,
            body: Body::Other(String::new()),
        };
        if let Some(Kind::Word(word)) = self.peek()
            && matches!(word.as_str(), "ipv4" | "ipv6" | "gre" | "GREv0" | "mpls")
        {
            let what = format!("packets inside of {word}");
            self.pass_packet();
            packet.body = Body::Other(what);
            return Ok(packet);
        }
        if self.takes('[') {
            self.ip_fields(&mut packet)?;
            self.must(']')?;
        } else if self.takes('(') {
            self.ip_fields(&mut packet)?;
            self.must(')')?;
        }
        if self.takes_word("icmp") {
            packet.body = self.icmp()?;
            return Ok(packet);
        }
        if self.takes_word("udp") {
            self.pass_packet();
            packet.body = Body::Other("UDP".to_owned());
            return Ok(packet);
        }
        if matches!(self.peek(), Some(Kind::Integer(_))) {
            let source = self.integer()?;
            self.must('>')?;
            packet.ports = Some((source, self.integer()?));
        }
        packet.body = self.segment()?;
        Ok(packet)
    }

    fn ip_fields(&mut self, packet: &mut Packet) -> Result<(), SyntaxError> {
        loop {
            match self.next()? {
                Kind::Word(word) => match word.as_str() {
                    "noecn" => packet.ecn = Some(Ecn::Bits(0)),
                    "ect1" => packet.ecn = Some(Ecn::Bits(1)),
                    "ect0" => packet.ecn = Some(Ecn::Bits(2)),
                    "ce" => packet.ecn = Some(Ecn::Bits(3)),
                    "ect01" => packet.ecn = Some(Ecn::Capable),
                    "ttl" => packet.ttl = Some(self.integer()?),
                    "tos" => {
                        let tos: u8 = self.integer()?;
                        packet.ecn = Some(Ecn::Bits(tos & 3));
                        packet.dscp = Some(tos >> 2);
                    }
                    "flowlabel" => drop(self.next()?),
                    _ => return Err(self.error(format!("`{word}` is no field of the IP header"))),
                },
                _ => return Err(self.error("a field of the IP header must stand here")),
            }
            if !self.takes(',') {
                return Ok(());
            }
        }
    }

    fn segment(&mut self) -> Result<Body, SyntaxError> {
        let mut flags = 0;
        while !matches!(self.peek(), Some(Kind::Integer(_))) {
            match self.next()? {
                Kind::Sign('.') => flags |= ACK,
                Kind::Sign('-') => {}
                Kind::Word(letters) => {
                    for letter in letters.chars() {
                        flags |= flag(letter)
                            .ok_or_else(|| self.error(format!("`{letter}` is no flag")))?;
                    }
                }
                // `.5`: ACK, and the ACE field.
                Kind::Decimal(number) => {
                    let ace = format!("{number:?}");
                    let ace = ace.strip_prefix("0.").and_then(|ace| ace.parse().ok());
                    let flag = ace.and_then(flag);
                    flags |=
                        ACK | flag.ok_or_else(|| self.error("the ACE field is a digit below 8"))?;
                }
                _ => return Err(self.error("flags must stand here")),
            }
        }
        let (sequence, length) = self.range()?;
        let mut segment = Segment {
            flags,
            sequence,
            length,
            acknowledgment: 0,
            window: None,
            urgent: 0,
            options: Some(Vec::new()),
        };
        if self.takes_word("ack") {
            segment.acknowledgment = self.integer()?;
        }
        if self.takes_word("win") {
            segment.window = Some(self.integer()?);
        }
        if self.takes_word("urg") {
            segment.urgent = self.integer()?;
        }
        if self.takes('<') {
            segment.options = self.options_of_segment()?;
        }
        if matches!(self.peek(), Some(Kind::Sign('[' | '{'))) {
            self.pass_packet();
            return Ok(Body::Other("mutated packets".to_owned()));
        }
        Ok(Body::Segment(segment))
    }

    /// `first:end(length)`
    fn range(&mut self) -> Result<(u32, u32), SyntaxError> {
        let first: u32 = self.integer()?;
        self.must(':')?;
        let end: u32 = self.integer()?;
        self.must('(')?;
        let length: u32 = self.integer()?;
        self.must(')')?;
        if first.wrapping_add(length) != end {
            return Err(self.error(format!("{first}:{end} is not {length} bytes long")));
        }
        Ok((first, length))
    }

    fn options_of_segment(&mut self) -> Result<Option<Vec<TcpOption>>, SyntaxError> {
        if self.peek() == Some(&Kind::Ellipsis) {
            self.next()?;
            self.must('>')?;
            return Ok(None);
        }
        let mut options = Vec::new();
        while !self.takes('>') {
            options.push(self.option_of_segment()?);
            if !self.takes(',') {
                self.must('>')?;
                break;
            }
        }
        Ok(Some(options))
    }

    fn option_of_segment(&mut self) -> Result<TcpOption, SyntaxError> {
        let Kind::Word(name) = self.next()? else {
            return Err(self.error("the name of a TCP option must stand here"));
        };
        match name.as_str() {
            "mss" => Ok(TcpOption::Mss(self.integer()?)),
            "sackOK" => Ok(TcpOption::SackPermitted),
            "nop" => Ok(TcpOption::Nop),
            "eol" => Ok(TcpOption::End),
            "wscale" => Ok(TcpOption::WindowScale(self.integer()?)),
            "TS" => {
                if !self.takes_word("val") {
                    return Err(self.error("`val` must follow `TS`"));
                }
                let value = self.integer()?;
                if !self.takes_word("ecr") {
                    return Err(self.error("`ecr` must follow the value"));
                }
                Ok(TcpOption::Timestamps(value, self.integer()?))
            }
            "sack" => {
                let mut blocks = Vec::new();
                while matches!(self.peek(), Some(Kind::Integer(_))) {
                    let left = self.integer()?;
                    self.must(':')?;
                    blocks.push((left, self.integer()?));
                }
                Ok(TcpOption::Sack(blocks))
            }
            "ECN" => self.accurate_ecn(),
            "FO" => Ok(TcpOption::FastOpen(self.hexadecimal()?)),
            "FOEXP" => {
                let mut body = vec![0xf9, 0x89];
                body.extend(self.hexadecimal()?);
                Ok(TcpOption::Other(254, body))
            }
            "md5" => self.signature(),
            "ao" => self.ao(),
            _ => Err(self.error(format!("`{name}` is no TCP option"))),
        }
    }

    /// `md5 "secret"`, or the digest in hexadecimal.
    fn signature(&mut self) -> Result<TcpOption, SyntaxError> {
        if let Some(Kind::Quoted(secret)) = self.peek().cloned() {
            self.next()?;
            return Ok(TcpOption::Md5(secret));
        }
        Ok(TcpOption::Other(SIGNATURE, self.hexadecimal()?))
    }

    /// `ao 1 2 "secret"`: KeyID, RNextKeyID, and whose code it is.
    fn ao(&mut self) -> Result<TcpOption, SyntaxError> {
        let (key_id, next_key_id) = (self.integer()?, self.integer()?);
        match self.next()? {
            Kind::Quoted(secret) => Ok(TcpOption::Ao(key_id, next_key_id, secret)),
            _ => Err(self.error("a secret in quotes must follow the ids of keys")),
        }
    }

    /// `ECN e1b 1 ceb 0 e0b 1`, with fewer counters behind the first, or none.
    fn accurate_ecn(&mut self) -> Result<TcpOption, SyntaxError> {
        let mut counts = Vec::new();
        let mut order = 1;
        while let Some(Kind::Word(name)) = self.peek().cloned() {
            self.next()?;
            let names = ECN_COUNTERS.map(|names| names.get(counts.len()).copied());
            let found = match counts.len() {
                0 => names.iter().position(|known| *known == Some(name.as_str())),
                _ => Some(order).filter(|order| names[*order] == Some(name.as_str())),
            };
            order = found.ok_or_else(|| self.error(format!("`{name}` is not the next counter")))?;
            counts.push(self.integer()?);
        }
        Ok(TcpOption::AccurateEcn(u8::from(order == 1), counts))
    }

    /// Bytes in hexadecimal, perhaps none.
    fn hexadecimal(&mut self) -> Result<Vec<u8>, SyntaxError> {
        let text = match self.peek() {
            Some(Kind::Word(text)) => text.clone(),
            Some(Kind::Integer(number)) => number.to_string(),
            _ => return Ok(Vec::new()),
        };
        self.next()?;
        let digits: Option<Vec<u8>> = text
            .chars()
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let digits = digits.filter(|digits| digits.len().is_multiple_of(2));
        let digits = digits.ok_or_else(|| self.error(format!("`{text}` is not hexadecimal")))?;
        Ok(digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect())
    }

    fn icmp(&mut self) -> Result<Body, SyntaxError> {
        let Kind::Word(kind) = self.next()? else {
            return Err(self.error("the type of ICMP message must stand here"));
        };
        let mut icmp = Icmp {
            kind,
            code: None,
            mtu: None,
            quoted: None,
        };
        if let Some(Kind::Word(word)) = self.peek().cloned()
            && word != "mtu"
            && word != "id"
        {
            self.next()?;
            icmp.code = Some(word);
        }
        if self.takes_word("mtu") {
            icmp.mtu = Some(self.integer()?);
        }
        if self.takes_word("id") {
            self.integer::<i64>()?;
        }
        if self.takes('[') {
            if !matches!(self.peek(), Some(Kind::Integer(_))) {
                self.pass_packet();
                return Ok(Body::Other("ICMP about anything but TCP".to_owned()));
            }
            icmp.quoted = Some(self.range()?.0);
            self.must(']')?;
        }
        Ok(Body::Icmp(icmp))
    }

    /// Passes over what is not understood, up to what can only be the next event.
    fn pass_packet(&mut self) {
        let mut line = self.line();
        while let Some(kind) = self.peek() {
            let begins_line = self.line() != line;
            let begins_event = matches!(kind, Kind::Sign('+' | '*') | Kind::Integer(_))
                || matches!(kind, Kind::Decimal(_) | Kind::Command(_));
            if begins_line && begins_event {
                return;
            }
            line = self.line();
            self.pass();
        }
    }
}

/// The bit of a flag's letter; a digit is the ACE field (RFC 9768): AE, CWR and ECE as a number.
fn flag(letter: char) -> Option<u16> {
    if let Some(ace) = letter.to_digit(8) {
        return Some((ace as u16) << 6);
    }
    super::notation::LETTERS
        .iter()
        .find(|(known, _)| *known == letter)
        .map(|(_, bit)| *bit)
}

const ACK: u16 = 0x10;
/// Kind of the option that signs (RFC 2385).
const SIGNATURE: u8 = 19;
