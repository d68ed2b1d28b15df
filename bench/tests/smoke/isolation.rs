//! Runs a test in network, mount and process namespaces of its own by starting this very test
//! program again under unshare(1). Whatever the test leaves behind dies with them, and the
//! host's network is out of reach.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::Command;
use std::sync::Mutex;

use crate::command;

/// Runs `body`, which is the test called `name`, inside. One at a time: a daemon, its clients and
/// the kernel's end of the tap share two cores on small machines.
pub fn run(name: &str, body: impl FnOnce()) {
    if std::env::var(INSIDE).as_deref() == Ok(name) {
        prepare();
        body();
        return;
    }
    if std::env::var(SKIP).as_deref() == Ok("1") {
        // Past the test harness, which would swallow it.
        let line = format!("{name}: SKIPPED because {SKIP}=1\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
        return;
    }
    let _one_at_a_time = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    require_tap();
    require_namespaces();
    let program = std::env::current_exe().expect("path of this test program");
    let output = unshare()
        .arg(program)
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(INSIDE, name)
        .output()
        .expect("start unshare");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{name} failed inside its namespaces ({})\n{stdout}\n{stderr}",
        output.status
    );
    print!("{stderr}");
}

/// Whether the long forms of tests are asked for.
pub fn is_long() -> bool {
    std::env::var("COREMILL_LONG").as_deref() == Ok("1")
}

fn prepare() {
    // The control socket, DPDK's files and named namespaces live under /run.
    command::run(&["mount", "-t", "tmpfs", "tmpfs", "/run"]);
    command::run(&["ip", "link", "set", "lo", "up"]);
}

fn require_tap() {
    if let Err(error) = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/net/tun")
    {
        panic!(
            "cannot open /dev/net/tun: {error}\nremedy, as root: modprobe tun; chmod 0666 /dev/net/tun\n\
             or skip these tests with {SKIP}=1"
        );
    }
}

fn require_namespaces() {
    let output = unshare()
        .arg("true")
        .output()
        .expect("unshare(1), from Debian's util-linux");
    assert!(
        output.status.success(),
        "cannot make namespaces: {}remedy: run as root, or allow user namespaces \
         (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns)\n\
         or skip these tests with {SKIP}=1",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn unshare() -> Command {
    let mut command = Command::new("timeout");
    let seconds_max = if is_long() {
        LONG_TEST_SECONDS_MAX
    } else {
        TEST_SECONDS_MAX
    };
    command.args(["--kill-after=5", seconds_max, "unshare"]);
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child"]);
    command
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
const INSIDE: &str = "COREMILL_SMOKE_INSIDE";
const SKIP: &str = "COREMILL_SKIP_NAMESPACE_TESTS";
const TEST_SECONDS_MAX: &str = "240";
const LONG_TEST_SECONDS_MAX: &str = "1800";
