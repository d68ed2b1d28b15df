use crate::{Verdict, run_text};

const OPEN: &str = "`sysctl -q net.ipv4.tcp_timestamps=0 net.ipv4.tcp_sack=0`
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+.1 < S 123:123(0) win 60000 <mss 1000>
+0 > S. 7:7(0) ack 124 <mss 1460>
+.1 < . 124:124(0) ack 8 win 60000
+0 accept(3, ..., ...) = 4
";

fn play(rest: &str) -> Verdict {
    run_text(&format!("{OPEN}{rest}"), true)
}

fn passes(rest: &str) {
    let verdict = play(rest);
    assert!(verdict.is_pass(), "{rest}: {verdict}");
}

fn fails(rest: &str, about: &str) {
    let verdict = play(rest);
    assert!(verdict.is_fail(), "{rest}: {verdict}");
    assert!(verdict.to_string().contains(about), "{verdict}");
}

fn is_unsupported(rest: &str, named: &str) {
    match play(rest) {
        Verdict::Unsupported { what, .. } => assert!(what.contains(named), "{what}"),
        verdict => panic!("{rest}: {verdict}"),
    }
}

#[test]
fn numbers_of_a_script_may_begin_anywhere() {
    passes("+0 write(4, ..., 10) = 10\n+0 > P. 8:18(10) ack 124");
}

#[test]
fn segments_are_joined_to_the_length_expected() {
    passes("+0 write(4, ..., 3000) = 3000\n+0 > P. 8:3008(3000) ack 124");
    fails(
        "+0 write(4, ..., 2000) = 2000\n+0 > P. 8:2508(2500) ack 124",
        "payload length",
    );
}

#[test]
fn the_first_difference_is_shown_in_both_notations() {
    let verdict = play("+0 write(4, ..., 10) = 10\n+0 > . 8:18(10) ack 125 win 5");
    let Verdict::Fail { line, at, what } = verdict else {
        panic!("{verdict}")
    };
    assert_eq!((line, at.as_millis()), (10, 200));
    assert!(
        what.contains("expected  > . 8:18(10) ack 125 win 5"),
        "{what}"
    );
    assert!(
        what.contains("sent      > P. 8:18(10) ack 124 win 64240"),
        "{what}"
    );
    assert!(
        what.contains("flags, acknowledgment number, window"),
        "{what}"
    );
}

#[test]
fn time_is_judged_with_the_tolerance() {
    let rest = "+0 write(4, ..., 10) = 10\n+0 > P. 8:18(10) ack 124\n+.31 > P. 8:18(10) ack 124";
    fails(rest, "s, expected at 0.510000 s");
    let lenient = format!("--tolerance_usecs=11000\n{OPEN}{rest}");
    assert!(run_text(&lenient, true).is_pass());
    passes(
        "+0 write(4, ..., 10) = 10\n* > P. 8:18(10) ack 124\n+.25~+.35 > P. 8:18(10) ack 124\n\
            * > P. 8:18(10) ack 124\n+0 < R. 124:124(0) ack 18 win 0",
    );
    fails("+.1~+.2 > P. 8:18(10) ack 124", "nothing sent");
}

#[test]
fn nothing_sent_and_something_unexpected_are_told() {
    fails("+.2 > . 8:8(0) ack 124", "nothing sent by 0.404000 s");
    fails(
        "+0 write(4, ..., 10) = 10\n+.1 < . 124:124(0) ack 18 win 60000",
        "never expected",
    );
    let lax = format!("{OPEN}+0 write(4, ..., 10) = 10\n+.1 < . 124:124(0) ack 18 win 60000");
    assert!(run_text(&lax, false).is_pass());
}

#[test]
fn calls_are_held_to_their_results() {
    fails(
        "+0 read(4, ..., 10) = 10",
        "blocks, but must return at once",
    );
    fails("+0...0.1 read(4, ..., 10) = 10", "blocks for longer");
    fails(
        "+0...0.2 read(4, ..., 10) = 10\n+.1 < P. 124:134(10) ack 8 win 60000",
        "returned at 0.3",
    );
    fails("+0 read(9, ..., 10) = 10", "EBADF, expected 10");
    fails("+0 ioctl(4, SIOCINQ, [5]) = 0", "SIOCINQ is 0, not 5");
    fails(
        "+0 poll([{fd=4, events=POLLOUT, revents=POLLIN}], 1, 0) = 1",
        "gives POLLOUT",
    );
}

#[test]
fn assertions_fail_at_their_line() {
    let verdict =
        play("+0 %{ assert tcpi_snd_mss == 1000 }%\n+0 %{ assert tcpi_snd_cwnd == 3, 'cwnd' }%");
    assert!(
        matches!(&verdict, Verdict::Fail { line: 10, what, .. } if what.contains("cwnd")),
        "{verdict}"
    );
}

#[test]
fn what_is_missing_is_named() {
    is_unsupported("+0 sendfile(4, 5, ..., 10) = 10", "system call sendfile");
    is_unsupported(
        "+0 setsockopt(4, SOL_TCP, TCP_REPAIR, [1], 4) = 0",
        "setsockopt TCP_REPAIR",
    );
    is_unsupported("+0 send(4, ..., 10, MSG_TRUNC) = 10", "MSG_TRUNC");
    is_unsupported("+0 %{ assert tcpi_rehash == 0 }%", "tcpi_rehash");
    is_unsupported("+0 `ip link set tun0 down`", "ip link set tun0 down");
    is_unsupported(
        "+0 `sysctl -q net.ipv4.tcp_sack=1`",
        "after the first system call",
    );
    is_unsupported("+0 > icmp echo_reply", "icmp echo_reply");
    is_unsupported("+0 > nonsense", "cannot be read");
}

#[test]
fn a_later_connection_has_numbers_of_its_own() {
    passes(
        "+0 < R. 124:124(0) ack 8 win 0\n+0 close(4) = 0
+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5
+0...0.1 connect(5, ..., ...) = 0
+0 > S 50:50(0) <...>
+.1 < S. 0:0(0) ack 51 win 60000 <mss 1000>
+0 > . 51:51(0) ack 1",
    );
}

#[test]
fn timestamps_keep_to_the_clock_where_a_tick_is_given() {
    let text = |second: u32| {
        format!(
            "--tcp_ts_tick_usecs=1000
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+.1 < S 0:0(0) win 60000 <mss 1000,sackOK,TS val 5 ecr 0>
+0 > S. 0:0(0) ack 1 <mss 1460,sackOK,TS val 900 ecr 5>
+.1 < P. 1:11(10) ack 1 win 60000 <nop,nop,TS val 6 ecr 900>
+0 > . 1:1(0) ack 11 <nop,nop,TS val {second} ecr 6>"
        )
    };
    assert!(run_text(&text(1_000), true).is_pass());
    let verdict = run_text(&text(1_050), true);
    assert!(
        verdict.is_fail() && verdict.to_string().contains("ticks"),
        "{verdict}"
    );
}
