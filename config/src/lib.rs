//! Coremill's configuration: schema, loading, checking.
//!
//! [`load`] reads a TOML file, lays `COREMILL_...` variables over it, checks every value against
//! the table in [`keys`], fills the structs in [`schema`] and checks how they fit together.
//! Nothing here knows the engine: the daemon translates [`Config`] into the engine's options.
#![forbid(unsafe_code)]

mod duration;
mod error;
pub mod keys;
mod load;
mod network;
mod relations;
pub mod schema;
mod size;
mod verify;

pub use error::{ConfigError, Origin, Problem};
pub use keys::is_pci;
pub use load::{load, load_with, parse};
pub use network::Network;
pub use schema::Config;
