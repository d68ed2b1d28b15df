//! What a shard counts, named as Linux names it in `/proc/net/snmp` and `/proc/net/netstat`.

use crate::counters::{Counter, Histogram};
use crate::pool::Pool;
use crate::state::State;

crate::counter_table! {
    /// Events of the TCP machine. Names are those of Linux's Tcp and TcpExt tables.
    Events {
        active_opens "ActiveOpens" "Connections opened by us.";
        passive_opens "PassiveOpens" "Connections opened by peers and established.";
        attempt_fails "AttemptFails" "Handshakes that failed.";
        estab_resets "EstabResets" "Established connections that were reset.";
        in_segs "InSegs" "Segments received, bad ones included.";
        out_segs "OutSegs" "Segments sent, retransmissions not included.";
        retrans_segs "RetransSegs" "Segments retransmitted.";
        in_errs "InErrs" "Segments received that were malformed or failed the checksum.";
        in_csum_errors "InCsumErrors" "Segments received with a bad checksum.";
        out_rsts "OutRsts" "RST segments sent.";
        listen_overflows "ListenOverflows" "Connections or SYNs refused because an accept queue was full.";
        listen_drops "ListenDrops" "SYNs and final ACKs dropped by a listener for any reason.";
        req_q_full_drop "TCPReqQFullDrop" "SYNs dropped because a listener's requests, or the request table, were full.";
        req_q_full_do_cookies "TCPReqQFullDoCookies" "SYNs answered by a cookie for the same reason.";
        syncookies_sent "SyncookiesSent" "SYN cookies sent.";
        syncookies_received "SyncookiesRecv" "ACKs that brought a valid SYN cookie back.";
        syncookies_failed "SyncookiesFailed" "ACKs that claimed to, and did not.";
        defer_accept_drop "TCPDeferAcceptDrop" "ACKs without data that a listener did not take for a connection yet.";
        fast_open_active "TCPFastOpenActive" "Connections opened whose SYN's data was acknowledged by the SYN-ACK.";
        fast_open_active_fail "TCPFastOpenActiveFail" "The same, whose SYN's data was not.";
        fast_open_passive "TCPFastOpenPassive" "Connections made of a SYN by Fast Open.";
        fast_open_passive_fail "TCPFastOpenPassiveFail" "SYNs with a cookie that was not good, or with a good one and no room.";
        fast_open_listen_overflow "TCPFastOpenListenOverflow" "SYNs that fell back to an ordinary handshake because too many were pending.";
        fast_open_cookie_reqd "TCPFastOpenCookieReqd" "SYNs that asked for a cookie.";
        fast_open_blackhole "TCPFastOpenBlackhole" "Times Fast Open was given up for a while because a network swallowed it.";
        fast_open_passive_alt_key "TCPFastOpenPassiveAltKey" "SYNs with a cookie of the key before the present one.";
        fast_opens_exhausted "FastOpensExhausted" "Connections opened in the ordinary way because too many handshakes were pending.";
        timeouts "TCPTimeouts" "Retransmission timers that ran out.";
        delayed_acks "DelayedACKs" "Acknowledgements sent by the delay timer.";
        delayed_ack_lost "DelayedACKLost" "Old data received again: our acknowledgement was lost or late.";
        paws_estab "PAWSEstab" "Segments rejected by their timestamp.";
        challenge_ack "TCPChallengeACK" "Challenge ACKs sent.";
        ack_skipped_challenge "TCPACKSkippedChallenge" "Challenge ACKs not sent because of their rate limit.";
        ack_skipped_seq "TCPACKSkippedSeq" "Unacceptable segments without data not answered because one was just now.";
        syn_challenge "TCPSYNChallenge" "Challenge ACKs provoked by a SYN.";
        time_waited "TW" "TIME-WAIT records that ran their time.";
        time_wait_recycled "TWRecycled" "TIME-WAIT records reopened by a newer SYN.";
        time_wait_reused "TWReused" "TIME-WAIT records whose flow an active open took.";
        time_wait_overflow "TCPTimeWaitOverflow" "Connections closed without TIME-WAIT because the table was full.";
        abort_on_timeout "TCPAbortOnTimeout" "Connections given up after too many unanswered transmissions.";
        abort_on_data "TCPAbortOnData" "Connections reset because data came after close.";
        abort_on_close "TCPAbortOnClose" "Connections reset because they were closed with unread data.";
        abort_on_memory "TCPAbortOnMemory" "Orphans reset because there were too many, or they held too many bytes.";
        abort_on_linger "TCPAbortOnLinger" "Orphans reset because they took too long.";
        abort_failed "TCPAbortFailed" "RST or ACK segments that found no room in the reply ring.";
        keepalive "TCPKeepAlive" "Keepalive probes sent.";
        zero_window_probe "TCPWinProbe" "Zero-window probes sent.";
        to_zero_window "TCPToZeroWindowAdv" "Times the window offered went to zero.";
        from_zero_window "TCPFromZeroWindowAdv" "Times the window offered came back from zero.";
        dsack_old_sent "TCPDSACKOldSent" "D-SACK blocks for data that had been received in order.";
        dsack_ofo_sent "TCPDSACKOfoSent" "D-SACK blocks for data that had been received out of order.";
        ofo_queue "TCPOFOQueue" "Segments received out of order and kept.";
        ofo_drop "TCPOFODrop" "Segments received out of order and dropped for lack of room.";
        ofo_pruned "OfoPruned" "Times bytes received out of order were let go of, the highest first, because room was short.";
        prune_called "PruneCalled" "Times room was short for what was received.";
        rcv_pruned "RcvPruned" "The same where nothing could be let go of for it, so that the segment was dropped.";
        rcv_q_drop "TCPRcvQDrop" "In-order segments dropped for lack of memory.";
        retrans_fail "TCPRetransFail" "Retransmissions that could not be written.";
        fast_retrans "TCPFastRetrans" "Segments retransmitted during fast recovery.";
        reno_recovery "TCPRenoRecovery" "Times fast recovery was entered.";
        send_records_exhausted "SendRecordsExhausted" "Times new data had to wait because all send records were taken.";
        sack_recovery "TCPSackRecovery" "Times fast recovery was entered by SACK.";
        lost_retransmit "TCPLostRetransmit" "Retransmissions that were lost again.";
        sack_reneging "TCPSACKReneging" "Times a peer had let go of what it had acknowledged by SACK.";
        sack_discard "TCPSACKDiscard" "SACK blocks that could not be.";
        sack_reorder "TCPSACKReorder" "Times SACK showed segments to have been reordered.";
        reno_reorder "TCPRenoReorder" "Times duplicates showed segments to have been reordered.";
        ts_reorder "TCPTSReorder" "Times timestamps showed segments to have been reordered.";
        dsack_recv "TCPDSACKRecv" "Duplicates that peers told of by D-SACK.";
        dsack_ofo_recv "TCPDSACKOfoRecv" "Duplicates beyond a hole that peers told of by D-SACK.";
        dsack_ignored "TCPDSACKIgnoredNoUndo" "D-SACKs that concerned nothing that could be undone.";
        dsack_undo "TCPDSACKUndo" "Reductions undone because D-SACK showed nothing to be lost.";
        full_undo "TCPFullUndo" "Reductions undone at the end of recovery.";
        partial_undo "TCPPartialUndo" "Reductions undone within recovery.";
        loss_undo "TCPLossUndo" "Reductions undone after a timeout.";
        spurious_rtos "TCPSpuriousRTOs" "Timeouts that turned out to be spurious (F-RTO).";
        loss_probes "TCPLossProbes" "Tail loss probes sent.";
        loss_probe_recovery "TCPLossProbeRecovery" "Tail loss probes that repaired a loss.";
        sack_failures "TCPSackFailures" "Timeouts while SACK told of something missing, before recovery.";
        reno_failures "TCPRenoFailures" "Timeouts while duplicates told of something missing, before recovery.";
        sack_recovery_fail "TCPSackRecoveryFail" "Timeouts in recovery by SACK.";
        reno_recovery_fail "TCPRenoRecoveryFail" "Timeouts in recovery without SACK.";
        loss_failures "TCPLossFailures" "Timeouts while recovering from a timeout.";
        slow_start_retrans "TCPSlowStartRetrans" "Segments retransmitted in slow start after a timeout.";
        syn_retrans "TCPSynRetrans" "SYN and SYN-ACK segments retransmitted.";
        pure_acks "TCPPureAcks" "Segments received that carried nothing but an acknowledgement.";
        min_ttl_drop "TCPMinTTLDrop" "Segments dropped because their time to live was less than IP_MINTTL.";
        md5_not_found "TCPMD5NotFound" "Segments without a TCP-MD5 signature from a peer that there is a key for.";
        md5_unexpected "TCPMD5Unexpected" "Segments with a TCP-MD5 signature from a peer that there is no key for.";
        md5_failure "TCPMD5Failure" "Segments whose TCP-MD5 signature was wrong.";
        ao_required "TCPAORequired" "Segments without TCP-AO from a peer that there is a key for.";
        ao_bad "TCPAOBad" "Segments whose TCP-AO code was wrong.";
        ao_key_not_found "TCPAOKeyNotFound" "Segments with TCP-AO whose key is not there.";
        ao_good "TCPAOGood" "Segments whose TCP-AO code was right.";
        ao_dropped_icmps "TCPAODroppedIcmps" "ICMP errors not believed because TCP-AO protects the connection.";
        keys_exhausted "KeysExhausted" "Connections refused because no room was left for their keys.";
        path_mtu_changes "PathMTUChanges" "Times a connection took smaller segments because an ICMP error told it to.";
        path_mtu_doubts "PathMTUBlackHoles" "Times a connection took smaller segments because timeouts in a row made its path suspect.";
        mtup_probes "PathMTUProbes" "Segments sent to find out whether the path carries larger ones.";
        mtup_success "TCPMTUPSuccess" "The same that arrived, so that segments got larger.";
        mtup_fail "TCPMTUPFail" "The same that alone were lost.";
        urgent_in "UrgentIn" "Urgent pointers received that pointed beyond every former one.";
        urgent_out "UrgentOut" "Times urgent data was sent.";
        extensions_exhausted "ExtensionsExhausted" "Times a connection found no block left for what only few connections need.";
        destinations_evicted "DestinationsEvicted" "Remembered destinations that had to make room for others.";
        hystart_train_detect "TCPHystartTrainDetect" "Slow starts ended by a train of acknowledgements.";
        hystart_train_cwnd "TCPHystartTrainCwnd" "Sum of the windows that they ended at, in segments.";
        hystart_delay_detect "TCPHystartDelayDetect" "Slow starts ended by a grown round trip.";
        hystart_delay_cwnd "TCPHystartDelayCwnd" "Sum of the windows that they ended at, in segments.";
        congestion_exhausted "TCPCongestionBlocksExhausted" "Times a congestion window moved without a block to remember it by.";
        pacing_waits "TCPPacingWaits" "Times a segment had to wait for its time because its connection is paced.";
        in_ce "InCEPkts" "Data segments received that the network had marked, of connections that use ECN.";
        delivered_ce "TCPDeliveredCE" "Segments delivered whose acknowledgement echoed a mark.";
        out_of_window_icmp "OutOfWindowIcmps" "ICMP errors that quoted nothing outstanding.";
        in_bytes "InBytes" "Payload bytes delivered in order.";
        out_bytes "OutBytes" "Payload bytes sent, retransmissions included.";
    }
}

/// Everything one shard counts. One thread writes, any thread reads.
#[derive(Debug, Default)]
pub struct TcpCounters {
    /// Events since the start.
    pub events: Events,
    /// Connections, requests and TIME-WAIT records by state, indexed by `State as usize`.
    pub states: [Counter; State::ALL.len()],
    /// Connections closed by their user and still alive.
    pub orphans: Counter,
    /// Bytes of chunks that connections hold: zero when all of them are idle.
    pub held_bytes: Counter,
    /// Entries of shared pools that somebody holds, indexed by `Pool as usize`.
    pub pool_entries: [Counter; Pool::ALL.len()],
    /// Round-trip times measured, in microseconds.
    pub round_trip_micros: Histogram,
    /// Time from SYN to the end of the handshake, in microseconds.
    pub handshake_micros: Histogram,
}

impl TcpCounters {
    /// Name and help of each number in `values`.
    pub const TABLE: &'static [(&'static str, &'static str)] = Events::TABLE;

    /// The present value of each event counter, in the order of `TABLE`.
    pub fn values(&self) -> [u64; Events::TABLE.len()] {
        self.events.values()
    }

    /// Moves a connection from one state's gauge to another's.
    pub(crate) fn moved(&self, from: State, to: State) {
        self.states[from as usize].decrement();
        self.states[to as usize].increment();
    }
}

impl std::ops::Deref for TcpCounters {
    type Target = Events;

    fn deref(&self) -> &Events {
        &self.events
    }
}
