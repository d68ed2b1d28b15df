//! What a script's options and commands set: addresses, tolerance, and the shard's limits.
//!
//! `sysctl` lines are mapped to [`Limits`]; what has no counterpart is reported by its name.

mod congestion;
mod sysctl;

use std::net::Ipv4Addr;
use std::time::Duration;

use coremill_tcp::Limits;

use crate::verdict::Trouble;

/// The surroundings that a script asks for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bounds and timers of the shard.
    pub limits: Limits,
    /// Our address.
    pub local: Ipv4Addr,
    /// The peer's.
    pub remote: Ipv4Addr,
    /// Port of a `bind` that names none.
    pub bind_port: u16,
    /// Port of a `connect` that names none.
    pub connect_port: u16,
    /// How far an event may be off its time.
    pub tolerance: Duration,
    /// How far it may be late besides, in parts of the time waited: 8 means an eighth, 0 nothing.
    pub late_part: u32,
    /// MTU of the link.
    pub mtu: u16,
    /// Length of a tick of the peer's view of our timestamps; zero: their values are not checked.
    pub timestamp_tick: Duration,
    /// The port cuts segments (TSO): several leave as one, and are expected as such.
    pub is_cut: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits {
                connections_max: 64,
                requests_max: 64,
                time_wait_max: 64,
                listeners_max: 16,
                orphans_max: 64,
                memory_bytes: MEMORY_BYTES,
                // Linux's defaults: net.ipv4.tcp_rmem and tcp_wmem.
                receive_buffer_bytes: 6_291_456,
                send_buffer_bytes: 4_194_304,
                ..Limits::default()
            },
            local: Ipv4Addr::new(192, 168, 0, 1),
            remote: Ipv4Addr::new(192, 0, 2, 1),
            bind_port: 8080,
            connect_port: 8080,
            tolerance: Duration::from_millis(4),
            late_part: 0,
            mtu: 1500,
            timestamp_tick: Duration::ZERO,
            is_cut: false,
        }
    }
}

/// What is left of a command after its settings were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ran {
    /// It changed a setting.
    pub has_set: bool,
    /// It sleeps so long.
    pub sleeps: Duration,
}

impl Settings {
    /// Takes one `--name=value`.
    ///
    /// # Errors
    /// [`Trouble::Unsupported`] for one that means something this runner lacks.
    pub fn option(&mut self, name: &str, value: Option<&str>) -> Result<(), Trouble> {
        let text = value.unwrap_or_default().trim_matches('"');
        let wrong = || Trouble::Difference(format!("--{name}={text}: not a value of that option"));
        match name {
            "tolerance_usecs" => {
                self.tolerance = Duration::from_micros(text.parse().map_err(|_| wrong())?);
            }
            "tcp_ts_tick_usecs" => {
                self.timestamp_tick = Duration::from_micros(text.parse().map_err(|_| wrong())?);
            }
            "mtu" => self.mtu = text.parse().map_err(|_| wrong())?,
            "bind_port" => self.bind_port = text.parse().map_err(|_| wrong())?,
            "connect_port" => self.connect_port = text.parse().map_err(|_| wrong())?,
            "local_ip" => self.local = text.parse().map_err(|_| wrong())?,
            "remote_ip" => self.remote = text.parse().map_err(|_| wrong())?,
            "ip_version" if text == "ipv4" => {}
            "define" | "verbose" | "speed" | "gateway_ip" | "netmask_ip" | "dry_run"
            | "send_omit_free" | "non_fatal" | "code_command" | "code_format" | "code_sockopt" => {}
            _ => {
                return Err(Trouble::Unsupported(
                    format!("option --{name} {text}").trim().into(),
                ));
            }
        }
        Ok(())
    }

    /// Runs a command as far as it sets what we know.
    ///
    /// # Errors
    /// [`Trouble::Unsupported`], naming the setting or program.
    pub fn command(&mut self, text: &str) -> Result<Ran, Trouble> {
        let mut ran = Ran {
            has_set: false,
            sleeps: Duration::ZERO,
        };
        for statement in text.split(['\n', ';']).flat_map(|line| line.split("&&")) {
            let words = words(statement);
            let Some((program, arguments)) = words.split_first() else {
                continue;
            };
            match program.rsplit('/').next().unwrap_or_default() {
                "sysctl" => {
                    let pairs = arguments.iter().filter(|word| !word.starts_with('-'));
                    for pair in pairs {
                        ran.has_set |= self.sysctl(pair)?;
                    }
                }
                "set_sysctls.py" | "set_sysctls.sh" => {
                    for pair in arguments {
                        ran.has_set |= self.sysctl(pair)?;
                    }
                }
                "defaults.sh" => ran.has_set |= self.common_defaults(),
                "sleep" => {
                    let seconds = arguments.first().and_then(|word| word.parse::<f64>().ok());
                    let sleep = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok());
                    ran.sleeps += sleep
                        .ok_or_else(|| Trouble::Unsupported(format!("command `{statement}`")))?;
                }
                // Neither the machine nor the daemon's port joins segments here.
                "ip" if arguments == SINGLE_SEGMENTS => {}
                "true" | ":" | "#" => {}
                name if name.starts_with("sysctl_restore") => {}
                _ => {
                    return Err(Trouble::Unsupported(format!(
                        "command `{}`",
                        statement.trim()
                    )));
                }
            }
        }
        Ok(ran)
    }

    /// What scripts that begin with a `defaults.sh` build on: no timestamps, and a receive buffer
    /// that is told by a shift of eight.
    fn common_defaults(&mut self) -> bool {
        self.limits.timestamps = false;
        self.limits.receive_buffer_bytes = 15_728_640;
        true
    }

    fn sysctl(&mut self, pair: &str) -> Result<bool, Trouble> {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| Trouble::Unsupported(format!("sysctl `{pair}` without a value")))?;
        let name = name
            .trim_start_matches("/proc/sys/")
            .replace('/', ".")
            .to_owned();
        let value = value.trim_matches(['"', '\'']);
        if name == "coremill.tso" {
            self.is_cut = value == "1";
            return Ok(true);
        }
        sysctl::set(&mut self.limits, &name, value)
    }
}

/// Words of a shell command, quotes taken off.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(mark) if c == mark => quote = None,
            Some(_) => word.push(c),
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            None => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Enough for the largest buffers that a script sets.
const MEMORY_BYTES: usize = 128 << 20;

/// What `ip` is given so that a kernel leaves segments single: it sets PSH on the last of those that it joins.
pub const SINGLE_SEGMENTS: [&str; 5] = ["link", "set", "tun0", "gso_max_segs", "1"];

#[cfg(test)]
mod tests;
