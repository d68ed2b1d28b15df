//! `[applications]`: who may attach, and what each gets.

use serde::Deserialize;

use crate::size;

/// `[applications]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Applications {
    pub allowed_uids: Vec<u32>,
    pub attachments_max: usize,
    pub attachments_per_user_max: usize,
    pub attaches_per_second: u32,
    #[serde(with = "size")]
    pub memory_max: usize,
    pub contexts: u32,
    pub notifiers: u32,
    pub listeners: u32,
    pub sockets: u32,
    pub command_slots: u32,
    pub event_slots: u32,
    pub accept_slots: u32,
    /// One number for each class.
    pub receive_chunks: Vec<u32>,
    /// One number for each class.
    pub send_chunks: Vec<u32>,
}

impl Default for Applications {
    fn default() -> Self {
        Self {
            allowed_uids: Vec::new(),
            attachments_max: 16,
            attachments_per_user_max: 16,
            attaches_per_second: 200,
            memory_max: 1 << 30,
            contexts: 16,
            notifiers: 48,
            listeners: 64,
            sockets: 4_096,
            command_slots: 256,
            event_slots: 256,
            accept_slots: 64,
            receive_chunks: vec![4_096, 2_048, 512],
            send_chunks: vec![4_096, 2_048, 512],
        }
    }
}
