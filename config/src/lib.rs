//! Schema, loading and checking of Coremill's configuration.
