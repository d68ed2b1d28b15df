//! Interoperation with the kernel: the daemon on its tap, a kernel's sockets behind a path that loses, reorders, doubles
//! and marks as a test says, and looks at what both ends put on the wire.
//!
//! A feature of TCP gets a file here, a `run` in it and its name in `interoperations!` below; its test proves that the
//! feature was in use (options on the wire, `ss`, counters), that all bytes arrived, and that nothing is left behind.

mod ends;
mod exchange;
mod impairment;
mod kernel;
mod killed;
mod pair;
mod path;
mod plan;
mod program;
mod relay;
mod seen;
mod tunnel;
mod world;

mod accurate_ecn;
mod algorithms;
mod fast_open;
mod losses;
mod options;
mod random_connections;
mod segments;
mod signed;
mod window_scales;

/// Declares tests by module, each with so many workers.
macro_rules! interoperations {
    ($($name:ident: $workers:literal)*) => {
        mod tests {$(
            #[test]
            fn $name() {
                let name = concat!("interop::tests::", stringify!($name));
                crate::isolation::run(name, || super::$name::run($workers));
            }
        )*}
    };
}

interoperations! {
    losses: 2
    segments: 1
    window_scales: 1
    options: 1
    algorithms: 1
    accurate_ecn: 1
    fast_open: 2
    signed: 1
    random_connections: 2
}
