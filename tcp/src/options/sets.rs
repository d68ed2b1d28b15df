//! How a connection keeps its options: what is switched often as flags, all else as the number of a set that
//! it shares with whoever chose the same.
//!
//! There are few sets at a time, since connections of a listener begin with its options and a program asks the same of
//! each, so that options cost a connection four bytes whatever there are. Set 0 is that of who chose nothing.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{OptionError, SocketOptions};
use crate::ip_fields::IpFields;
use crate::table::NONE;

/// What a connection chose. Only [`OptionSets`] changes the set: it counts who has it.
#[derive(Debug, Default)]
// Packed, since each byte is paid for by each idle connection.
#[repr(Rust, packed(1))]
pub struct Chosen {
    set: u16,
    pub(crate) flags: Flags,
}

/// Options that are on or off and looked at for each segment, or switched for each message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u8);

/// The sets of a shard, or of whoever else keeps options of many.
#[derive(Debug)]
pub struct OptionSets {
    sets: Vec<Set>,
    /// First set of each chain; as many as there can be sets, rounded up to a power of two.
    heads: Vec<u32>,
    free: u32,
    max: usize,
}

#[derive(Debug)]
struct Set {
    options: SocketOptions,
    users: u32,
    /// In its chain, or among the free ones.
    next: u32,
}

impl Flags {
    pub(crate) const NO_DELAY: Self = Self(1);
    pub(crate) const CORK: Self = Self(2);
    pub(crate) const KEEPALIVE: Self = Self(4);
    pub(crate) const URGENT_INLINE: Self = Self(8);
    /// Something of the IP header is not as usual: the set says what.
    pub(crate) const IP_FIELDS: Self = Self(16);

    /// True when all of `flags` are on.
    #[inline]
    pub(crate) fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Takes the flags out of options, where they are off then.
    fn take(options: &mut SocketOptions) -> Self {
        let mut flags = Self::default();
        if options.ip != IpFields::DEFAULT {
            flags = Self::IP_FIELDS;
        }
        for (is_on, flag) in Self::places(options) {
            if std::mem::take(is_on) {
                flags.0 |= flag.0;
            }
        }
        flags
    }

    fn put(self, options: &mut SocketOptions) {
        for (is_on, flag) in Self::places(options) {
            *is_on = self.contains(flag);
        }
    }

    fn places(options: &mut SocketOptions) -> [(&mut bool, Self); 4] {
        [
            (&mut options.no_delay, Self::NO_DELAY),
            (&mut options.cork, Self::CORK),
            (&mut options.keepalive, Self::KEEPALIVE),
            (&mut options.urgent_inline, Self::URGENT_INLINE),
        ]
    }
}

impl Chosen {
    /// Nothing was chosen but flags.
    #[inline]
    pub(crate) fn is_usual(&self) -> bool {
        self.set == 0
    }
}

impl OptionSets {
    /// Room for `max` sets besides the one of who chose nothing.
    pub fn new(max: usize) -> Self {
        let max = max.min(SETS_MAX) + 1;
        let mut sets = Vec::with_capacity(max);
        sets.push(Set {
            options: SocketOptions::DEFAULT,
            users: 0,
            next: NONE,
        });
        Self {
            sets,
            heads: vec![NONE; max.next_power_of_two()],
            free: NONE,
            max,
        }
    }

    /// The options of a connection, but for those that are flags.
    #[inline]
    pub fn get(&self, chosen: &Chosen) -> &SocketOptions {
        self.sets
            .get(chosen.set as usize)
            .map_or(&SocketOptions::DEFAULT, |set| &set.options)
    }

    /// All options of a connection.
    pub fn options(&self, chosen: &Chosen) -> SocketOptions {
        let mut options = *self.get(chosen);
        chosen.flags.put(&mut options);
        options
    }

    /// The connection has these options from now on.
    ///
    /// # Errors
    /// [`OptionError::NoRoom`], and nothing changes, when it would be one set too many.
    pub fn choose(
        &mut self,
        chosen: &mut Chosen,
        options: &SocketOptions,
    ) -> Result<(), OptionError> {
        let mut rest = *options;
        let flags = Flags::take(&mut rest);
        if *self.get(chosen) != rest {
            let number = self.find_or_add(&rest).ok_or(OptionError::NoRoom)?;
            self.release(chosen);
            chosen.set = number;
            if number != 0
                && let Some(set) = self.sets.get_mut(number as usize)
            {
                set.users += 1;
            }
        }
        chosen.flags = flags;
        Ok(())
    }

    /// The connection has none any more.
    #[inline]
    pub fn release(&mut self, chosen: &mut Chosen) {
        let number = chosen.set;
        chosen.set = 0;
        if number != 0 {
            self.give_back(number);
        }
    }

    /// Sets that somebody has.
    #[cfg(test)]
    fn live(&self) -> usize {
        self.sets.iter().filter(|set| set.users > 0).count()
    }

    fn find_or_add(&mut self, options: &SocketOptions) -> Option<u16> {
        if *options == SocketOptions::DEFAULT {
            return Some(0);
        }
        let head = self.head_of(options);
        let mut at = *self.heads.get(head)?;
        while let Some(set) = self.sets.get(at as usize) {
            if set.options == *options {
                return u16::try_from(at).ok();
            }
            at = set.next;
        }
        let set = Set {
            options: *options,
            users: 0,
            next: *self.heads.get(head)?,
        };
        let number = self.free;
        let number = if let Some(place) = self.sets.get_mut(number as usize) {
            self.free = std::mem::replace(place, set).next;
            number
        } else if self.sets.len() < self.max {
            self.sets.push(set);
            u32::try_from(self.sets.len() - 1).ok()?
        } else {
            return None;
        };
        *self.heads.get_mut(head)? = number;
        u16::try_from(number).ok()
    }

    #[cold]
    fn give_back(&mut self, number: u16) {
        let Some(set) = self.sets.get_mut(number as usize) else {
            return;
        };
        set.users = set.users.saturating_sub(1);
        if set.users > 0 {
            return;
        }
        let (options, next) = (set.options, std::mem::replace(&mut set.next, self.free));
        self.free = u32::from(number);
        let head = self.head_of(&options);
        let mut place = self.heads.get_mut(head);
        while let Some(link) = place {
            if *link == u32::from(number) {
                *link = next;
                return;
            }
            let at = *link as usize;
            place = self.sets.get_mut(at).map(|set| &mut set.next);
        }
    }

    fn head_of(&self, options: &SocketOptions) -> usize {
        let mut hasher = DefaultHasher::new();
        options.hash(&mut hasher);
        (hasher.finish() as usize) & (self.heads.len() - 1)
    }
}

/// Far more than programs have of combinations, and few enough to be told apart by 16 bits.
const SETS_MAX: usize = 4_096;
const _: () = assert!(SETS_MAX < u16::MAX as usize);

#[cfg(test)]
mod tests;
