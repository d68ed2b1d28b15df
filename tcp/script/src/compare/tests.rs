use super::*;
use crate::language::{Action, parse};

fn packet(text: &str) -> Packet {
    match parse(&format!("+0 {text}")).map(|mut script| script.events.remove(0).action) {
        Ok(Action::Packet(packet)) => packet,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_script_does_not_name_is_not_compared() {
    let actual = packet("> [ect0] 80>5000 P. 1:11(10) ack 1 win 77 <nop,nop,TS val 9 ecr 4>");
    for expected in [
        "> P. 1:11(10) ack 1 <...>",
        "> P. 1:11(10) ack 1 win 77 <nop,nop,TS val 1 ecr 4>",
        "> [ect01] 80>5000 P. 1:11(10) ack 1 <...>",
    ] {
        assert_eq!(
            differences(&packet(expected), &actual),
            [""; 0],
            "{expected}"
        );
    }
}

#[test]
fn every_field_that_differs_is_named() {
    let actual = packet("> [ect0] 80>5000 P. 1:11(10) ack 1 win 77 <nop,nop,TS val 9 ecr 4>");
    for (expected, named) in [
        ("> . 1:11(10) ack 1 <...>", "flags"),
        ("> P. 2:12(10) ack 1 <...>", "sequence number"),
        ("> P. 1:10(9) ack 1 <...>", "payload length"),
        ("> P. 1:11(10) ack 2 <...>", "acknowledgment number"),
        ("> P. 1:11(10) ack 1 win 78 <...>", "window"),
        ("> P. 1:11(10) ack 1 urg 3 <...>", "urgent pointer"),
        ("> P. 1:11(10) ack 1", "number of TCP options"),
        (
            "> P. 1:11(10) ack 1 <nop,nop,TS val 9 ecr 5>",
            "TCP option TS val 9 ecr 5",
        ),
        ("> [ce] P. 1:11(10) ack 1 <...>", "ECN bits 10"),
        ("> 80>5001 P. 1:11(10) ack 1 <...>", "ports"),
    ] {
        assert_eq!(
            differences(&packet(expected), &actual),
            [named],
            "{expected}"
        );
    }
}
