//! Two shards that pass segments to each other by hand.
