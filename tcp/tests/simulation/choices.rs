//! What only some connections ask for, and only some shards are set to: keys, cookies, urgent data, and the options of
//! sockets. It has numbers of its own, so that the rest of a seed's plan is what it was without.

use coremill_tcp::authentication::{AoAlgorithm, AoKey, AoPolicy, PeerKey, Prefix};
use coremill_tcp::header::{Flags, Segment};
use coremill_tcp::limits::SynCookies;
use coremill_tcp::options::SocketOptions;

use super::plan::{EndPlan, Plan};
use super::random::Random;

/// How both sides sign all that they send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    /// TCP-MD5 (RFC 2385).
    Md5,
    /// TCP-AO (RFC 5925), with two keys each.
    Ao(AoAlgorithm),
}

impl Signs {
    /// The keys for a peer.
    pub fn keys(self, peer: std::net::IpAddr) -> Vec<PeerKey> {
        let peer = Prefix::of(peer);
        match self {
            Self::Md5 => vec![PeerKey::md5(peer, b"shared").expect("a good key")],
            Self::Ao(algorithm) => KEY_IDS
                .map(|id| {
                    let ao = AoKey {
                        algorithm,
                        send_id: id,
                        receive_id: id,
                        mac_bytes: 12,
                        excludes_options: id == KEY_IDS[1],
                    };
                    PeerKey::ao(peer, &[id; 20], ao).expect("a good key")
                })
                .into(),
        }
    }

    /// Panics where a segment is not signed. Resets for flows that nobody knows need not be.
    pub fn look(self, segment: &Segment<'_>) {
        let options = coremill_tcp::header_options::Options::parse(segment.options);
        let options = options.expect("we write whole options");
        let is_reset = segment.header.flags.contains(Flags::RST);
        assert!(
            is_reset || options.signature.is_some(),
            "not signed: {segment:?}"
        );
    }
}

impl Plan {
    /// Chooses for a seed.
    pub(super) fn choose(&mut self, seed: u64) {
        let random = &mut Random::new(seed ^ CHOICES);
        if random.chance(1, 4) {
            self.signs = Some(match random.between(0, 2) {
                0 => Signs::Md5,
                1 => Signs::Ao(AoAlgorithm::HmacSha1),
                _ => Signs::Ao(AoAlgorithm::Aes128Cmac),
            });
        }
        if random.chance(1, 5) {
            for limits in &mut self.limits {
                limits.opening.syn_cookies = SynCookies::Always;
            }
        }
        if random.chance(1, 3) {
            // Every window scale; buffers begin small and grow as the other end reads.
            for limits in &mut self.limits {
                limits.receive_buffer_bytes = 1 << random.between(15, 30);
            }
        }
        for limits in &mut self.limits {
            limits.congestion.pacing = random.chance(1, 6);
        }
        for connection in &mut self.connections {
            for end in &mut connection.ends {
                end.choose(random);
            }
        }
        // After all else, so that it leaves all else as it was.
        for limits in &mut self.limits {
            limits.statistics = random.chance(1, 8);
        }
        for connection in &mut self.connections {
            for end in &mut connection.ends {
                end.socket.statistics = random.chance(1, 6);
            }
        }
    }
}

impl EndPlan {
    fn choose(&mut self, random: &mut Random) {
        self.says_more = random.chance(1, 4);
        self.is_urgent = random.chance(1, 6);
        self.changes_key = random.chance(1, 3);
        if random.chance(1, 2) {
            return;
        }
        self.socket = SocketOptions {
            congestion: random.between(0, 4) as u8,
            ..self.socket
        };
        if random.chance(1, 4) {
            self.socket.unsent_low_water = random.of_magnitude(1, 65_536) as u32;
        }
        if random.chance(1, 6) {
            // All of it leaves within minutes.
            self.socket.pacing_rate_max = random.of_magnitude(20_000, 10_000_000);
        }
        if random.chance(1, 6) {
            self.socket.window_clamp = random.of_magnitude(2_304, 100_000) as u32;
        }
        if random.chance(1, 6) {
            self.socket.send_buffer_bytes = random.of_magnitude(2_304, 100_000) as u32;
        }
        if random.chance(1, 6) {
            self.socket.receive_buffer_bytes = random.of_magnitude(2_304, 100_000) as u32;
        }
        if random.chance(1, 8) {
            self.socket.user_timeout_millis = random.of_magnitude(100, 60_000) as u32;
        }
        if random.chance(1, 8) {
            self.socket.keepalive_idle_seconds = random.between(1, 20) as u16;
        }
    }
}

/// By default no ICMP error about a connection with TCP-AO is believed, and one over a path that shrinks would stand still.
/// RFC 5925, section 7.8.
pub const BELIEVES_ROUTERS: AoPolicy = AoPolicy {
    is_required: false,
    accepts_icmps: true,
    current_id: None,
    next_id: None,
};
/// Of keys of TCP-AO.
pub const KEY_IDS: [u8; 2] = [3, 7];
const CHOICES: u64 = 0x6368_6f69_6365;
