//! What shards are set to while bytes are played: every rare feature by a bit of its own (`tcp/fuzz`).

use coremill_tcp::Limits;
use coremill_tcp::ecn::{EcnMode, EcnOption};
use coremill_tcp::fast_open::FastOpenSettings;
use coremill_tcp::limits::{LossDetection, MtuProbingMode, SynCookies};
use coremill_tcp::options::SocketOptions;

use super::bytes::Bytes;

/// What a run begins with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting {
    ecn: u8,
    features: u8,
    bounds: u8,
}

impl Setting {
    pub fn of(bytes: &mut Bytes<'_>) -> Self {
        Self {
            ecn: bytes.byte(),
            features: bytes.byte(),
            bounds: bytes.byte(),
        }
    }

    pub fn limits(self, limits: &mut Limits) {
        limits.connections_max = 16;
        limits.requests_max = 16;
        limits.time_wait_max = 16;
        limits.orphans_max = 16;
        limits.extensions_max = 16;
        limits.keys_max = 32;
        limits.send_records_max = 1_024;
        limits.destinations_max = 16;
        limits.congestion.blocks_max = 16;
        limits.memory_bytes = 4 << 20;
        limits.retries = 4;
        limits.receive_buffer_bytes = 8_000;
        limits.send_buffer_bytes = 8_000;
        limits.ecn = EcnMode::from_number(u64::from(self.ecn) % 6).unwrap_or_default();
        limits.ecn_option = EcnOption::from_number(u64::from(self.ecn) / 6 % 4).unwrap_or_default();
        limits.mtu_probing.mode = MtuProbingMode::ALL[usize::from(self.features & 3) % 3];
        if self.opens_fast() {
            let bits = if self.features & 64 == 0 { 3 } else { 0x207 };
            limits.opening.fast_open = FastOpenSettings::of_bits(bits);
        }
        limits.loss_detection = LossDetection::ALL[usize::from(self.bounds & 3)];
        if self.bounds & 4 != 0 {
            // Buffers that grow.
            limits.send_buffer_first_bytes = 3_000;
            limits.send_buffer_bytes = 100_000;
            limits.receive_buffer_bytes = 100_000;
        }
        if self.bounds & 8 != 0 {
            limits.opening.syn_cookies = SynCookies::Always;
        }
        if self.bounds & 16 != 0 {
            limits.send_records_max = 4;
            limits.reassembly_ranges_max = 2;
        }
        if self.bounds & 32 != 0 {
            limits.extensions_max = 1;
            limits.keys_max = 2;
            limits.congestion.blocks_max = 1;
        }
        if self.bounds & 64 != 0 {
            limits.memory_bytes = 16_384;
        }
        limits.congestion.pacing = self.bounds & 128 != 0;
    }

    pub fn socket(self) -> SocketOptions {
        SocketOptions {
            fast_open_queue: if self.opens_fast() { 4 } else { 0 },
            urgent_inline: self.ecn & 128 != 0,
            ..SocketOptions::default()
        }
    }

    pub fn opens_fast(self) -> bool {
        self.features & 32 != 0
    }

    /// Timestamps, SACK and window scaling of the peer's.
    pub fn has_options(self) -> bool {
        self.features & 4 != 0
    }

    pub fn has_md5(self) -> bool {
        self.features & 24 == 8
    }

    pub fn has_ao(self) -> bool {
        self.features & 16 != 0
    }

    /// Those of TCP-AO's keys that both ends have from the beginning.
    pub fn ao_excludes_options(self) -> bool {
        self.features & 24 == 24
    }
}
