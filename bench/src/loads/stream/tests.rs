//! Tests of the discard service's account.

use super::Account;

#[test]
fn account_is_read_and_printed_alike() {
    let line = "bytes=5 mismatches=0 sha256=00ff";
    let account = Account::parse(line).unwrap();
    assert_eq!((account.bytes, account.mismatches), (5, 0));
    assert_eq!(account.to_string(), line);
}

#[test]
fn malformed_accounts_are_refused() {
    for line in [
        "",
        "bytes=5",
        "bytes=x mismatches=0 sha256=00",
        "bytes=5 mismatches=-1 sha256=00",
        "bytes=5 mismatches=0 sha256=00 more",
        "mismatches=0 bytes=5 sha256=00",
    ] {
        assert_eq!(Account::parse(line), None, "{line}");
    }
}
