//! Tests of what the services share; their conversations are tested on the whole engine.

use super::Cookie;

#[test]
fn a_cookie_gives_back_service_and_slot() {
    let cookie = Cookie::slot_of(65_535, 4_000_000_000);
    assert_eq!((cookie.service(), cookie.slot()), (65_535, 4_000_000_000));
    assert_ne!(Cookie::listener(3), Cookie::slot_of(3, 0));
    assert_eq!(Cookie::listener(3).service(), 3);
}
