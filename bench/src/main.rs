//! Load generator, benchmarks and repository-wide tests.

fn main() {}
