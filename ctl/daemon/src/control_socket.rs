//! The Unix socket's place in the file system: directory, lock, leftovers of a dead daemon, rights.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use coremill_config::schema::Control;
use mio::net::UnixListener;
use rustix::fs::{FlockOperation, Mode};

use crate::access;
use crate::failure::Failure;

/// The listening socket; dropping it removes the file.
#[derive(Debug)]
pub struct ControlSocket {
    /// Accepts sessions.
    pub listener: UnixListener,
    path: PathBuf,
    /// Held as long as the daemon lives; the kernel lets go of it however the daemon ends.
    _lock: File,
}

impl ControlSocket {
    /// Binds the socket, unless another daemon has it.
    pub fn bind(control: &Control) -> Result<Self, Failure> {
        let path = &control.socket;
        let group = control.group.as_deref().map(access::group).transpose()?;
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(place(directory))?;
        }
        let lock = lock(path)?;
        remove_leftover(path)?;
        // Narrow from the first moment: bind applies the mask, and then the mode is set in full.
        let mask = rustix::process::umask(Mode::from_raw_mode(0o177));
        let bound = UnixListener::bind(path);
        rustix::process::umask(mask);
        let listener = bound.map_err(place(path))?;
        if group.is_some() {
            rustix::fs::chown(path, None, group).map_err(|error| place(path)(error.into()))?;
        }
        fs::set_permissions(path, Permissions::from_mode(control.mode_bits()))
            .map_err(place(path))?;
        Ok(Self {
            listener,
            path: path.clone(),
            _lock: lock,
        })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // Nothing depends on it: the next daemon removes what is left.
        let _ = fs::remove_file(&self.path);
    }
}

fn lock(socket: &Path) -> Result<File, Failure> {
    let mut name = socket.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        // Whoever can open it could hold the lock against us.
        .mode(0o600)
        .open(&path)
        .map_err(place(&path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Failure::SecondDaemon {
            socket: socket.into(),
        }),
        Err(error) => Err(place(&path)(error.into())),
    }
}

/// Removes the socket of a daemon that is gone: nobody answers there any more.
fn remove_leftover(socket: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(socket) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(place(socket)(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(Failure::SocketTaken {
                socket: socket.into(),
            });
        }
        Ok(_) => {}
    }
    match UnixStream::connect(socket) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(socket).map_err(place(socket))
        }
        // It answers, or may not be asked: either way somebody has it.
        _ => Err(Failure::SecondDaemon {
            socket: socket.into(),
        }),
    }
}

fn place(path: &Path) -> impl FnOnce(io::Error) -> Failure + '_ {
    move |source| Failure::SocketPlace {
        path: path.into(),
        source,
    }
}

#[cfg(test)]
mod tests;
