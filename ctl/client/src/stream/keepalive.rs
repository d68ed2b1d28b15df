//! Options about peers that say nothing: how long they are borne, and how they are probed.

use std::io;
use std::time::Duration;

use coremill_ring::option::{
    FIN_WAIT_2, KEEPALIVE, KEEPALIVE_COUNT, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, USER_TIMEOUT,
};

use super::TcpStream;

impl TcpStream {
    /// Whether the peer of an idle connection is probed (SO_KEEPALIVE).
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_keepalive(true)
    /// # }
    /// ```
    pub fn set_keepalive(&self, on: bool) -> io::Result<()> {
        self.inner.set(KEEPALIVE, i64::from(on))
    }

    /// What [`TcpStream::set_keepalive`] set, or the listener had.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert!(!stream.keepalive()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn keepalive(&self) -> io::Result<bool> {
        Ok(self.inner.get(KEEPALIVE)? != 0)
    }

    /// How long a connection is silent before its peer is probed (TCP_KEEPIDLE), in whole seconds, 1 to 32,767.
    ///
    /// # Errors
    /// `EINVAL` for another time, `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_keepalive_time(std::time::Duration::from_secs(60))?;
    /// stream.set_keepalive(true)
    /// # }
    /// ```
    pub fn set_keepalive_time(&self, time: Duration) -> io::Result<()> {
        self.inner.set(KEEPALIVE_IDLE, seconds(time))
    }

    /// What [`TcpStream::set_keepalive_time`] set, the listener had, or the daemon's configuration has.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// println!("{:?}", stream.keepalive_time()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn keepalive_time(&self) -> io::Result<Duration> {
        Ok(Duration::from_secs(
            self.inner.get(KEEPALIVE_IDLE)?.try_into().unwrap_or(0),
        ))
    }

    /// The time between probes (TCP_KEEPINTVL), in whole seconds, 1 to 32,767.
    ///
    /// # Errors
    /// `EINVAL` for another time, `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_keepalive_interval(std::time::Duration::from_secs(10))
    /// # }
    /// ```
    pub fn set_keepalive_interval(&self, time: Duration) -> io::Result<()> {
        self.inner.set(KEEPALIVE_INTERVAL, seconds(time))
    }

    /// What [`TcpStream::set_keepalive_interval`] set, the listener had, or the daemon's configuration has.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// println!("{:?}", stream.keepalive_interval()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn keepalive_interval(&self) -> io::Result<Duration> {
        Ok(Duration::from_secs(
            self.inner.get(KEEPALIVE_INTERVAL)?.try_into().unwrap_or(0),
        ))
    }

    /// How many unanswered probes end the connection (TCP_KEEPCNT), 1 to 127.
    ///
    /// # Errors
    /// `EINVAL` for another number, `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_keepalive_retries(3)
    /// # }
    /// ```
    pub fn set_keepalive_retries(&self, retries: u32) -> io::Result<()> {
        self.inner.set(KEEPALIVE_COUNT, i64::from(retries))
    }

    /// What [`TcpStream::set_keepalive_retries`] set, the listener had, or the daemon's configuration has.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert_eq!(stream.keepalive_retries()?, 9);
    /// # Ok(())
    /// # }
    /// ```
    pub fn keepalive_retries(&self) -> io::Result<u32> {
        Ok(self.inner.get(KEEPALIVE_COUNT)?.try_into().unwrap_or(0))
    }

    /// How long written bytes may stay unacknowledged before the connection fails with `ETIMEDOUT` (TCP_USER_TIMEOUT), in
    /// milliseconds; also how long unanswered keepalive probes are borne. None: as long as retransmissions go.
    ///
    /// # Errors
    /// `EINVAL` beyond 24 days, `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_user_timeout(Some(std::time::Duration::from_secs(30)))
    /// # }
    /// ```
    pub fn set_user_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        let time_ms = timeout.map_or(0, |timeout| timeout.as_millis().max(1));
        self.inner
            .set(USER_TIMEOUT, i64::try_from(time_ms).unwrap_or(i64::MAX))
    }

    /// What [`TcpStream::set_user_timeout`] set, or the listener had.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert_eq!(stream.user_timeout()?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn user_timeout(&self) -> io::Result<Option<Duration>> {
        let time_ms = u64::try_from(self.inner.get(USER_TIMEOUT)?).unwrap_or(0);
        Ok((time_ms > 0).then(|| Duration::from_millis(time_ms)))
    }

    /// How long the daemon waits for the peer's end after the connection was dropped (TCP_LINGER2), in whole seconds, at most
    /// 120. None: not at all, the peer gets a reset.
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_linger2(Some(std::time::Duration::from_secs(5)))
    /// # }
    /// ```
    pub fn set_linger2(&self, time: Option<Duration>) -> io::Result<()> {
        self.inner.set(FIN_WAIT_2, time.map_or(-1, seconds))
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
