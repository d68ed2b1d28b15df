//! coremill: the operator's command.

fn main() {}
