//! By the peer itself, against the network, others, or who looks on.

use super::Attack;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "ACK division",
        source: "Savage et al., 1999; RFC 3465, section 2",
        does: "Acknowledges each segment in many parts, to open the window faster.",
        answer: "Windows grow by bytes acknowledged.",
        guards: &[
            "tcp/tests/states/attacks.rs: acknowledging_byte_by_byte_opens_the_window_no_faster",
            "tcp/tests/scripts/sending/abc_limit.pkt",
        ],
    },
    Attack {
        name: "Spoofed duplicates",
        source: "Savage et al., 1999; RFC 5681, section 3.2",
        does: "Sends more duplicates than segments arrived, each of which sends a new one in recovery, \
               or has a large flight looked through.",
        answer: "Each sends one at most and within the peer's window; the gain ends with recovery. With \
               SACK a duplicate without news counts nothing; without it, how many there may be is \
               remembered, so that one costs the same in a flight of any size.",
        guards: &[
            "tcp/tests/states/attacks.rs: duplicates_send_one_segment_each_and_leave_half_the_window",
            "bench/lab/instructions.snapshot: duplicate received without SACK",
        ],
    },
    Attack {
        name: "Optimistic acknowledgements",
        source: "Savage et al., 1999; CVE-2005-0102's kin",
        does: "Acknowledges what has not arrived, to have it sent faster than the path carries.",
        answer: "What was not sent yet is not believed. What was sent cannot be told from what arrived: \
               left to him, as in every TCP; his losses are his own, and the network's queue marks or \
               drops.",
        guards: &[
            "tcp/tests/scripts/defence/optimistic_ack.pkt",
            "tcp/tests/states/hostile.rs: an_ack_of_what_was_never_sent_is_not_believed",
        ],
    },
    Attack {
        name: "Lies about duplicates",
        source: "RFC 2883, section 4",
        does: "Tells of duplicates and reordering that never were, so that losses are found late or \
               reductions undone.",
        answer: "Duplicates beyond what was retransmitted are ignored, reordering is believed up to a \
               bound, and each reduction is undone once.",
        guards: &[
            "tcp/tests/states/attacks.rs: lies_about_reordering_are_bounded",
            "tcp/tests/scripts/undo/not_when_lost.pkt",
        ],
    },
    Attack {
        name: "Reneging",
        source: "RFC 2018, section 8",
        does: "Takes back what he acknowledged by SACK.",
        answer: "Noticed by the acknowledgement that stops before it; all is sent again, at the pace of \
               timeouts.",
        guards: &[
            "tcp/tests/states/attacks.rs: acknowledgements_taken_back_cost_time_only",
            "tcp/tests/scripts/sack/reneging.pkt",
        ],
    },
    Attack {
        name: "False counts of marks",
        source: "RFC 9768, section 5.3",
        does: "Says that nothing was marked, to get more than a fair share; or that all was, or what cannot be, to \
               see what that breaks.",
        answer: "Marks only ever shrink the window, at most once in a window of data, and down to two segments. Who \
               hides them gets losses instead, when the queue is full. Counters that contradict each other, or began \
               at zero, end our ECT; whoever asks for both kinds of ECN is reset. All of it lies in one block of a \
               bounded pool, without which there is no ECN.",
        guards: &[
            "tcp/tests/states/accurate_ecn.rs: false_counts_only_slow_the_connection_down",
            "tcp/tests/states/accurate_ecn.rs: without_a_block_the_flags_stay_zero",
            "tcp/tests/scripts/accurate_ecn/contradiction.pkt",
            "tcp/tests/scripts/accurate_ecn/zeroed.pkt",
            "tcp/tests/scripts/accurate_ecn/both_kinds.pkt",
        ],
    },
    Attack {
        name: "Forged echoes",
        source: "RFC 7323, section 4",
        does: "Echoes timestamps so that round trips look shorter or longer.",
        answer: "Segments sent once are measured by when they were sent, not by the echo; an echo in the \
               future, or of zero, is no sample. The retransmission timer has bounds.",
        guards: &[
            "tcp/src/round_trip/tests.rs: any_measurements_keep_the_timeout_within_bounds",
            "tcp/tests/scripts/defence/timestamp_echo.pkt",
        ],
    },
    Attack {
        name: "Tiny segments",
        source: "CVE-2019-11479",
        does: "Names an MSS of one byte: headers and little else.",
        answer: "What is sent is 48 bytes at least where there is as much (Linux: tcp_min_snd_mss). \
               What is sent is 48 bytes at least where there is as much (Linux: tcp_min_snd_mss).",
        guards: &[
            "tcp/tests/states/sending.rs: a_peer_cannot_make_us_send_headers_only",
            "tcp/tests/scripts/opening/small_mss_setting.pkt",
        ],
    },
    Attack {
        name: "Silly windows",
        source: "RFC 9293, section 3.8.6.2",
        does: "Opens his window byte by byte.",
        answer: "Less than a segment, or half the largest window, waits for the persist timer.",
        guards: &[
            "tcp/tests/states/sending.rs: a_small_window_is_not_filled_with_small_segments",
            "tcp/tests/scripts/sending/silly_window.pkt",
        ],
    },
    Attack {
        name: "Shrunk windows",
        source: "RFC 9293, section 3.8.6",
        does: "Takes back what he offered.",
        answer: "What is beyond waits; our own right edge never moves back.",
        guards: &[
            "tcp/tests/scripts/sending/shrunk_window.pkt",
            "tcp/tests/states/receiving.rs: the_window_offered_is_never_taken_back",
        ],
    },
    Attack {
        name: "Window scales beyond 14",
        source: "RFC 7323, section 2.3",
        does: "Names a shift that makes windows of more than 2^30 bytes.",
        answer: "Taken for 14.",
        guards: &["tcp/tests/scripts/opening/scale_above_14.pkt"],
    },
    Attack {
        name: "Data that differs",
        source: "Ptacek and Newsham, 1998",
        does: "Sends the same numbers with other bytes, so that whoever looks on sees another stream \
               than we.",
        answer: "What was acknowledged stands. Of bytes out of order the last copy counts: an onlooker \
               has to normalize, for every TCP.",
        guards: &[
            "tcp/tests/states/attacks.rs: bytes_that_are_acknowledged_are_not_overwritten",
            "tcp/tests/states/receiving.rs: overlapping_data_is_taken_once",
        ],
    },
    Attack {
        name: "Split handshake",
        source: "Beardsley and Qian, 2010",
        does: "Answers a SYN with a SYN alone, so that filters mistake who opened.",
        answer: "A simultaneous open, as RFC 9293 has it: nothing passes before our SYN is acknowledged. \
               A simultaneous open, as RFC 9293 has it: nothing passes before our SYN is acknowledged.",
        guards: &[
            "tcp/tests/states/attacks.rs: a_split_handshake_carries_nothing_before_our_syn_is_acknowledged",
            "tcp/tests/scripts/opening/simultaneous.pkt",
        ],
    },
    Attack {
        name: "Nonsense flags",
        source: "RFC 9293, section 3.10.7",
        does: "Sends SYN with FIN, no flags, or no ACK, to get past filters or to find states that \
               nobody thought of.",
        answer: "Segments without ACK are dropped, SYN with FIN opens nothing that FIN closes.",
        guards: &[
            "tcp/tests/scripts/defence/no_flags.pkt",
            "tcp/tests/scripts/defence/syn_fin.pkt",
            "tcp/tests/states/hostile.rs: data_without_ack_is_dropped",
        ],
    },
    Attack {
        name: "Shrew",
        source: "Kuzmanovic and Knightly, 2003",
        does: "Bursts at the period of the least retransmission timeout, so that each retransmission is \
               lost.",
        answer: "No answer in TCP. Tail loss probes and RACK repair without a timeout while anything \
               arrives.",
        guards: &["tcp/tests/scripts/tail/repaired.pkt"],
    },
    Attack {
        name: "Urgent pointers that lead nowhere",
        source: "WinNuke, 1997; URGENT/11, CVE-2019-12255",
        does: "Points before the data, far behind it, or where nothing comes.",
        answer: "The mark is a sequence number beside the stream and takes no bytes from it but its own; old pointers are no news, \
                 and waiting ends with the stream.",
        guards: &[
            "tcp/tests/states/urgent.rs: an_old_pointer_is_no_news",
            "tcp/tests/states/urgent.rs: the_end_of_the_stream_ends_the_wait",
            "tcp/tests/scripts/urgent/beyond_window.pkt",
        ],
    },
];
