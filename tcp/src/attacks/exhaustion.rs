//! By using up what there is: records, memory, time.

use super::Attack;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "SYN flood",
        source: "RFC 4987",
        does: "Sends SYNs from addresses that do not answer until the table of requests is full.",
        answer: "Requests are small and bounded, in all and for each listener; beyond that SYNs are \
               answered by cookies, which keep MSS, and by the timestamp window scale, SACK and ECN.",
        guards: &[
            "tcp/tests/states/attacks.rs: a_flood_of_syns_keeps_nobody_out",
            "tcp/tests/states/attacks.rs: a_flooded_listener_leaves_room_for_another",
            "tcp/tests/scripts/cookies/overflow.pkt",
        ],
    },
    Attack {
        name: "Guessed cookies",
        source: "RFC 4987, section 3.6",
        does: "Floods with ACKs until one is taken for a cookie that came back.",
        answer: "Cookies are looked at only for two minutes after one was sent for that listener; a guess \
               is right once in 2^24 times at best, and a connection is all that it makes.",
        guards: &[
            "tcp/src/syn_cookie/tests.rs: a_guess_is_refused",
            "tcp/tests/scripts/cookies/too_old.pkt",
            "tcp/tests/scripts/cookies/wrong.pkt",
        ],
    },
    Attack {
        name: "Reflection",
        source: "RFC 4987; Kuehrer et al., 2014",
        does: "Sends SYNs in the name of a victim, who gets the SYN-ACKs, each several times.",
        answer: "A SYN-ACK is no larger than Linux's and sent six times at most; a cookie once. A segment \
               to nobody is answered by one RST without payload.",
        guards: &[
            "tcp/tests/states/attacks.rs: a_spoofed_syn_is_amplified_little",
            "tcp/tests/states/attacks.rs: a_segment_to_nobody_is_answered_once",
        ],
    },
    Attack {
        name: "Connections that do nothing",
        source: "Netkill, 2000; Sockstress, CVE-2008-4609",
        does: "Completes handshakes and closes the window, or goes away, so that what was written to \
               him is kept.",
        answer: "Orphans have fewer retries, a time limit, and bounds of their number and bytes; \
               TCP_USER_TIMEOUT bounds what users keep. Until its user closes it, a connection whose \
               peer answers probes stays: RFC 9293 wants that.",
        guards: &[
            "tcp/tests/states/attacks.rs: closed_windows_hold_no_closed_connection_for_ever",
            "tcp/tests/states/orphans.rs: an_orphan_with_a_window_kept_closed_is_given_up",
            "tcp/tests/states/orphans.rs: orphans_with_too_many_bytes_are_reset_and_bytes_are_counted_while_they_are_there",
        ],
    },
    Attack {
        name: "FIN-WAIT-2 for ever",
        source: "RFC 9293, section 3.6",
        does: "Acknowledges our FIN and never sends his.",
        answer: "An orphan waits as long as the limits say; what its user still has open is his.",
        guards: &[
            "tcp/tests/states/orphans.rs: an_orphan_does_not_wait_for_ever_for_the_peers_fin",
            "tcp/tests/scripts/closing/fin_wait_2_timeout.pkt",
        ],
    },
    Attack {
        name: "TIME-WAIT full",
        source: "Faber et al., 1999",
        does: "Opens and closes until the table is full.",
        answer: "The table is bounded; a connection that finds no place ends without, which is counted. \
               The table is bounded; a connection that finds no place ends without, which is counted.",
        guards: &["tcp/tests/states/time_wait.rs: a_full_table_is_no_reason_to_keep_a_connection"],
    },
    Attack {
        name: "Accept queue full",
        source: "Linux: tcp_abort_on_overflow",
        does: "Completes handshakes faster than the user accepts.",
        answer: "The queue is bounded by the backlog; SYNs are dropped while it is full, last ACKs too, \
               or reset by configuration.",
        guards: &[
            "tcp/tests/states/accepting.rs: a_full_queue_takes_no_syn_until_somebody_accepts",
            "tcp/tests/scripts/opening/abort_on_overflow.pkt",
        ],
    },
    Attack {
        name: "Holes",
        source: "SegmentSmack, CVE-2018-5390",
        does: "Sends tiny segments with gaps: memory by the segment, and time to search through them.",
        answer: "Bytes are kept as bytes, a far one costs a small chunk; ranges are bounded for each \
               connection and for all, and so are the chunks; bytes out of order give way to those in order, the \
               highest first.",
        guards: &[
            "tcp/tests/states/pruning.rs: single_bytes_in_falling_order_hold_no_more_than_twice_the_buffer",
            "tcp/tests/states/pruning.rs: bytes_in_order_find_room_beside_what_is_not_read",
            "tcp/tests/states/receiving.rs: holes_beyond_the_bound_are_dropped_and_harm_nobody",
            "tcp/tests/states/memory.rs: bytes_out_of_order_do_not_keep_out_those_in_order",
            "tcp/src/chunk_pool/tests.rs: a_far_byte_costs_one_small_chunk",
        ],
    },
    Attack {
        name: "Memory held by many",
        source: "CVE-2008-4609",
        does: "Never reads, or leaves holes, on many connections.",
        answer: "What one may hold follows from what is left for all; the windows offered are promises \
               kept.",
        guards: &[
            "tcp/tests/states/memory.rs: peers_that_do_not_read_leave_memory_for_others",
            "tcp/tests/states/memory.rs: peers_that_leave_holes_leave_memory_for_others",
        ],
    },
    Attack {
        name: "SACK panic and slowness",
        source: "CVE-2019-11477, CVE-2019-11478, CVE-2019-11479",
        does: "Has a flight cut into as many pieces as can be, by blocks of single bytes and a tiny \
               MSS.",
        answer: "Blocks mark whole segments and never cut one; segments are 48 bytes at least; runs that \
               were received become one record. A walk is as long as the flight at worst.",
        guards: &[
            "tcp/tests/states/attacks.rs: selective_acknowledgements_of_single_bytes_cut_nothing_to_pieces",
            "tcp/tests/scripts/opening/small_mss.pkt",
            "tcp/tests/scripts/sack/part_of_a_segment.pkt",
        ],
    },
    Attack {
        name: "Colliding flows",
        source: "Crosby and Wallach, 2003",
        does: "Picks addresses and ports that share a place in the tables.",
        answer: "The tables' hash is keyed anew at each start. It is quick and no cipher; its values never leave the process.",
        guards: &["tcp/src/flow_hash/tests.rs: every_part_of_a_flow_and_the_key_count"],
    },
    Attack {
        name: "Malformed headers",
        source: "CVE-2007-6750's kin",
        does: "Sends data offsets and option lengths that cannot be.",
        answer: "All are parsed with bounds, refused and counted; both parsers are fuzzed.",
        guards: &[
            "tcp/src/header/tests.rs: any_bytes_are_taken_apart_or_refused",
            "tcp/src/header_options/tests.rs: any_bytes_are_read_or_refused",
            "tcp/tests/fuzzed/anything.rs: any_peer_is_survived",
        ],
    },
    Attack {
        name: "Fast Open flood",
        source: "RFC 7413, section 5.1",
        does: "Sends SYNs with data and a stolen or bought cookie, each of which makes a connection and work for its user.",
        answer: "Pending ones are bounded for each listener, and those that end by RST count for a minute; beyond that SYNs are \
                 ordinary ones, and under a flood of these cookies.",
        guards: &[
            "tcp/tests/states/fast_open.rs: beyond_its_bound_a_listener_does_without_and_a_reset_counts_for_a_minute",
            "tcp/tests/states/fast_open.rs: a_flood_gets_syn_cookies_and_no_fast_open",
            "tcp/tests/scripts/fast_open/server_queue_full.pkt",
        ],
    },
    Attack {
        name: "Forged Fast Open cookies",
        source: "RFC 7413, section 4.1.2",
        does: "Makes up a cookie, or uses one in another's name.",
        answer: "Cookies are a block cipher of both addresses; two keys are good at a time, so that they can be changed. Data of a \
                 SYN may come twice after a lost answer: whoever listens with it accepts that.",
        guards: &[
            "tcp/src/fast_open/cookie/tests.rs: a_cookie_is_bound_to_both_addresses",
            "tcp/src/fast_open/cookie/tests.rs: only_the_keys_in_use_recognize_a_cookie",
            "tcp/tests/scripts/fast_open/server_bad_cookie.pkt",
        ],
    },
];
