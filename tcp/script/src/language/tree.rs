//! What a script says, taken apart: events with their times, and what happens in each.

use std::time::Duration;

/// A whole script.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// `--name=value` at its head, in order.
    pub options: Vec<(String, Option<String>)>,
    /// A command before the first event, and its line.
    pub before: Option<(usize, String)>,
    /// The events.
    pub events: Vec<Event>,
    /// A command after the last event.
    pub after: Option<(usize, String)>,
}

/// Something that happens, or must happen, at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Line that it begins in, from 1.
    pub line: usize,
    /// When.
    pub time: Time,
    /// What.
    pub action: Action,
}

/// When an event is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Time {
    /// So long after the event before.
    Relative(Duration),
    /// So long after the script's start.
    Absolute(Duration),
    /// Whenever it comes.
    Any,
    /// Between these two after the event before.
    RelativeRange(Duration, Duration),
    /// Between these two after the script's start.
    AbsoluteRange(Duration, Duration),
}

/// What happens in an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A packet comes in, or must go out.
    Packet(Packet),
    /// The user calls.
    Call(Call),
    /// A shell command.
    Command(String),
    /// Python code.
    Code(String),
}

/// Which way a packet goes, as the machine under test sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Injected.
    Inbound,
    /// Expected.
    Outbound,
}

/// A packet to inject or to expect.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    /// In or out.
    pub direction: Direction,
    /// ECN bits of the IP header, where the script names them.
    pub ecn: Option<Ecn>,
    /// DSCP, the upper bits of the TOS field, where the script names it.
    pub dscp: Option<u8>,
    /// Time to live, where the script names it.
    pub ttl: Option<u8>,
    /// Source and destination port, where the script names them.
    pub ports: Option<(u16, u16)>,
    /// The rest.
    pub body: Body,
}

/// What a packet carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// TCP.
    Segment(Segment),
    /// An ICMP error.
    Icmp(Icmp),
    /// Something this runner does not speak.
    Other(String),
}

/// ECN field of the IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ecn {
    /// Exactly these bits.
    Bits(u8),
    /// ECT(0) or ECT(1).
    Capable,
}

/// A TCP segment in the script's own numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The header's fourteenth byte, AE above it.
    pub flags: u16,
    /// First sequence number.
    pub sequence: u32,
    /// Payload bytes.
    pub length: u32,
    /// Acknowledgment number; 0 where the script names none.
    pub acknowledgment: u32,
    /// Window field, where the script names it.
    pub window: Option<u16>,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options in order; None for `<...>`: any.
    pub options: Option<Vec<TcpOption>>,
}

/// One TCP option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpOption {
    /// Maximum segment size.
    Mss(u16),
    /// SACK permitted.
    SackPermitted,
    /// No operation.
    Nop,
    /// End of list.
    End,
    /// Window scale.
    WindowScale(u8),
    /// Timestamps: value and echo.
    Timestamps(u32, u32),
    /// SACK blocks: left and right edges.
    Sack(Vec<(u32, u32)>),
    /// AccECN (RFC 9768): order 0 begins with ECT(0), order 1 with ECT(1); CE stands between.
    AccurateEcn(u8, Vec<u32>),
    /// Fast Open with this cookie (RFC 7413).
    FastOpen(Vec<u8>),
    /// A digest that is right under this secret (RFC 2385).
    Md5(String),
    /// KeyID, RNextKeyID and a code that is right under this secret (RFC 5925).
    Ao(u8, u8, String),
    /// Anything else, as kind and body.
    Other(u8, Vec<u8>),
}

/// An ICMP error about a segment of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// `unreachable`, ...
    pub kind: String,
    /// `frag_needed`, ...
    pub code: Option<String>,
    /// MTU of the next hop.
    pub mtu: Option<u16>,
    /// Sequence number of the segment quoted.
    pub quoted: Option<u32>,
}

/// A system call and what it must give.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// When it must return, on the scale of its event's time; None: at once.
    pub end: Option<Duration>,
    /// Its name.
    pub name: String,
    /// What it is given.
    pub arguments: Vec<Value>,
    /// What it must return.
    pub result: Value,
    /// The error it must tell.
    pub error: Option<String>,
}

/// An argument or a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `...`
    Any,
    /// A number.
    Number(i64),
    /// Names, joined by `|`.
    Words(Vec<String>),
    /// Quoted text or an address.
    Text(String),
    /// In brackets.
    List(Vec<Value>),
    /// In braces; fields may have names.
    Record(Vec<(Option<String>, Value)>),
    /// `htons(80)` and the like.
    Function(String, Vec<Value>),
}

impl Value {
    /// The number, if it is one.
    pub fn number(&self) -> Option<i64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// True when `word` is this, or among what is joined by `|`.
    pub fn has(&self, word: &str) -> bool {
        matches!(self, Value::Words(words) if words.iter().any(|w| w == word))
    }

    /// The name, if it is a single one.
    pub fn word(&self) -> Option<&str> {
        match self {
            Value::Words(words) if words.len() == 1 => words.first().map(String::as_str),
            _ => None,
        }
    }

    /// What stands in brackets.
    pub fn list(&self) -> &[Value] {
        match self {
            Value::List(values) => values,
            _ => &[],
        }
    }

    /// A record's field.
    pub fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Record(fields) => fields
                .iter()
                .find(|(field, _)| field.as_deref() == Some(name))
                .map(|(_, value)| value),
            _ => None,
        }
    }
}
