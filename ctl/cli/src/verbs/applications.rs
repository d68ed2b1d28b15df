//! `coremill apps` and `coremill detach`.

use anyhow::Result;
use coremill_protocol::attach::Quota;
use coremill_protocol::{AttachmentView, Reply, Request};

use super::fetch;
use crate::client::Client;
use crate::output::{Format, Table, quantity};

/// Prints attached applications.
pub fn apps(client: &mut Client, format: Format) -> Result<()> {
    let rows = fetch(client, &Request::Apps {}, |reply| match reply {
        Reply::Apps { apps } => Some(apps),
        _ => None,
    })?;
    Ok(format.print(&rows, |rows| table(rows))?)
}

/// Ends an attachment; returns when nothing is left of it.
pub fn detach(client: &mut Client, format: Format, attachment: u64) -> Result<()> {
    let request = Request::Detach {
        attachment: Some(attachment),
    };
    fetch(client, &request, |reply| match reply {
        Reply::Detach {} => Some(()),
        _ => None,
    })?;
    Ok(format.done(&format!("attachment {attachment} is detached"))?)
}

fn table(rows: &[AttachmentView]) -> Table {
    let mut table = Table::new([
        ">ATTACHMENT",
        "CLIENT",
        ">PROCESS",
        "?>USER",
        "?PHASE",
        ">AGE",
        "?>MEMORY",
        "?>CONTEXTS",
        ">SOCKETS",
        "?>LISTENERS",
        "?>RX-CHUNKS",
        "?>TX-CHUNKS",
        ">RECEIVED",
        ">SENT",
        "?>EVENTS",
        "?>PENDING",
    ]);
    let of = |quota: Quota| format!("{}/{}", quota.used, quota.max);
    for row in rows {
        table.row([
            row.attachment.to_string(),
            row.client.clone(),
            row.process.to_string(),
            row.user.to_string(),
            row.phase.clone(),
            quantity::uptime(row.attached_ms),
            quantity::bytes(row.memory_bytes),
            of(row.contexts),
            of(row.sockets),
            of(row.listeners),
            of(row.receive_chunks),
            of(row.send_chunks),
            quantity::bytes(row.received_bytes),
            quantity::bytes(row.sent_bytes),
            row.events.to_string(),
            row.events_pending.to_string(),
        ]);
    }
    table
}
