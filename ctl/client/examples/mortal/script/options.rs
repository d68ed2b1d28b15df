//! Everything that can be set of a connection, or asked about it.

use std::io;
use std::time::Duration;

use coremill_client::{Stack, TcpStream, option};

use super::call;
use crate::Places;

/// Makes these calls.
pub fn run(stack: &Stack, places: &Places) -> io::Result<()> {
    let stream = &TcpStream::connect(stack, places.kernel)?;
    call("set option", || stream.set_option(option::NO_DELAY, 1))?;
    call("option", || stream.option(option::NO_DELAY))?;
    call("set options", || set(stream))?;
    call("options", || get(stream))?;
    call("info", || stream.info())?;
    call("congestion info", || stream.congestion_info())?;
    call("memory info", || stream.memory_info())?.to_array();
    call("set statistics", || stream.set_statistics(true))?;
    let statistics = call("statistics", || stream.statistics())?;
    let _ = (statistics.iter().count(), statistics.value("PerfSegsOut"));
    // Without TCP-AO there is nothing to tell.
    let _none = call("ao info", || stream.ao_info());
    Ok(())
}

fn set(stream: &TcpStream) -> io::Result<()> {
    let time = Duration::from_secs(60);
    stream.set_nodelay(true)?;
    stream.set_cork(true)?;
    stream.set_cork(false)?;
    stream.set_quickack(true)?;
    stream.set_urgent_inline(false)?;
    stream.set_linger(None)?;
    stream.set_linger2(Some(time))?;
    stream.set_keepalive(true)?;
    stream.set_keepalive_time(time)?;
    stream.set_keepalive_interval(time)?;
    stream.set_keepalive_retries(3)?;
    stream.set_user_timeout(Some(time))?;
    stream.set_send_buffer_size(200_000)?;
    stream.set_recv_buffer_size(200_000)?;
    stream.set_window_clamp(100_000)?;
    stream.set_notsent_lowat(100_000)?;
    stream.set_congestion("cubic")?;
    stream.set_max_pacing_rate(Some(1 << 30))?;
    stream.set_ttl(64)?;
    stream.set_tos(0)?;
    stream.set_min_ttl(0)?;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(time))?;
    stream.set_write_timeout(Some(time))
}

fn get(stream: &TcpStream) -> io::Result<()> {
    stream.peer_addr()?;
    stream.local_addr()?;
    stream.nodelay()?;
    stream.cork()?;
    stream.quickack()?;
    stream.urgent_inline()?;
    stream.linger()?;
    stream.keepalive()?;
    stream.keepalive_time()?;
    stream.keepalive_interval()?;
    stream.keepalive_retries()?;
    stream.user_timeout()?;
    stream.send_buffer_size()?;
    stream.recv_buffer_size()?;
    stream.window_clamp()?;
    stream.notsent_lowat()?;
    stream.congestion()?;
    stream.max_pacing_rate()?;
    stream.ttl()?;
    stream.read_timeout()?;
    stream.write_timeout().map(drop)
}
