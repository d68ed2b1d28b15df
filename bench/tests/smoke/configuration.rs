//! The daemon's configuration in these tests, and the addresses that belong to it.

/// Address of the daemon on its tap.
pub const DAEMON: &str = "10.99.0.2";
/// Address of the kernel's end of the tap.
pub const KERNEL: &str = "10.99.0.1";
/// Name of the kernel's end of the tap.
pub const TAP: &str = "cm0";
/// Echo, discard and chargen without end.
pub const ECHO: &str = "10.99.0.2:7";
/// Verifies and counts.
pub const DISCARD: &str = "10.99.0.2:9";
/// Sends without end.
pub const CHARGEN: &str = "10.99.0.2:19";
/// Sends 1,000 bytes and closes.
pub const CHARGEN_SHORT: &str = "10.99.0.2:20";
/// Serves one connection at a time per worker, and lets [`NARROW_BACKLOG`] wait.
pub const NARROW: &str = "10.99.0.2:21";
/// Backlog of the narrow service over all workers.
pub const NARROW_BACKLOG: usize = 4;
/// Answers with a body of [`WEB_BODY_BYTES`].
pub const WEB: &str = "http://10.99.0.2/";
/// Length of the web service's body.
pub const WEB_BODY_BYTES: usize = 10_000;
/// A port at which nobody listens.
pub const CLOSED: &str = "10.99.0.2:4444";

/// The configuration as TOML.
pub fn toml(workers: usize) -> String {
    let services = [
        ("echo", "echo", 7, "backlog = 2048"),
        ("discard", "discard", 9, ""),
        ("chargen", "chargen", 19, ""),
        ("chargen-short", "chargen", 20, "bytes = \"1000B\"\nbacklog = 2048"),
        ("narrow", "echo", 21, "backlog = 4\nconnections_max = 1"),
        ("web", "http", 80, "body = \"10000B\""),
    ]
    .map(|(name, kind, port, more)| {
        format!("[[services]]\nname = \"{name}\"\nkind = \"{kind}\"\nlisten = \"0.0.0.0:{port}\"\n{more}\n")
    })
    .join("\n");
    format!(
        "[[ports]]\nname = \"tap0\"\ndevice = \"net_tap0,iface={TAP}\"\naddresses = [\"{DAEMON}/24\"]\n\n\
         [[routes]]\nnetwork = \"0.0.0.0/0\"\ngateway = \"{KERNEL}\"\nport = \"tap0\"\n\n\
         [workers]\ncount = {workers}\n\n\
         [tcp]\ntime_wait = \"1s\"\nfin_wait_2 = \"2s\"\n\n\
         [shutdown]\ndrain_timeout = \"5s\"\n\n{services}"
    )
}
