//! The same on tokio: one thread, several threads.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use coremill_client::Stack;
use coremill_client::tokio::{TcpListener, TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Builder;

use super::{FakeDaemon, address, nothing_is_left, pattern};

/// Connections that get back what they send.
async fn echo(stack: Stack) {
    let listener = TcpListener::bind(&stack, address("10.0.0.1:7"))
        .await
        .expect("listen");
    let serving = tokio::spawn(async move {
        for _ in 0..CONNECTIONS {
            let (mut stream, _) = listener.accept().await.expect("accept");
            tokio::spawn(async move {
                let mut bytes = vec![0; 8_192];
                loop {
                    let count = stream.read(&mut bytes).await.expect("read");
                    if count == 0 {
                        break;
                    }
                    stream.write_all(&bytes[..count]).await.expect("write");
                }
            });
        }
    });
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|number| tokio::spawn(ask(stack.clone(), number)))
        .collect();
    for client in clients {
        client.await.expect("client");
    }
    serving.await.expect("server");
    let refused = TcpStream::connect(&stack, address("10.0.0.1:9")).await;
    let refused = refused.expect_err("nobody listens");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

async fn ask(stack: Stack, number: usize) {
    let stream = TcpStream::connect(&stack, address("10.0.0.1:7"))
        .await
        .expect("connect");
    let data = pattern(20_000 + number);
    let (mut reading, mut writing) = tokio::io::split(stream);
    let expected = data.clone();
    let reader = tokio::spawn(async move {
        let mut bytes = Vec::new();
        reading.read_to_end(&mut bytes).await.expect("read");
        assert!(bytes == expected);
    });
    writing.write_all(&data).await.expect("write");
    writing.shutdown().await.expect("end");
    reader.await.expect("reader");
}

fn run(mut builder: Builder) {
    let daemon = FakeDaemon::start(2);
    let stack = Stack::attach(daemon.path()).expect("attach");
    let runtime = builder.enable_all().build().expect("runtime");
    runtime.block_on(async {
        let echoed = tokio::time::timeout(LIMIT, echo(stack)).await;
        echoed.expect("in time");
    });
    drop(runtime);
    nothing_is_left(&daemon);
}

#[test]
fn tasks_of_one_thread_are_served() {
    run(Builder::new_current_thread());
}

#[test]
fn tasks_of_several_threads_are_served() {
    run(Builder::new_multi_thread());
}

const CONNECTIONS: usize = 4;

#[test]
fn listening_holds_up_no_task() {
    let daemon = FakeDaemon::start(1);
    let stack = Stack::attach(daemon.path()).expect("attach");
    let held = &daemon.counts().is_held;
    daemon.hold(true);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("runtime");
    let (listener, ()) = runtime.block_on(async {
        let bind = TcpListener::bind(&stack, address("10.0.0.1:7"));
        // The one thread goes on meanwhile, and the daemon only then.
        let other = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            held.store(false, Ordering::Release);
        };
        tokio::join!(bind, other)
    });
    listener.expect("listen");
}

/// Several tasks wait at one listener, one is ended, and so many connections come as tasks are left.
async fn accept_together(stack: Stack) {
    let listener = TcpListener::bind(&stack, address("10.0.0.1:7"));
    let listener = Arc::new(listener.await.expect("listen"));
    let wait = |_| {
        let listener = Arc::clone(&listener);
        tokio::spawn(async move { listener.accept().await.map(drop) })
    };
    let mut waiting: Vec<_> = (0..=CONNECTIONS).map(wait).collect();
    // All of them have looked.
    tokio::time::sleep(Duration::from_millis(50)).await;
    waiting.remove(CONNECTIONS / 2).abort();
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let client = TcpStream::connect(&stack, address("10.0.0.1:7")).await;
        clients.push(client.expect("connect"));
    }
    for task in waiting {
        task.await.expect("a task").expect("accept");
    }
}

#[test]
fn all_tasks_that_wait_at_one_listener_are_served() {
    for builder in [Builder::new_current_thread, Builder::new_multi_thread] {
        let daemon = FakeDaemon::start(2);
        let stack = Stack::attach(daemon.path()).expect("attach");
        let runtime = builder().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let accepted = tokio::time::timeout(LIMIT, accept_together(stack)).await;
            accepted.expect("in time");
        });
        drop(runtime);
        nothing_is_left(&daemon);
    }
}

const LIMIT: Duration = Duration::from_secs(20);
