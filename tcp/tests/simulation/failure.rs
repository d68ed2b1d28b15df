//! Where a run fails. A smaller plan that fails elsewhere tells another story: it is no example of the failure that is sought.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

use super::plan::Plan;

thread_local! {
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The place in the source at which a run of `plan` panics, as `note` saw it; none when all goes well.
pub fn of(plan: &Plan) -> Option<String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| super::run(plan)));
    outcome.err().map(|_| PLACE.take())
}

/// The hook that listens while `of` is asked; it prints nothing.
pub fn note(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string);
    PLACE.set(place.unwrap_or_default());
}
