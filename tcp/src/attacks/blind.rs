//! By strangers who see no segment of the connection.

use super::Attack;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "Blind reset",
        source: "CVE-2004-0230; RFC 5961, section 3",
        does: "Sends RSTs with guessed sequence numbers, one per window, to end somebody else's \
               connection.",
        answer: "Only the very next number resets; others within the window are challenged, the rest is \
               silently dropped.",
        guards: &[
            "tcp/tests/states/hostile.rs: only_the_exact_number_resets",
            "tcp/tests/scripts/defence/reset_in_window.pkt",
            "tcp/tests/scripts/defence/reset_at_right_edge_of_sack.pkt",
        ],
    },
    Attack {
        name: "Blind SYN",
        source: "RFC 5961, section 4",
        does: "Sends a SYN into a connection, to have it reset or replaced.",
        answer: "Challenged wherever it points; a peer that really restarted answers the challenge with \
               the exact RST.",
        guards: &[
            "tcp/tests/states/hostile.rs: a_syn_is_challenged_wherever_it_points",
            "tcp/tests/scripts/defence/syn.pkt",
        ],
    },
    Attack {
        name: "Blind data",
        source: "RFC 5961, section 5",
        does: "Sends data with a guessed sequence number and any acknowledgment number.",
        answer: "The acknowledgment number must lie within what was sent and the largest window before \
               it: a blind guess hits once in thousands of millions at small windows. Large ones need \
               keys, or TLS.",
        guards: &[
            "tcp/tests/states/hostile.rs: an_ack_of_what_was_never_sent_is_not_believed",
            "tcp/tests/states/hostile.rs: an_ack_older_than_any_window_is_not_believed",
            "tcp/tests/scripts/defence/old_ack_with_data.pkt",
        ],
    },
    Attack {
        name: "A dead peer kept alive",
        source: "RFC 5961, section 5; RFC 9293, section 3.8.4",
        does: "Sends segments into the window of a connection whose peer is gone, so that keepalive never \
               ends it.",
        answer: "Only a segment whose acknowledgment number is believed, too, is a sign of life.",
        guards: &[
            "tcp/tests/states/aging.rs: segments_whose_ack_is_not_believed_are_no_sign_of_life",
        ],
    },
    Attack {
        name: "Counting challenges",
        source: "CVE-2016-5696; RFC 5961, section 7",
        does: "Has his own connection challenged and counts how many of a second's allowance are left, \
               to learn whether forged segments hit another one.",
        answer: "How many a second allows is at random, from half of the limit to all; each connection \
               has half a second of its own between two.",
        guards: &[
            "tcp/src/challenge/tests.rs: no_second_allows_as_much_as_one_can_count_on",
            "tcp/tests/states/attacks.rs: challenges_left_over_do_not_tell_of_other_connections",
            "tcp/tests/scripts/defence/challenge_limit.pkt",
        ],
    },
    Attack {
        name: "Poisoned timestamps",
        source: "RFC 7323, section 5.3",
        does: "Forges one segment with a timestamp far ahead, after which PAWS drops all that the real \
               peer sends.",
        answer: "A timestamp is remembered only of a segment whose sequence and acknowledgment numbers \
               were believed; after 24 idle days any is.",
        guards: &[
            "tcp/tests/states/hostile.rs: a_timestamp_is_not_believed_before_its_acknowledgment_is",
            "tcp/tests/scripts/defence/paws_wraps.pkt",
        ],
    },
    Attack {
        name: "Predicted sequence numbers",
        source: "Morris, 1985; RFC 6528",
        does: "Opens connections in somebody else's name by foretelling the number in the SYN-ACK that \
               he does not see.",
        answer: "Initial numbers are a keyed hash of the flow beside a clock; so are timestamps and the \
               numbers of cookies.",
        guards: &[
            "tcp/src/initial_sequence/tests.rs: flows_and_secrets_are_apart",
            "tcp/tests/scripts/defence/data_in_handshake.pkt",
        ],
    },
    Attack {
        name: "Predicted ports",
        source: "RFC 6056; CVE-2022-1012, CVE-2022-32296",
        does: "Foretells the port of the next connection, half of what a blind forger must guess.",
        answer: "Ports start at a keyed hash of the destination and go on from there, now and then by \
               more than one; peers rarely share one of the 65,536 counters.",
        guards: &[
            "tcp/src/ephemeral_port/tests.rs: peers_do_not_see_each_others_ports",
            "tcp/src/ephemeral_port/tests.rs: steps_do_not_count_connections",
            "tcp/src/ephemeral_port/tests.rs: peers_of_one_machine_rarely_share_a_counter",
        ],
    },
    Attack {
        name: "ICMP errors that reset",
        source: "RFC 5927, section 5",
        does: "Forges port or protocol unreachable for an established connection.",
        answer: "The quoted sequence number must be outstanding; even then an established connection only \
               remembers the error as a reason to tell, should it time out.",
        guards: &[
            "tcp/tests/states/unreachable.rs: an_established_connection_survives_every_error",
            "tcp/tests/states/unreachable.rs: an_error_about_nothing_outstanding_is_ignored",
            "tcp/tests/scripts/path/hard_error_is_soft.pkt",
            "tcp/tests/scripts/opening/icmp_syn_ack.pkt",
        ],
    },
    Attack {
        name: "ICMP errors that slow down",
        source: "RFC 5927, sections 6 and 7",
        does: "Forges fragmentation needed with a tiny MTU, or source quench.",
        answer: "The quoted number must be outstanding, an MTU below the least is raised to it, one that \
               is larger ignored, and what was learnt expires. Source quench means nothing.",
        guards: &[
            "tcp/tests/scripts/path/icmp_out_of_window.pkt",
            "tcp/tests/scripts/path/least_mtu.pkt",
            "tcp/tests/scripts/path/larger_mtu_ignored.pkt",
            "tcp/tests/scripts/path/expiry.pkt",
        ],
    },
    Attack {
        name: "Segments from afar",
        source: "RFC 5082",
        does: "Sends to a service whose peers are one hop away.",
        answer: "With IP_MINTTL such segments, and SYNs to its listener, are dropped and counted.",
        guards: &[
            "tcp/tests/scripts/defence/min_ttl.pkt",
            "tcp/tests/scripts/defence/min_ttl_set_late.pkt",
        ],
    },
    Attack {
        name: "TIME-WAIT assassination",
        source: "RFC 1337",
        does: "Or just an old duplicate: an RST ends TIME-WAIT, after which old segments may be taken \
               for new ones.",
        answer: "An RST does not end it, only a newer SYN does (RFC 6191).",
        guards: &[
            "tcp/tests/states/time_wait.rs: a_reset_does_not_assassinate_it",
            "tcp/tests/scripts/timewait/older_syn.pkt",
        ],
    },
    Attack {
        name: "A flow that leads to itself",
        source: "LAND, CVE-1999-0016",
        does: "Sends a SYN whose source is its destination.",
        answer: "Packets from our own address are dropped when they come in from the wire; a connection \
               to oneself that the user asked for is RFC 9293's simultaneous open.",
        guards: &[
            "engine/src/ipv4/tests.rs: sources_that_cannot_be_are_refused",
            "tcp/tests/states/attacks.rs: a_syn_from_our_own_listener_ends_in_silence",
            "tcp/tests/states/self_connect.rs: a_connection_to_its_own_end_is_a_simultaneous_open_with_itself",
        ],
    },
    Attack {
        name: "Storms of acknowledgements",
        source: "CVE-2004-0790's kin; Abramov and Herzberg, 2011",
        does: "Forges one segment between two ends, which then acknowledge each other's \
               acknowledgements for ever.",
        answer: "Two answers to unacceptable segments without data are half a second apart.",
        guards: &[
            "tcp/tests/states/hostile.rs: two_ends_that_disagree_do_not_acknowledge_each_other_for_ever",
        ],
    },
    Attack {
        name: "Forged segments of a keyed flow",
        source: "RFC 2385; RFC 5961, section 1.1",
        does: "Resets or feeds a connection between routers, whose addresses, ports and windows are easily guessed.",
        answer: "With a key no unsigned segment changes anything, a reset neither; signatures are compared in constant time. MD5 is \
                 weak: it is there for peers that have nothing better.",
        guards: &[
            "tcp/tests/states/signed.rs: a_forged_reset_does_not_end_a_connection_and_a_signed_one_does",
            "tcp/tests/states/signed.rs: a_passive_open_believes_signed_segments_alone",
        ],
    },
];
