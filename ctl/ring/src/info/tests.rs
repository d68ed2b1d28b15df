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
        recovery: 20,
        timeouts: 21,
        probes: 22,
        options: 23,
        acknowledgement_delay_us: 24,
        reordering_segments: 25,
        unacknowledged_segments: 26,
        sacked_segments: 27,
        lost_segments: 28,
        resent_segments: 29,
        since_sent_ms: 30,
        since_received_ms: 31,
        since_heard_ms: 32,
        path_mtu_bytes: 33,
        round_trip_least_us: 34,
        unsent_bytes: 35,
        receive_buffer_bytes: 36,
        seen_segment_bytes: 37,
        pacing_rate: 1 << 50,
        backoff: 39,
        send_window_shift: 40,
        receive_window_shift: 41,
        fast_open_failure: 42,
        ecn_mode: 43,
        ecn_option_seen: 44,
        ecn_failures: 45,
        ecn_delivered: [46, 47, 48, 49],
        ecn_received: [50, 51, 52, u32::MAX],
    };
    assert_eq!(Info::from_pages(&info.pages()), info);
    assert_eq!(Info::from_pages(&Info::default().pages()), Info::default());
}
