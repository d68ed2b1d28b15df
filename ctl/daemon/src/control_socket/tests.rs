//! One daemon per socket, and a dead one's leftovers do not stand in the way.

use std::os::unix::net::UnixListener as StdListener;

use super::*;

fn control(directory: &tempfile::TempDir) -> Control {
    Control {
        socket: directory.path().join("run/control.sock"),
        mode: "0640".into(),
        ..Control::default()
    }
}

#[test]
fn the_socket_has_the_configured_mode_and_goes_with_the_daemon() {
    let directory = tempfile::tempdir().unwrap();
    let control = control(&directory);
    let socket = ControlSocket::bind(&control).unwrap();
    let mode = fs::metadata(&control.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let lock = directory.path().join("run/control.sock.lock");
    let mode = fs::metadata(lock).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else holds the lock");
    drop(socket);
    assert!(!control.socket.exists());
}

#[test]
fn a_second_daemon_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let control = control(&directory);
    let _first = ControlSocket::bind(&control).unwrap();
    let error = ControlSocket::bind(&control).unwrap_err();
    assert!(matches!(error, Failure::SecondDaemon { .. }), "{error}");
    assert_eq!(error.exit_code(), 5);
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let control = control(&directory);
    fs::create_dir_all(control.socket.parent().unwrap()).unwrap();
    let other = StdListener::bind(&control.socket).unwrap();
    assert!(matches!(
        ControlSocket::bind(&control),
        Err(Failure::SecondDaemon { .. })
    ));
    drop(other);
    assert!(control.socket.exists());
    ControlSocket::bind(&control).unwrap();
}

#[test]
fn a_file_in_the_sockets_place_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let control = control(&directory);
    fs::create_dir_all(control.socket.parent().unwrap()).unwrap();
    fs::write(&control.socket, "precious").unwrap();
    assert!(matches!(
        ControlSocket::bind(&control),
        Err(Failure::SocketTaken { .. })
    ));
    assert_eq!(fs::read_to_string(&control.socket).unwrap(), "precious");
}
