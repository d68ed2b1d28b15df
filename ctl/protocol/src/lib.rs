//! Messages of Coremill's control socket.
