//! Linux's error numbers by the names that scripts use.

/// The name of an error number.
pub fn name(number: i32) -> &'static str {
    let named = NAMES.iter().find(|(known, _)| *known == number);
    named.map_or("another error", |(_, name)| name)
}

const NAMES: [(i32, &str); 34] = [
    (1, "EPERM"),
    (2, "ENOENT"),
    (4, "EINTR"),
    (9, "EBADF"),
    (11, "EAGAIN"),
    (12, "ENOMEM"),
    (13, "EACCES"),
    (14, "EFAULT"),
    (16, "EBUSY"),
    (17, "EEXIST"),
    (22, "EINVAL"),
    (24, "EMFILE"),
    (32, "EPIPE"),
    (71, "EPROTO"),
    (88, "ENOTSOCK"),
    (89, "EDESTADDRREQ"),
    (90, "EMSGSIZE"),
    (92, "ENOPROTOOPT"),
    (93, "EPROTONOSUPPORT"),
    (95, "EOPNOTSUPP"),
    (97, "EAFNOSUPPORT"),
    (98, "EADDRINUSE"),
    (99, "EADDRNOTAVAIL"),
    (101, "ENETUNREACH"),
    (103, "ECONNABORTED"),
    (104, "ECONNRESET"),
    (105, "ENOBUFS"),
    (106, "EISCONN"),
    (107, "ENOTCONN"),
    (110, "ETIMEDOUT"),
    (111, "ECONNREFUSED"),
    (113, "EHOSTUNREACH"),
    (114, "EALREADY"),
    (129, "EKEYREJECTED"),
];

/// The name of what an input or output error carries.
pub fn of(error: &std::io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(115) => "EINPROGRESS",
        Some(number) => name(number),
        None => "another error",
    }
}
