//! The states that a run begins in.

use coremill_tcp::authentication::{PeerKey, Prefix};
use coremill_tcp::header_options::{Options, Timestamps};

use super::super::harness::THEIRS;
use super::super::segment::{Segment, ack, fin, syn, syn_ack};
use super::super::setting::Setting;
use super::{KEY, Player, Step};

impl Player {
    /// Goes to the state.
    pub(super) fn begin(&mut self, number: usize, setting: Setting) {
        let with = |segment: Segment| match setting.has_options() {
            true => segment.options(Options {
                mss: Some(1_000),
                sack_permitted: true,
                window_scale: Some(7),
                timestamps: Some(Timestamps { value: 1, echo: 0 }),
                ..Options::default()
            }),
            false => segment.mss(1_000),
        };
        if number == 2 {
            self.connect(0, 0);
            self.pull(1);
            return;
        }
        if number == 10 {
            // Actively opened.
            self.connect(0, 0);
            self.pull(1);
            self.inject(&with(syn_ack(1)), 0, 64);
            self.pull(1);
            return;
        }
        self.test.listen(setting.socket(), 4);
        if setting.has_md5()
            && let Some(id) = self.test.listener
        {
            let key = PeerKey::md5(Prefix::of(THEIRS), KEY).expect("a good key");
            self.test.shard.add_listener_key(id, key).expect("room");
        }
        if number == 0 {
            return;
        }
        self.inject(&with(syn()), 0, 64);
        self.pull(1);
        if number == 1 {
            return;
        }
        let stamped = |segment: Segment| match setting.has_options() {
            true => segment.stamps(2, 0),
            false => segment,
        };
        self.inject(&stamped(ack(1, 1)), 0, 64);
        let peer_ends = |player: &mut Self, acknowledged| {
            player.inject(&stamped(fin(1, acknowledged)), 0, 64);
        };
        match number {
            4 | 8 => peer_ends(self, 1),
            5..=7 | 9 => self.take(Step::Shutdown),
            _ => {}
        }
        match number {
            6 | 9 => self.inject(&stamped(ack(1, 2)), 0, 64),
            7 => peer_ends(self, 1),
            8 => self.take(Step::Close),
            _ => {}
        }
        self.pull(2);
        if number == 9 {
            self.take(Step::Close);
            peer_ends(self, 2);
        }
    }
}
