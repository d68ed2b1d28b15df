//! A process for each script, under unshare(1): its namespaces and devices die with it, at the latest when
//! its time or its processor time is up. Beside the kernel it has real-time priority, or a busy machine
//! would be taken for a slow kernel; a daemon never has, whose workers could take the whole machine.

use std::path::Path;
use std::process::Command;

use crate::Place;

/// Plays one script in real time at `place`, by starting `program` with `--inside`. Gives its verdict as
/// text. Needs root, or user namespaces.
pub fn run_one(program: &Path, place: Place, script: &Path) -> String {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", SECONDS_MAX, "unshare"]);
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child"]);
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    let setup = match place {
        Place::Kernel => KERNEL,
        Place::Daemon => DAEMON,
    };
    let output = command
        .args(["sh", "-e", "-c", setup, "sh"])
        .arg(ATTACH)
        .arg(program)
        .arg(script)
        .output();
    match output {
        Err(error) => format!("unsupported: unshare(1) cannot be started: {error}"),
        Ok(output) if output.stdout.is_empty() => {
            let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            format!("unsupported: no namespaces with a device (root is needed): {text}")
        }
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    }
}

/// No script takes longer.
const SECONDS_MAX: &str = "240";

/// The kernel's end of a TUN device, with Linux's own buffer sizes, and nothing remembered from one connection to the next.
const KERNEL: &str = "\
ip link set lo up
ip tuntap add dev tun0 mode tun
sysctl -q net.ipv6.conf.all.disable_ipv6=1
sysctl -q net.ipv4.tcp_no_metrics_save=1 net.ipv4.tcp_syncookies=0
sysctl -q net.ipv4.tcp_rmem='4096 131072 6291456' net.ipv4.tcp_wmem='4096 16384 4194304'
ip address add 192.168.0.1/24 dev tun0
if chrt --fifo 10 true 2>/dev/null; then priority='chrt --fifo 10'; fi
exec $priority python3 -c \"$1\" \"$2\" \"$3\"
";

/// Takes the TUN device as standard input, then becomes the program.
const ATTACH: &str = "
import fcntl, os, struct, subprocess, sys
device = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(device, 0x400454ca, struct.pack('16sH22x', b'tun0', 0x1001))
subprocess.check_call('ip link set tun0 up && ip route add default dev tun0', shell=True)
os.dup2(device, 0)
os.execv(sys.argv[1], [sys.argv[1], '--inside', 'kernel', sys.argv[2]])
";

/// Where a daemon can make its device and keep its sockets; the program starts it. What takes more than
/// that many seconds of processor time is killed.
const DAEMON: &str = "\
ulimit -t 30
mount -t tmpfs tmpfs /run
ip link set lo up
sysctl -q net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
exec \"$2\" --inside daemon \"$3\"
";
