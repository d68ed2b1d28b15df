use super::*;

#[test]
fn sysctl_lines_set_limits() {
    let mut settings = Settings::default();
    let ran = settings
        .command(
            "sysctl -q net.ipv4.tcp_timestamps=0 net.ipv4.tcp_rmem=\"4096 5000 70000\"\n\
             sysctl -w net.ipv4.tcp_fin_timeout=7; set_sysctls.py /proc/sys/net/ipv4/tcp_sack=0",
        )
        .expect("all known");
    let limits = &settings.limits;
    assert!(ran.has_set && !limits.timestamps && !limits.sack);
    assert_eq!(limits.receive_buffer_bytes, 70_000);
    assert_eq!(limits.fin_wait_2, Duration::from_secs(7));
}

#[test]
fn what_nobody_knows_is_named() {
    let mut settings = Settings::default();
    for (command, named) in [
        ("sysctl -q net.ipv4.tcp_ecn=9", "sysctl net.ipv4.tcp_ecn=9"),
        (
            "sysctl net.ipv4.tcp_congestion_control=vegas",
            "tcp_congestion_control=vegas",
        ),
        (
            "sysctl -q net.ipv4.tcp_no_such_thing=1",
            "tcp_no_such_thing",
        ),
        (
            "sysctl -q net.ipv4.tcp_syn_retries=many",
            "tcp_syn_retries=many",
        ),
        ("ip route change default initcwnd 3", "ip route change"),
    ] {
        let Err(Trouble::Unsupported(what)) = settings.command(command) else {
            panic!("{command} was taken")
        };
        assert!(what.contains(named), "{what}");
    }
    assert!(settings.option("ip_version", Some("ipv6")).is_err());
    assert!(settings.option("tolerance_usecs", Some("soon")).is_err());
}

#[test]
fn commands_of_public_scripts() {
    let mut settings = Settings::default();
    assert!(
        settings
            .command("../common/defaults.sh")
            .is_ok_and(|ran| ran.has_set)
    );
    assert!(!settings.limits.timestamps);
    let slept = settings.command("sleep 0.25").expect("known");
    assert_eq!(
        (slept.has_set, slept.sleeps),
        (false, Duration::from_millis(250))
    );
    assert!(settings.command("/tmp/sysctl_restore_${PPID}.sh").is_ok());
    settings
        .option("tolerance_usecs", Some("70000"))
        .expect("known");
    assert_eq!(settings.tolerance, Duration::from_millis(70));
}
