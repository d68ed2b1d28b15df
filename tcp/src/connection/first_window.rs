//! What a SYN offers: a window that is never scaled, and the shift of all later ones.
//!
//! Both stay as they were first told, whatever is set afterwards: the peer reckons with them, and a right edge never goes
//! back (RFC 9293, SHLD-14; RFC 7323, section 2.3).

use super::receive_side::{buffer_bytes, window_scale};
use super::{Connection, Context};
use crate::limits::Limits;
use crate::memory::Memory;
use crate::options::SocketOptions;
use crate::table::request::Handshake;

/// The window and the shift of a SYN or SYN-ACK.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FirstWindow {
    pub(crate) bytes: u16,
    pub(crate) scale: u8,
}

impl FirstWindow {
    /// Whole segments of `payload` bytes, and the shift with which the largest buffer can be offered: both within
    /// TCP_WINDOW_CLAMP and SO_RCVBUF (as Linux).
    pub(crate) fn new(limits: &Limits, options: &SocketOptions, payload: u16) -> Self {
        let most = buffer_bytes(limits);
        let (space, most) = match options.receive_buffer_bytes {
            0 => (most.min(SPACE_BYTES), most),
            fixed => (most.min(fixed), most.min(fixed)),
        };
        let (space, most) = match options.window_clamp {
            0 => (space, most),
            clamp => (space.min(clamp), most.min(clamp)),
        };
        let payload = u32::from(payload).max(1);
        let whole = if space > payload {
            space - space % payload
        } else {
            space
        };
        Self {
            bytes: u16::try_from(whole).unwrap_or(u16::MAX),
            scale: window_scale(most),
        }
    }
}

impl<Q: Default> Connection<Q> {
    /// What our SYN will offer.
    pub(crate) fn choose_first_window<M: Memory<Queue = Q>>(&mut self, context: &Context<M>) {
        let first = self.first_window(context, self.receive.mss);
        self.receive.edge = self.receive.next + u32::from(first.bytes);
        self.receive.scale = first.scale;
    }

    /// What a SYN of this connection offers, if segments carry `payload` bytes.
    pub(super) fn first_window<M>(&self, context: &Context<M>, payload: u16) -> FirstWindow {
        let options = context.option_sets.get(&self.user.options);
        FirstWindow::new(&context.limits, options, payload)
    }
}

impl Handshake {
    /// The same, and what the SYN-ACK offers: by the listener's options, for segments that carry what is agreed on.
    pub(crate) fn offering(mut self, limits: &Limits, options: &SocketOptions) -> Self {
        let taken = if self.agreed.timestamps() {
            TIMESTAMP_BYTES
        } else {
            0
        };
        self.offered = FirstWindow::new(limits, options, self.own_mss.saturating_sub(taken));
        self
    }

    /// Our window shift, where the peer named its own.
    pub(crate) fn scale_offered(&self) -> Option<u8> {
        self.agreed.window_scale().map(|_| self.offered.scale)
    }
}

/// Half of Linux's first receive buffer.
const SPACE_BYTES: u32 = 65_536;
/// The timestamps option with its padding.
const TIMESTAMP_BYTES: u16 = 12;
