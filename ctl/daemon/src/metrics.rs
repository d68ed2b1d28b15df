//! Metrics for Prometheus: read from the workers' counters at each scrape.

mod applications;
mod collector;
mod connection;
mod endpoint;
mod family;
mod tcp_names;

pub use endpoint::Endpoint;

#[cfg(test)]
mod tests;
