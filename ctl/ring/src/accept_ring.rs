//! Connections that wait to be accepted, offered by a shard of a listener to all processes of the domain.
//!
//! A slot is FREE, READY (the daemon says so, under a new round), CLAIMED (an attachment exchanged the claim word for
//! that round and its number), TAKEN (the daemon handed it over). The daemon writes the slots and only reads
//! the claims, which prove nothing but who may ask for what the domain has anyway. When a claimant dies, its slots are offered
//! again under another round, which voids the claims by itself.

use std::net::SocketAddr;

use thiserror::Error;

use crate::address::{ADDRESS_WORDS, from_words, to_words};
use crate::atomics::{Ordering, fence};
use crate::handle::Handle;
use crate::injection::point;
use crate::layout::LINE_WORDS;
use crate::words::{SharedRead, SharedWrite};

/// A connection to accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name.
    pub socket: Handle,
    /// The peer.
    pub remote: SocketAddr,
    /// Our end.
    pub local: SocketAddr,
}

/// An offer that this attachment claimed; it asks the daemon for it by slot and round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Slot.
    pub slot: u32,
    /// Round.
    pub round: u64,
    /// What is offered.
    pub offer: Offer,
}

/// Why a claim is not honoured. The claimant tries the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TakeError {
    /// The slot was taken, withdrawn, or offered again since.
    #[error("the claim is stale")]
    Stale,
    /// The claim word names another attachment.
    #[error("the connection is claimed by another process, or by none")]
    NotClaimed,
}

/// The daemon's end.
#[derive(Debug)]
pub struct Offers {
    slots: SharedWrite,
    claims: SharedRead,
    held: Box<[Held]>,
    next: usize,
}

/// An attachment's end. Several, in several processes, work on the same words.
#[derive(Clone, Debug)]
pub struct Claims {
    slots: SharedRead,
    claims: SharedWrite,
    attachment: u16,
}

/// The daemon's own memory of a slot.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    round: u64,
    offer: Option<Offer>,
}

impl Offers {
    /// Over a listener's slots and claims of one shard.
    pub fn new(slots: SharedWrite, claims: SharedRead) -> Self {
        let count = (slots.words() / LINE_WORDS).min(claims.words());
        Self {
            slots,
            claims,
            held: vec![Held::default(); count].into(),
            next: 0,
        }
    }

    /// Offers a connection; false when no slot is free. `Claims::claim` finds it at once.
    pub fn offer(&mut self, offer: &Offer) -> bool {
        let count = self.held.len();
        let free = (0..count).map(|step| (self.next + step) % count);
        let Some(slot) = free
            .into_iter()
            .find(|slot| self.held[*slot].offer.is_none())
        else {
            return false;
        };
        self.next = slot + 1;
        let held = &mut self.held[slot];
        *held = Held {
            round: held.round + 1,
            offer: Some(*offer),
        };
        self.slots
            .store(slot * LINE_WORDS, state_word(held.round, FREE));
        // Whoever sees a word of the new offer sees that the slot is not what it was.
        fence(Ordering::Release);
        let words = [offer.socket.to_word()]
            .into_iter()
            .chain(to_words(Some(offer.remote)));
        for (at, word) in words.chain(to_words(Some(offer.local))).enumerate() {
            self.slots.store(slot * LINE_WORDS + 1 + at, word);
        }
        self.slots
            .store_release(slot * LINE_WORDS, state_word(held.round, READY));
        true
    }

    /// Hands a claimed connection over to the attachment that asks for it.
    ///
    /// # Errors
    /// When the claim is stale, or not that attachment's.
    pub fn take(&mut self, slot: u32, round: u64, attachment: u16) -> Result<Offer, TakeError> {
        let at = slot as usize;
        let held = self.held.get_mut(at).filter(|held| held.round == round);
        let held = held.ok_or(TakeError::Stale)?;
        let offer = held.offer.ok_or(TakeError::Stale)?;
        if self.claims.load_acquire(at) != claim_word(round, attachment) {
            return Err(TakeError::NotClaimed);
        }
        held.offer = None;
        self.slots
            .store_release(at * LINE_WORDS, state_word(round, TAKEN));
        Ok(offer)
    }

    /// Offers again what an attachment that is no more had claimed; gives how many.
    pub fn release_dead(&mut self, attachment: u16) -> usize {
        let mut count = 0;
        for (slot, held) in self.held.iter_mut().enumerate() {
            let claimed = self.claims.load_acquire(slot) == claim_word(held.round, attachment);
            if held.offer.is_some() && claimed {
                held.round += 1;
                self.slots
                    .store_release(slot * LINE_WORDS, state_word(held.round, READY));
                count += 1;
            }
        }
        count
    }

    /// Takes an offer back: the listener closes. Says whether `attachment` had claimed it, and so has the connection
    /// already, although its command that takes it is still on its way. None when there is none left.
    pub fn withdraw(&mut self, attachment: u16) -> Option<(Offer, bool)> {
        let slot = self.held.iter().position(|held| held.offer.is_some())?;
        let held = self.held.get_mut(slot)?;
        self.slots
            .store_release(slot * LINE_WORDS, state_word(held.round, FREE));
        let is_claimed = self.claims.load_acquire(slot) == claim_word(held.round, attachment);
        Some((held.offer.take()?, is_claimed))
    }

    /// Whether another connection can be offered.
    pub fn has_free(&self) -> bool {
        self.held.iter().any(|held| held.offer.is_none())
    }

    /// Connections offered and not handed over.
    pub fn offered(&self) -> usize {
        self.held.iter().filter(|held| held.offer.is_some()).count()
    }
}

impl Claims {
    /// Over a listener's slots and claims of one shard, for one attachment.
    pub fn new(slots: SharedRead, claims: SharedWrite, attachment: u16) -> Self {
        Self {
            slots,
            claims,
            attachment,
        }
    }

    /// Claims a connection that waits, if any does.
    pub fn claim(&self) -> Option<Claim> {
        let count = (self.slots.words() / LINE_WORDS).min(self.claims.words());
        (0..count).find_map(|slot| self.claim_slot(slot))
    }

    /// Whether a connection waits that nobody has claimed.
    pub fn waiting(&self) -> bool {
        let count = (self.slots.words() / LINE_WORDS).min(self.claims.words());
        (0..count).any(|slot| {
            let state = self.slots.load_acquire(slot * LINE_WORDS);
            let round = state >> STATE_BITS;
            state == state_word(round, READY) && self.claims.load(slot) >> ATTACHMENT_BITS != round
        })
    }

    fn claim_slot(&self, slot: usize) -> Option<Claim> {
        let state = self.slots.load_acquire(slot * LINE_WORDS);
        let round = state >> STATE_BITS;
        if state != state_word(round, READY) {
            return None;
        }
        let current = self.claims.load(slot);
        if current >> ATTACHMENT_BITS == round {
            return None;
        }
        point("claim: slot seen");
        if !self
            .claims
            .replace(slot, current, claim_word(round, self.attachment))
        {
            return None;
        }
        point("claim: claimed");
        let words: [u64; LINE_WORDS] =
            std::array::from_fn(|at| self.slots.load(slot * LINE_WORDS + at));
        fence(Ordering::Acquire);
        if self.slots.load(slot * LINE_WORDS) >> STATE_BITS != round {
            // Offered again meanwhile: this claim is for a round that is over.
            return None;
        }
        // Withdrawn it may be, and the daemon may have seen this claim before or not: the claimant has the connection
        // in either case, in the second one that was reset.
        let offer = Offer {
            socket: Handle::from_word(words[1])?,
            remote: from_words(&words[2..])?,
            local: from_words(&words[2 + ADDRESS_WORDS..])?,
        };
        Some(Claim {
            slot: u32::try_from(slot).ok()?,
            round,
            offer,
        })
    }
}

fn state_word(round: u64, state: u64) -> u64 {
    round << STATE_BITS | state
}

/// Attachments are numbered from zero; a claim of nobody is zero.
fn claim_word(round: u64, attachment: u16) -> u64 {
    (round << ATTACHMENT_BITS) | (u64::from(attachment) + 1)
}

const FREE: u64 = 0;
const READY: u64 = 1;
const TAKEN: u64 = 2;
const STATE_BITS: u32 = 2;
const ATTACHMENT_BITS: u32 = 17;

const _: () = assert!(2 + 2 * ADDRESS_WORDS == LINE_WORDS);
