use std::time::Duration;

use super::*;

fn first(text: &str) -> Event {
    parse(text).expect("a script").events.remove(0)
}

fn packet(text: &str) -> Packet {
    match first(text).action {
        Action::Packet(packet) => packet,
        other => panic!("{other:?} is no packet"),
    }
}

fn call(text: &str) -> Call {
    match first(text).action {
        Action::Call(call) => call,
        other => panic!("{other:?} is no call"),
    }
}

#[test]
fn times_of_every_kind() {
    let millis = Duration::from_millis;
    for (text, time) in [
        ("+.1", Time::Relative(millis(100))),
        ("+0", Time::Relative(millis(0))),
        ("2", Time::Absolute(millis(2_000))),
        ("0.250", Time::Absolute(millis(250))),
        ("*", Time::Any),
        ("1~1.5", Time::AbsoluteRange(millis(1_000), millis(1_500))),
        ("+.1~+.2", Time::RelativeRange(millis(100), millis(200))),
    ] {
        assert_eq!(
            first(&format!("{text} > . 1:1(0) ack 1")).time,
            time,
            "{text}"
        );
    }
}

#[test]
fn packets_are_printed_as_they_were_read() {
    for text in [
        "< S 0:0(0) win 32792 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>",
        "> S. 0:0(0) ack 1 <...>",
        "> P. 1:1001(1000) ack 1 win 257 urg 12",
        "> FPUEW. 7:17(10) ack 3",
        "< - 1:2(1)",
        "> [ect0] . 1:1461(1460) ack 1",
        "> [ect01] . 1:1461(1460) ack 1",
        "< 5000>80 R 1:1(0)",
        "> . 1:1(0) ack 1 <nop,nop,sack 1001:2001 4001:5001>",
        "> S 0:0(0) <FO abcd1234,nop,nop,eol>",
        "< icmp unreachable frag_needed mtu 1200",
    ] {
        assert_eq!(packet(&format!("+0 {text}")).to_string(), text);
    }
}

#[test]
fn an_icmp_error_quotes_a_segment() {
    let packet = packet("0 < icmp unreachable port_unreachable [11:31(20)]");
    let Body::Icmp(icmp) = packet.body else {
        panic!("no ICMP")
    };
    assert_eq!(
        (icmp.quoted, icmp.code.as_deref()),
        (Some(11), Some("port_unreachable"))
    );
}

#[test]
fn calls_have_arguments_results_errors_and_notes() {
    let connect = call(
        "0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)\n+1 close(3) = 0",
    );
    assert_eq!(
        connect.arguments,
        [Value::Number(3), Value::Any, Value::Any]
    );
    assert_eq!(
        (connect.result.number(), connect.error.as_deref()),
        (Some(-1), Some("EINPROGRESS"))
    );
    let fcntl = call("0 fcntl(3, F_GETFL) = 0x802 (flags O_RDWR|O_NONBLOCK)\n+0 close(3) = 0");
    assert_eq!(fcntl.result.number(), Some(0x802));
    let read = call("0...0.25 read(4, ..., 10) = 10");
    assert_eq!(read.end, Some(Duration::from_millis(250)));
    let bind = call(
        "0 bind(3, {sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr(\"10.0.0.1\")}, ...) = 0",
    );
    let address = &bind.arguments[1];
    assert!(
        address
            .field("sa_family")
            .is_some_and(|family| family.has("AF_INET"))
    );
    assert_eq!(
        address.field("sin_port"),
        Some(&Value::Function("htons".into(), vec![Value::Number(80)]))
    );
    let poll = call("0 poll([{fd=3, events=POLLIN|POLLOUT, revents=POLLIN}], 1, 0) = 1");
    let entry = &poll.arguments[0].list()[0];
    assert!(
        entry
            .field("events")
            .is_some_and(|events| events.has("POLLOUT"))
    );
    assert_eq!(entry.field("revents").and_then(Value::word), Some("POLLIN"));
    let send =
        call("0 sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 700}], msg_flags=0}, 0) = 700");
    assert_eq!(
        send.arguments[1].field("msg_iov").map(|v| v.list().len()),
        Some(1)
    );
}

#[test]
fn options_commands_comments_and_code() {
    let script = parse(
        "// one\n/* two\n * lines */\n--tolerance_usecs=10000\n--local_ip=10.1.1.1\n--define=SIZE=77\n\
         `sysctl -q a.b=1`\n0 write(4, ..., SIZE) = SIZE // behind\n+1 `sleep 1`\n\
         +0 %{ assert True,\\\n \"}\" }%\n`end`",
    )
    .expect("a script");
    assert_eq!(
        script.options[0],
        ("tolerance_usecs".into(), Some("10000".into()))
    );
    assert_eq!(
        script.options[1],
        ("local_ip".into(), Some("10.1.1.1".into()))
    );
    assert_eq!(script.before, Some((7, "sysctl -q a.b=1".into())));
    assert_eq!(
        script.after.as_ref().map(|(_, text)| text.as_str()),
        Some("end")
    );
    let Action::Call(write) = &script.events[0].action else {
        panic!("no call")
    };
    assert_eq!(
        (script.events[0].line, write.result.number()),
        (8, Some(77))
    );
    assert_eq!(script.events[1].action, Action::Command("sleep 1".into()));
    assert!(matches!(&script.events[2].action, Action::Code(code) if code.starts_with("assert")));
}

#[test]
fn what_is_not_spoken_is_passed_over() {
    for text in [
        "0 > ipv4 192.0.2.2 > 192.0.2.1: . 1:1(0) ack 1\n+0 close(3) = 0",
        "0 < udp (20)\n+0 close(3) = 0",
    ] {
        let script = parse(text).expect("a script");
        assert_eq!(script.events.len(), 2, "{text}");
        assert!(
            matches!(&script.events[0].action, Action::Packet(p) if matches!(p.body, Body::Other(_)))
        );
    }
}

/// The flags of AccECN by letters, or as a number; its option by the names of its counters.
#[test]
fn accurate_ecn_is_spoken() {
    let segments = |text: &str| {
        let script = parse(text).expect("a script");
        let mut all = script.events.into_iter().map(|event| match event.action {
            Action::Packet(Packet {
                body: Body::Segment(segment),
                ..
            }) => segment,
            other => panic!("{other:?}"),
        });
        (all.next().expect("a segment"), all.next().expect("another"))
    };
    let (one, other) = segments("0 > PEA. 1:2(1) ack 1\n0 > P.5 1:2(1) ack 1");
    assert_eq!((one.flags, &one), (0x158, &other));
    assert_eq!(one.to_string(), "PEA. 1:2(1) ack 1");
    let (one, other) = segments("0 < . 1:1(0) ack 1 <ECN e0b 1 ceb 7>\n0 < .6 1:1(0) ack 1 <ECN>");
    assert_eq!(
        one.options,
        Some(vec![TcpOption::AccurateEcn(0, vec![1, 7])])
    );
    assert_eq!(one.to_string(), ". 1:1(0) ack 1 <ECN e0b 1 ceb 7>");
    assert_eq!(other.options, Some(vec![TcpOption::AccurateEcn(1, vec![])]));
}

#[test]
fn errors_tell_their_line() {
    for (text, line, about) in [
        ("0 close(3) = 0\n+0 > X. 1:1(0) ack 1", 2, "no flag"),
        ("0 > P.9 1:1(0) ack 1", 1, "ACE field"),
        (
            "0 > . 1:1(0) ack 1 <ECN e1b 1 e0b 1>",
            1,
            "not the next counter",
        ),
        ("0 > . 1:5(3) ack 1", 1, "not 3 bytes"),
        ("\n\n0 > . 1:1(0) <mss>", 3, "number"),
        ("0 > . 1:1(0) ack 1 win 70000", 1, "does not fit"),
        ("0 close(3)", 1, "`=`"),
        ("%{ never", 1, "never closed"),
        ("/* never", 1, "never closed"),
        ("+1~+.5 > . 1:1(0)", 1, "backwards"),
        ("99999999999999999999 close(3) = 0", 1, "no number"),
        ("0 close(", 1, "ends in the middle"),
        ("`x`\n`y`\n0 close(3) = 0", 3, "time"),
    ] {
        let error = parse(text).expect_err(text);
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.message.contains(about), "{text}: {error}");
    }
}

#[test]
fn an_error_tells_line_and_column() {
    let text = "0 socket(..., SOCK_STREAM, 0) = 3\n+0 > S 0:0(0) <mss 1460,tsval 3>\n";
    let error = parse(text).expect_err("no such option");
    assert_eq!((error.line, error.column), (2, 31));
    assert!(error.message.contains("`tsval` is no TCP option"));
    let error = parse("0 bind(3, \"open").expect_err("an open quotation");
    assert_eq!((error.line, error.column), (1, 11));
}

#[test]
fn quoted_pieces_are_one_and_may_be_left_open() {
    let script = parse("0 write(3, \"ab\" \"cd\"..., 4) = 4\n").expect("a call");
    let Some(Event {
        action: Action::Call(call),
        ..
    }) = script.events.first()
    else {
        panic!("no call");
    };
    assert_eq!(call.arguments.get(1), Some(&Value::Text("abcd".to_owned())));
}
