//! coremilld: the daemon's main and control thread.

fn main() {}
