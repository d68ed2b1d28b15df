//! Each number there and back.

use super::Info;

#[test]
fn every_number_comes_back_as_it_was() {
    let info = Info {
        state: 1,
        retransmissions: 2,
        round_trip_us: 3,
        round_trip_variation_us: 4,
        retransmission_timeout_us: 5,
        congestion_window_bytes: 6,
        slow_start_threshold_bytes: u32::MAX,
        send_window_bytes: 8,
        receive_window_bytes: 9,
        send_segment_bytes: 10,
        receive_segment_bytes: 11,
        send_queue_bytes: 12,
        receive_queue_bytes: 13,
        received_bytes: 1 << 40,
        sent_bytes: 1 << 41,
        acknowledged_bytes: u64::MAX,
    };
    assert_eq!(Info::from_pages(&info.pages()), info);
    assert_eq!(Info::from_pages(&Info::default().pages()), Info::default());
}
