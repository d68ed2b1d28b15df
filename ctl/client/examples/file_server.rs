//! An HTTP server for the files below a folder: GET and HEAD, keep-alive, a thread for each connection.
//!
//! `file_server /run/coremill/control.sock 0.0.0.0:8000 FOLDER`

use std::error::Error;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use coremill_client::{Stack, TcpListener, TcpStream};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, control, address, folder] = arguments.as_slice() else {
        return Err("usage: file_server CONTROL_SOCKET ADDRESS:PORT FOLDER".into());
    };
    let folder: Arc<Path> = Path::new(folder).canonicalize()?.into();
    let stack = Stack::attach(control)?;
    let listener = TcpListener::bind(&stack, address.parse()?)?;
    println!("serving {} on {}", folder.display(), listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept()?;
        let folder = Arc::clone(&folder);
        std::thread::Builder::new().spawn(move || {
            if let Err(error) = serve(stream, &folder) {
                eprintln!("{peer}: {error}");
            }
        })?;
    }
}

/// Answers the requests of one connection.
fn serve(mut stream: TcpStream, folder: &Path) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    loop {
        let Some(request) = next_request(&mut stream, &mut buffer)? else {
            return Ok(());
        };
        answer(&mut stream, folder, &request)?;
        if !request.keep_alive {
            return Ok(());
        }
    }
}

/// What matters of a request.
struct Request {
    method: String,
    target: String,
    keep_alive: bool,
}

/// Reads up to a request's end; what follows it stays in `buffer`. None when the peer has no more.
fn next_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Request>> {
    loop {
        if let Some((request, length)) = parse(buffer)? {
            buffer.drain(..length);
            return Ok(Some(request));
        }
        if buffer.len() > REQUEST_BYTES_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes)?;
        if count == 0 {
            return Ok(None);
        }
        buffer.extend_from_slice(bytes.get(..count).unwrap_or_default());
    }
}

fn parse(bytes: &[u8]) -> io::Result<Option<(Request, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let parsed = request.parse(bytes);
    let parsed = parsed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
    let httparse::Status::Complete(length) = parsed else {
        return Ok(None);
    };
    let connection = request.headers.iter();
    let mut connection = connection.filter(|header| header.name.eq_ignore_ascii_case("connection"));
    let says = |word: &str, value: &[u8]| value.eq_ignore_ascii_case(word.as_bytes());
    let keep_alive = match connection.next() {
        Some(header) if request.version == Some(0) => says("keep-alive", header.value),
        Some(header) => !says("close", header.value),
        None => request.version == Some(1),
    };
    let request = Request {
        method: request.method.unwrap_or_default().to_owned(),
        target: request.path.unwrap_or_default().to_owned(),
        keep_alive,
    };
    Ok(Some((request, length)))
}

fn answer(stream: &mut TcpStream, folder: &Path, request: &Request) -> io::Result<()> {
    if !["GET", "HEAD"].contains(&request.method.as_str()) {
        return head(stream, "405 Method Not Allowed", 0, request);
    }
    let opened = path_of(folder, &request.target).and_then(|path| File::open(path).ok());
    let known = opened.and_then(|file| file.metadata().ok().map(|about| (file, about)));
    let Some((file, about)) = known.filter(|(_, about)| about.is_file()) else {
        return head(stream, "404 Not Found", 0, request);
    };
    head(stream, "200 OK", about.len(), request)?;
    if request.method == "GET" {
        copy(&mut file.take(about.len()), stream)?;
    }
    Ok(())
}

fn copy(file: &mut impl Read, stream: &mut TcpStream) -> io::Result<()> {
    let mut bytes = vec![0; COPY_BYTES];
    loop {
        let count = file.read(&mut bytes)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(bytes.get(..count).unwrap_or_default())?;
    }
}

fn head(stream: &mut TcpStream, status: &str, length: u64, request: &Request) -> io::Result<()> {
    let connection = match request.keep_alive {
        true => "keep-alive",
        false => "close",
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nContent-Type: application/octet-stream\r\n\
         Connection: {connection}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())
}

/// The file that a target names, only ever one below the folder.
fn path_of(folder: &Path, target: &str) -> Option<PathBuf> {
    let relative = Path::new(target.split('?').next()?.strip_prefix('/')?);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if !relative.components().all(plain) {
        return None;
    }
    // A link may lead elsewhere.
    let path = folder.join(relative).canonicalize().ok()?;
    path.starts_with(folder).then_some(path)
}

const REQUEST_BYTES_MAX: usize = 16 << 10;
const COPY_BYTES: usize = 256 << 10;
