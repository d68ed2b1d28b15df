//! The courier: a thread that is there only while commands wait for room in their ring, so that they leave in a bounded
//! time whatever the program does next.

use std::sync::Weak;
use std::thread;
use std::time::Duration;

use super::{Context, Inner};

impl Context {
    /// Sees to it that somebody sends what waits, if something does.
    pub(super) fn call_courier(&self, inner: &mut Inner) {
        if inner.departing.is_empty() || inner.has_courier {
            return;
        }
        let Some(own) = self.own.get().cloned() else {
            return;
        };
        let courier = thread::Builder::new().name("coremill-courier".into());
        // Without one, they go with the next call that comes by.
        inner.has_courier = courier.spawn(move || carry(&own)).is_ok();
    }

    /// Sends what there is room for; false when nothing is left to send.
    fn carry(&self) -> bool {
        let mut inner = self.lock();
        // A worker whose answers nobody takes makes no room.
        let taken = self.pump(&mut inner);
        let sent = taken.and_then(|_| self.send_departing(&mut inner));
        inner.has_courier =
            sent.is_ok() && !inner.departing.is_empty() && self.look_for_end().is_ok();
        inner.has_courier
    }
}

fn carry(context: &Weak<Context>) {
    // Once it is dropped, the daemon closes all that it had.
    while context.upgrade().is_some_and(|context| context.carry()) {
        thread::sleep(PAUSE);
    }
}

/// Between two looks at a full ring: a worker's turn is shorter.
const PAUSE: Duration = Duration::from_millis(1);
