//! The real daemon on a tap device, spoken to by the kernel's own sockets, in namespaces that
//! vanish with the test. Needs no root where user namespaces are allowed.
//! COREMILL_SKIP_NAMESPACE_TESTS=1 skips all of it, and says so.

mod application;
mod command;
mod configuration;
mod control;
mod conversation;
mod daemon;
mod interop;
mod isolation;
mod mortal;
mod scenarios;
mod scripts;
mod topology;

/// Declares a scenario's tests: once with one worker, once with two workers and two queues.
macro_rules! scenarios {
    ($($name:ident)*) => {$(
        mod $name {
            #[test]
            fn one_worker() {
                let name = concat!(stringify!($name), "::one_worker");
                crate::isolation::run(name, || crate::scenarios::$name::run(1));
            }

            #[test]
            fn two_workers() {
                let name = concat!(stringify!($name), "::two_workers");
                crate::isolation::run(name, || crate::scenarios::$name::run(2));
            }
        }
    )*};
}

scenarios! {
    applications
    hostile
    limits
    lossy_applications
    passed_on
    crowds
    socket_options
    fast_open
    signed
    signed_ao
    connecting_out
    transfers
    load_as_application
    lossy_transfers
    many_connections
    unreachable
    web
    refusals
    metrics
    backlog
    leftovers
    lifecycle
    idle
    deaths
    daemon_dies
}
