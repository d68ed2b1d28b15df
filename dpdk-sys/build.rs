//! Links libdpdk and generates its bindings.

fn main() {}
