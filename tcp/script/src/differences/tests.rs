use super::*;

const SCRIPT: &str = "// A rule (RFC 9293).\n// Linux differs: it waits\n0 socket(..., SOCK_STREAM, 0) = 3\n\
                      // Linux differs: it is slow\n";

#[test]
fn a_script_says_where_it_does_not_hold_and_why() {
    let linux = declared(SCRIPT, Place::Kernel);
    assert_eq!(linux.as_deref(), Some("it waits; it is slow"));
    assert_eq!(declared(SCRIPT, Place::Daemon), None);
}

#[test]
fn differences_must_be_explained_and_explanations_true() {
    let explained = Judgement::of("FAIL at line 3", Some("why"));
    assert_eq!(explained, Judgement::Explained("why".to_owned()));
    assert!(explained.is_settled());
    assert!(Judgement::of("pass (3 events)", None).is_settled());
    let refused = format!("unsupported: sysctl net.ipv4.tcp_ecn=3, {NOT_HERE} (line 2)");
    assert!(Judgement::of(&refused, None).is_settled());
    for (verdict, reason) in [
        ("FAIL at line 3", None),
        ("unsupported: poll", None),
        ("pass (3 events)", Some("why")),
    ] {
        assert!(!Judgement::of(verdict, reason).is_settled(), "{verdict}");
    }
}
