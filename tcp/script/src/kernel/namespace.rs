//! A process for each script, under unshare(1): its namespace and its TUN device die with it. It runs
//! with real-time priority, or a busy machine would be taken for a slow kernel.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Plays the scripts against the kernel, several at a time, by starting `program` with `--inside`.
/// Gives the verdict of each as a line of text. Needs root.
pub fn run_all(program: &Path, scripts: &[PathBuf]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let verdicts = Mutex::new(vec![String::new(); scripts.len()]);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(script) = scripts.get(index) else {
                        return;
                    };
                    let verdict = run_one(program, script);
                    if let Ok(mut verdicts) = verdicts.lock()
                        && let Some(place) = verdicts.get_mut(index)
                    {
                        *place = verdict;
                    }
                }
            });
        }
    });
    verdicts.into_inner().unwrap_or_default()
}

fn run_one(program: &Path, script: &Path) -> String {
    let output = Command::new("unshare")
        .args(["--net", "--", "sh", "-e", "-c", SETUP, "sh"])
        .arg(ATTACH)
        .arg(program)
        .arg(script)
        .output();
    match output {
        Err(error) => format!("unsupported: unshare(1) cannot be started: {error}"),
        Ok(output) if output.stdout.is_empty() => {
            let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            format!("unsupported: no namespace with a TUN device (root is needed): {text}")
        }
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    }
}

/// Our end of the link, with the congestion control that the machine has, Linux's own buffer sizes, and
/// nothing remembered from one connection to the next.
const SETUP: &str = "\
ip link set lo up
ip tuntap add dev tun0 mode tun
sysctl -q net.ipv6.conf.all.disable_ipv6=1 net.ipv4.tcp_congestion_control=cubic
sysctl -q net.ipv4.tcp_no_metrics_save=1 net.ipv4.tcp_syncookies=0
sysctl -q net.ipv4.tcp_rmem='4096 131072 6291456' net.ipv4.tcp_wmem='4096 16384 4194304'
ip address add 192.168.0.1/24 dev tun0
exec chrt --fifo 10 python3 -c \"$1\" \"$2\" \"$3\"
";

/// Takes the TUN device as standard input, then becomes the program.
const ATTACH: &str = "
import fcntl, os, struct, subprocess, sys
device = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(device, 0x400454ca, struct.pack('16sH22x', b'tun0', 0x1001))
subprocess.check_call('ip link set tun0 up && ip route add default dev tun0', shell=True)
os.dup2(device, 0)
os.execv(sys.argv[1], [sys.argv[1], '--inside', sys.argv[2]])
";
/// They mostly wait.
const AT_ONCE: usize = 12;
