//! Namespaces of the benchmark's own, made by starting it again under unshare(1), and in them two network namespaces
//! with a veth pair between them. All of it vanishes with the benchmark.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, ensure};
use rustix::thread::{CpuSet, LinkNameSpaceType, move_into_link_name_space, sched_setaffinity};

/// Continues inside; returns there only.
pub fn enter() -> anyhow::Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        return prepare();
    }
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child"]);
    command.arg(std::env::current_exe()?).env(INSIDE, "1");
    let error = command.exec();
    Err(error).context("cannot start unshare(1), which is of Debian's util-linux")
}

/// Moves the calling thread to one end of the veth pair.
pub fn move_to(end: &str) -> anyhow::Result<()> {
    let path = format!("/run/netns/{end}");
    let namespace = File::open(&path).with_context(|| path.clone())?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).context(path)
}

/// Keeps the calling thread on one core.
pub fn pin(core: usize) -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).with_context(|| format!("cannot pin to core {core}"))
}

fn prepare() -> anyhow::Result<()> {
    for line in [
        // The control socket, DPDK's files and named namespaces live under /run.
        "mount -t tmpfs tmpfs /run",
        "ip link set lo up",
        "ip netns add client",
        "ip netns add server",
        "ip link add near netns client type veth peer name far netns server",
        "ip -n client address add 10.98.0.1/24 dev near",
        "ip -n server address add 10.98.0.2/24 dev far",
        "ip -n client link set near up",
        "ip -n server link set far up",
    ] {
        let mut words = line.split(' ');
        let status = Command::new(words.next().unwrap_or_default())
            .args(words)
            .status();
        let status = status.with_context(|| format!("cannot run `{line}`"))?;
        ensure!(
            status.success(),
            "`{line}`: {status}; run as root, or allow user namespaces (sysctl user.max_user_namespaces)"
        );
    }
    Ok(())
}

/// The server's address on the veth pair.
pub const SERVER: [u8; 4] = [10, 98, 0, 2];
const INSIDE: &str = "COREMILL_BENCH_INSIDE";
