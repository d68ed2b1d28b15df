//! Options of an application about how fast it sends, by its library's methods.

#[expect(
    dead_code,
    reason = "what plays requests and replies is not needed here"
)]
mod attached;
#[expect(dead_code, reason = "nothing here has to wait")]
#[path = "attached/meanwhile.rs"]
mod meanwhile;

use std::io::ErrorKind;

use attached::Attached;
use meanwhile::meanwhile;

#[test]
fn congestion_control_goes_by_name_and_the_rate_has_a_bound() {
    let mut attached = Attached::start(1).expect("a worker and its application");
    meanwhile(&mut attached, |near, far| {
        assert_eq!(near.congestion().expect("open"), "cubic");
        for name in ["bbr", "dctcp", "newreno", "cubic"] {
            near.set_congestion(name).expect("it is allowed");
            assert_eq!(near.congestion().expect("open"), name);
        }
        near.set_congestion("reno").expect("it is allowed");
        assert_eq!(near.congestion().expect("open"), "newreno");
        assert_eq!(far.congestion().expect("open"), "cubic");
        let unknown = near.set_congestion("vegas").expect_err("there is none");
        assert_eq!(unknown.kind(), ErrorKind::NotFound);
        assert_eq!(near.max_pacing_rate().expect("open"), None);
        near.set_max_pacing_rate(Some(1_000_000)).expect("open");
        assert_eq!(near.max_pacing_rate().expect("open"), Some(1_000_000));
        near.set_max_pacing_rate(None).expect("open");
        assert_eq!(near.max_pacing_rate().expect("open"), None);
    });
}
