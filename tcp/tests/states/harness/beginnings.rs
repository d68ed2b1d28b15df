//! The states that a test begins in.

use coremill_tcp::options::SocketOptions;
use coremill_tcp::{Limits, State};

use super::super::segment::{Segment, ack, fin, syn, syn_ack};
use super::Test;

impl Test {
    pub fn listening(change: impl FnOnce(&mut Limits)) -> Self {
        Self::listening_as(change, SocketOptions::default(), 8)
    }

    pub fn listening_as(
        change: impl FnOnce(&mut Limits),
        socket: SocketOptions,
        backlog: usize,
    ) -> Self {
        let mut test = Self::new(change);
        test.listen(socket, backlog);
        test
    }

    pub fn syn_received(change: impl FnOnce(&mut Limits)) -> Self {
        let mut test = Self::listening(change);
        test.inject(syn().mss(1_000));
        test.expect(syn_ack(1));
        test
    }

    /// Passively opened, without options but an MSS of 1,000, and accepted.
    pub fn established_with(change: impl FnOnce(&mut Limits)) -> Self {
        let mut test = Self::syn_received(change);
        test.inject(ack(1, 1));
        test.accept();
        test
    }

    pub fn established() -> Self {
        Self::established_with(|_| {})
    }

    /// As `established_with`, but the peer's SYN and the listener's options are given.
    pub fn established_as(
        change: impl FnOnce(&mut Limits),
        socket: SocketOptions,
        peer_syn: Segment,
        peer_ack: Segment,
    ) -> Self {
        let mut test = Self::listening_as(change, socket, 8);
        test.inject(peer_syn);
        test.expect(syn_ack(1));
        test.inject(peer_ack);
        test.accept();
        test
    }

    pub fn syn_sent(change: impl FnOnce(&mut Limits)) -> Self {
        let mut test = Self::new(change);
        test.connect();
        test.expect(syn());
        test
    }

    pub fn close_wait(change: impl FnOnce(&mut Limits)) -> Self {
        let mut test = Self::established_with(change);
        test.inject(fin(1, 1));
        test.expect_soon(ack(1, 2));
        test.is_in(State::CloseWait);
        test
    }

    pub fn fin_wait_1(change: impl FnOnce(&mut Limits)) -> Self {
        let mut test = Self::established_with(change);
        test.shutdown();
        test.expect(fin(1, 1));
        test.is_in(State::FinWait1);
        test
    }

    pub fn fin_wait_2(change: impl FnOnce(&mut Limits)) -> Self {
        let mut test = Self::fin_wait_1(change);
        test.inject(ack(1, 2));
        test.is_in(State::FinWait2);
        test
    }

    pub fn closing(change: impl FnOnce(&mut Limits)) -> Self {
        let mut test = Self::fin_wait_1(change);
        test.inject(fin(1, 1));
        test.expect_soon(ack(2, 2));
        test.is_in(State::Closing);
        test
    }

    pub fn last_ack(change: impl FnOnce(&mut Limits)) -> Self {
        let mut test = Self::close_wait(change);
        test.close();
        test.expect(fin(1, 2));
        test.is_in(State::LastAck);
        test
    }

    pub fn time_wait(change: impl FnOnce(&mut Limits)) -> Self {
        let mut test = Self::fin_wait_2(change);
        test.close();
        test.inject(fin(1, 2));
        test.expect_soon(ack(2, 2));
        test.is_in(State::TimeWait);
        test
    }
}
