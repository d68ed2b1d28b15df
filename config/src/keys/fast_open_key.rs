//! How keys of Fast Open cookies are written.

use super::Allowed;

/// As in Linux's `net.ipv4.tcp_fastopen_key`.
pub const ALLOWED: Allowed = Allowed::Text(
    "four groups of eight hexadecimal digits with hyphens between",
    is_key,
);

fn is_key(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let is_group = |group: &&str| group.len() == 8 && group.bytes().all(|b| b.is_ascii_hexdigit());
    groups.len() == 4 && groups.iter().all(is_group)
}
