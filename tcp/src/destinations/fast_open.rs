//! What a destination told of TCP Fast Open (RFC 7413, section 4.1.3): its cookie, its segment size, and failures.

use crate::fast_open::FastOpenCookie;
use crate::time::Instant;

/// What is remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FastOpenMemory {
    /// The destination's cookie; an empty one is none.
    pub(crate) cookie: FastOpenCookie,
    /// The MSS that it named, beside the cookie or without one; 0 before it did.
    pub(crate) mss: u16,
    /// SYNs with data in a row of which nothing was heard, only of the SYN sent again without.
    pub(crate) syn_losses: u8,
    /// When that was last.
    pub(crate) lost_at: Instant,
}

/// What a SYN-ACK told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FastOpenAnswer {
    pub(crate) mss: u16,
    /// A cookie, where it has one.
    pub(crate) cookie: Option<FastOpenCookie>,
    /// The SYN that carried data got lost, or what answered it.
    pub(crate) is_syn_lost: bool,
}

impl FastOpenMemory {
    /// Nothing is known.
    pub(crate) const NONE: Self = Self {
        cookie: FastOpenCookie::REQUEST,
        mss: 0,
        syn_losses: 0,
        lost_at: Instant::from_nanos(0),
    };

    /// Takes in what a SYN-ACK told.
    /// RFC 7413, sections 4.1.3 and 4.2.2: with the cookie the MSS, which bounds the data of the next SYN.
    pub(crate) fn learn(&mut self, now: Instant, answer: &FastOpenAnswer) {
        self.mss = answer.mss;
        if let Some(cookie) = answer.cookie.filter(|cookie| !cookie.is_request()) {
            self.cookie = cookie;
        }
        if answer.is_syn_lost {
            self.syn_losses = self.syn_losses.saturating_add(1);
            self.lost_at = now;
        } else {
            self.syn_losses = 0;
        }
    }
}
