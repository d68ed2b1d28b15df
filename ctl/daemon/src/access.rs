//! Who may use the control socket: the peer's user by SO_PEERCRED, and the socket's group.

use std::fs;
use std::os::fd::AsFd;

use coremill_config::schema::Control;
use rustix::fs::Gid;

use crate::failure::Failure;

/// Users who may ask.
#[derive(Debug)]
pub struct Access {
    /// Empty: whoever can open the socket.
    allowed: Vec<u32>,
}

impl Access {
    /// As configured; root and the daemon's own user are always let in.
    pub fn new(control: &Control) -> Self {
        let mut allowed = control.allowed_uids.clone();
        if !allowed.is_empty() {
            allowed.extend([0, rustix::process::geteuid().as_raw()]);
        }
        Self { allowed }
    }

    /// The user at the other end, when it may not ask.
    pub fn refuses(&self, stream: impl AsFd) -> Option<String> {
        if self.allowed.is_empty() {
            return None;
        }
        match rustix::net::sockopt::socket_peercred(stream) {
            Ok(credentials) if self.allowed.contains(&credentials.uid.as_raw()) => None,
            Ok(credentials) => Some(format!("user {}", credentials.uid.as_raw())),
            Err(error) => Some(format!("unknown user ({error})")),
        }
    }
}

/// The group that `control.group` names, by name or number.
pub fn group(name: &str) -> Result<Gid, Failure> {
    if let Ok(number) = name.parse() {
        return Ok(Gid::from_raw(number));
    }
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let number = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name))
            .then(|| fields.nth(1)?.parse().ok())
            .flatten()
    });
    number.map(Gid::from_raw).ok_or_else(|| {
        Failure::Host(format!("control.group = {name:?}: no such group on this host; allowed: a name in /etc/group, or a number"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_name_and_number() {
        assert_eq!(group("root").unwrap().as_raw(), 0);
        assert_eq!(group("4711").unwrap().as_raw(), 4711);
        let message = group("no-such-group").unwrap_err().to_string();
        assert!(
            message.starts_with("control.group = \"no-such-group\": no such group"),
            "{message}"
        );
    }

    #[test]
    fn only_listed_users_and_oneself_are_let_in() {
        let (here, _there) = std::os::unix::net::UnixStream::pair().unwrap();
        let own = rustix::process::geteuid().as_raw();
        let control = Control {
            allowed_uids: vec![own + 1],
            ..Control::default()
        };
        assert_eq!(Access::new(&control).refuses(&here), None);
        let strangers = Access {
            allowed: vec![own + 1],
        };
        assert_eq!(strangers.refuses(&here), Some(format!("user {own}")));
        assert_eq!(
            Access {
                allowed: Vec::new()
            }
            .refuses(&here),
            None
        );
    }
}
