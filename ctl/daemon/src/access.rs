//! Who may use the control socket, and for what: the peer by SO_PEERCRED, and the socket's group.

use std::fs;
use std::os::fd::AsFd;

use coremill_config::Config;
use coremill_protocol::Request;
use rustix::fs::Gid;
use rustix::process::Pid;

use crate::failure::Failure;

/// Users who may ask.
#[derive(Debug)]
pub struct Access {
    /// Empty: whoever can open the socket.
    operators: Vec<u32>,
    /// Empty: whoever is an operator.
    applications: Vec<u32>,
}

/// Who is at the other end of a session, as of its connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The process.
    pub process: Pid,
    /// Its user.
    pub user: u32,
    /// May ask everything but to attach.
    pub operates: bool,
    /// May attach, and detach what it attached.
    pub attaches: bool,
}

impl Peer {
    /// Whether it may ask this. Whether it may attach is answered where that is done, with the reason.
    pub fn may(&self, request: &Request) -> bool {
        let application = matches!(
            request,
            Request::Hello { .. } | Request::Attach { .. } | Request::Detach { attachment: None }
        );
        self.operates || application
    }
}

impl Access {
    /// As configured; root and the daemon's own user are always let in.
    pub fn new(config: &Config) -> Self {
        let with_own = |listed: &[u32]| {
            let mut uids = listed.to_vec();
            if !uids.is_empty() {
                uids.extend([0, rustix::process::geteuid().as_raw()]);
            }
            uids
        };
        Self {
            operators: with_own(&config.control.allowed_uids),
            applications: with_own(&config.applications.allowed_uids),
        }
    }

    /// Who is at the other end; as the error, whom to refuse everything.
    pub fn peer(&self, stream: impl AsFd) -> Result<Peer, String> {
        let credentials = rustix::net::sockopt::socket_peercred(stream)
            .map_err(|error| format!("unknown user ({error})"))?;
        let user = credentials.uid.as_raw();
        let operates = self.operators.is_empty() || self.operators.contains(&user);
        let attaches = match self.applications.as_slice() {
            [] => operates,
            listed => listed.contains(&user),
        };
        if !operates && !attaches {
            return Err(format!("user {user}"));
        }
        Ok(Peer {
            process: credentials.pid,
            user,
            operates,
            attaches,
        })
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
        let rights = |operators: &[u32], applications: &[u32]| {
            let access = Access {
                operators: operators.to_vec(),
                applications: applications.to_vec(),
            };
            access
                .peer(&here)
                .map(|peer| (peer.operates, peer.attaches))
        };
        let (other, stranger) = (own + 1, Err(format!("user {own}")));
        assert_eq!(rights(&[], &[]), Ok((true, true)));
        assert_eq!(rights(&[own], &[]), Ok((true, true)));
        assert_eq!(rights(&[other], &[]), stranger);
        assert_eq!(rights(&[], &[other]), Ok((true, false)));
        assert_eq!(rights(&[other], &[own]), Ok((false, true)));
        assert_eq!(rights(&[other], &[other]), stranger);

        let mut config = Config::default();
        config.control.allowed_uids = vec![other];
        config.applications.allowed_uids = vec![other];
        let peer = Access::new(&config).peer(&here).unwrap();
        assert_eq!((peer.user, peer.operates, peer.attaches), (own, true, true));
    }
}
