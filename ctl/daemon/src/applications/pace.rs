//! How often a user may attach: each attachment costs the daemon memory to make and to free, however short it lives.

use std::collections::BTreeMap;
use std::time::Instant;

use coremill_protocol::{ErrorBody, ErrorKind};

/// A credit for each user who attached lately.
#[derive(Debug)]
pub struct Pace {
    /// Attachments a second, and at once after a while without any.
    per_second: u32,
    users: BTreeMap<u32, Credit>,
}

#[derive(Clone, Copy, Debug)]
struct Credit {
    left: f64,
    at: Instant,
}

impl Pace {
    /// So many attachments a second for each user.
    pub fn new(per_second: u32) -> Self {
        Self {
            per_second,
            users: BTreeMap::new(),
        }
    }

    /// Takes one attachment from a user's credit.
    ///
    /// # Errors
    /// When it is used up.
    pub fn admit(&mut self, user: u32, now: Instant) -> Result<(), ErrorBody> {
        let most = f64::from(self.per_second);
        let grown = |credit: &Credit| {
            let since = now.saturating_duration_since(credit.at);
            (credit.left + since.as_secs_f64() * most).min(most)
        };
        if self.users.len() >= USERS_MAX {
            // Those with all of their credit are as those who never came.
            self.users.retain(|_, credit| grown(credit) < most);
        }
        let is_full = self.users.len() >= USERS_MAX && !self.users.contains_key(&user);
        let left = self.users.get(&user).map_or(most, grown);
        if left < 1.0 || is_full {
            let message = format!(
                "user {user} attaches too often: at most {} times a second (applications.attaches_per_second); try again later",
                self.per_second
            );
            return Err(ErrorBody::new(ErrorKind::Busy, message));
        }
        let left = left - 1.0;
        self.users.insert(user, Credit { left, at: now });
        Ok(())
    }
}

/// Users whose credits are kept; others wait until one of these has all of it again, within a second.
const USERS_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_attaches_too_often_waits_and_nobody_else_does() {
        let mut pace = Pace::new(10);
        let begun = Instant::now();
        for _ in 0..10 {
            pace.admit(7, begun).unwrap();
        }
        let error = pace.admit(7, begun).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Busy);
        assert!(error.message.contains("attaches_per_second"), "{error:?}");
        pace.admit(8, begun).unwrap();
        let later = begun + Duration::from_millis(101);
        pace.admit(7, later).unwrap();
        assert!(pace.admit(7, later).is_err());
    }

    #[test]
    fn credits_are_kept_of_so_many_users_only() {
        let mut pace = Pace::new(2);
        let begun = Instant::now();
        let most = u32::try_from(USERS_MAX).unwrap();
        for user in 0..most {
            pace.admit(user, begun).unwrap();
        }
        assert!(pace.admit(most, begun).is_err());
        pace.admit(most, begun + Duration::from_secs(1)).unwrap();
        assert_eq!(pace.users.len(), 1);
    }
}
