//! Options whose value is several numbers: `Command::GetOption` is answered by pages for them, as `Command::Info` is, or by
//! an error. All numbers are of one moment.

use crate::info::PAGE_WORDS;
use crate::option::{CONGESTION_INFO, MEMORY_INFO, STATISTICS_OBJECTS};

/// How many pages answer this option; None for one that has a single value.
pub const fn pages(option: u32) -> Option<usize> {
    match option {
        MEMORY_INFO | CONGESTION_INFO => Some(1),
        STATISTICS_OBJECTS => Some(OBJECTS.len().div_ceil(PAGE_WORDS)),
        _ => None,
    }
}

/// Numbers of 32 bits, two in a word, as the page of `MEMORY_INFO` and `CONGESTION_INFO` has them. Those of the first are
/// Linux's array; those of the second the algorithm's number, then Linux's structure of it (bandwidth, its upper half,
/// smallest round trip, gains; or enabled, alpha, marked and delivered bytes).
pub fn page_of(numbers: &[u32]) -> [u64; PAGE_WORDS] {
    let mut page = [0; PAGE_WORDS];
    for (place, pair) in page.iter_mut().zip(numbers.chunks(2)) {
        let high = pair.get(1).copied().unwrap_or(0);
        *place = u64::from(pair[0]) | u64::from(high) << 32;
    }
    page
}

/// The opposite.
#[expect(
    clippy::cast_possible_truncation,
    reason = "each number is the half of a word"
)]
pub fn numbers_of(words: &[u64]) -> Vec<u32> {
    let halves = words
        .iter()
        .flat_map(|word| [*word as u32, (*word >> 32) as u32]);
    halves.collect()
}

/// Names of the numbers of `STATISTICS_OBJECTS`, in their order: those of RFC 4898, without `tcpEStats` before each, and
/// those fields of Linux's TCP_INFO, as group Info, that it lacks.
pub const OBJECTS: [&str; 100] = [
    // What a connection has done.
    "PerfSegsOut",
    "PerfDataSegsOut",
    "PerfDataOctetsOut",
    "PerfSegsRetrans",
    "PerfOctetsRetrans",
    "PerfSegsIn",
    "PerfDataSegsIn",
    "PerfDataOctetsIn",
    "PerfElapsedSecs",
    "PerfElapsedMicroSecs",
    "PerfCurMSS",
    "PerfPipeSize",
    "PerfMaxPipeSize",
    "PerfSmoothedRTT",
    "PerfCurRTO",
    "PerfCongSignals",
    "PerfCurCwnd",
    "PerfCurSsthresh",
    "PerfTimeouts",
    "PerfCurRwinSent",
    "PerfMaxRwinSent",
    "PerfZeroRwinSent",
    "PerfCurRwinRcvd",
    "PerfMaxRwinRcvd",
    "PerfZeroRwinRcvd",
    "PerfSndLimTransRwin",
    "PerfSndLimTransCwnd",
    "PerfSndLimTransSnd",
    "PerfSndLimTimeRwin",
    "PerfSndLimTimeCwnd",
    "PerfSndLimTimeSnd",
    // What its path is like.
    "PathRetranThresh",
    "PathNonRecovDAEpisodes",
    "PathSumOctetsReordered",
    "PathNonRecovDA",
    "PathSampleRTT",
    "PathRTTVar",
    "PathMaxRTT",
    "PathMinRTT",
    "PathSumRTT",
    "PathCountRTT",
    "PathMaxRTO",
    "PathMinRTO",
    "PathPreCongSumCwnd",
    "PathPreCongSumRTT",
    "PathECNsignals",
    "PathDupAckEpisodes",
    "PathDupAcksOut",
    "PathCERcvd",
    "PathECESent",
    "PathRcvRTT",
    // What was agreed on, and what its algorithms have done.
    "StackMSSSent",
    "StackWinScaleSent",
    "StackWinScaleRcvd",
    "StackTimeStamps",
    "StackECN",
    "StackWillSendSACK",
    "StackWillUseSACK",
    "StackState",
    "StackNagle",
    "StackMaxSsCwnd",
    "StackMaxCaCwnd",
    "StackMaxSsthresh",
    "StackMinSsthresh",
    "StackInRecovery",
    "StackDupAcksIn",
    "StackSpuriousFrDetected",
    "StackSpuriousRtoDetected",
    "StackSlowStart",
    "StackCongAvoid",
    "StackFastRetran",
    "StackSubsequentTimeouts",
    "StackCurTimeoutCount",
    "StackSACKsRcvd",
    "StackSACKBlocksRcvd",
    "StackDSACKDups",
    "StackMaxMSS",
    "StackMinMSS",
    "StackCurRetxQueue",
    "StackMaxRetxQueue",
    "StackCurReasmQueue",
    // What its user has made of it.
    "AppSndUna",
    "AppSndNxt",
    "AppSndMax",
    "AppThruOctetsAcked",
    "AppRcvNxt",
    "AppThruOctetsReceived",
    "AppCurAppWQueue",
    "AppMaxAppWQueue",
    "AppCurAppRQueue",
    "AppMaxAppRQueue",
    // What TCP_INFO of Linux counts besides.
    "InfoBusyTime",
    "InfoSndbufLimited",
    "InfoDelivered",
    "InfoDeliveryRate",
    "InfoDeliveryRateAppLimited",
    "InfoReordSeen",
    "InfoRcvOoopack",
    "InfoTotalRtoRecoveries",
    "InfoTotalRtoTime",
];

#[cfg(all(test, not(loom)))]
mod tests;
