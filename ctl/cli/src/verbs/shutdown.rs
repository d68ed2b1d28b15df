//! `coremill shutdown`.

use anyhow::Result;
use coremill_protocol::{Reply, Request};

use super::fetch;
use crate::arguments::Shutdown;
use crate::client::Client;
use crate::output::Format;

/// Tells the daemon to stop; returns when it has begun to.
pub fn run(client: &mut Client, format: Format, how: &Shutdown) -> Result<()> {
    let request = Request::Shutdown {
        drain: !how.now,
        timeout_ms: how
            .drain_timeout
            .map(|seconds| seconds.saturating_mul(1_000)),
    };
    fetch(client, &request, |reply| match reply {
        Reply::Shutdown {} => Some(()),
        _ => None,
    })?;
    let text = if how.now {
        "the daemon stops"
    } else {
        "the daemon drains, then stops"
    };
    Ok(format.done(text)?)
}
