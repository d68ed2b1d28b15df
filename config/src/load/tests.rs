//! What the operator reads when a configuration is wrong.

use std::path::Path;

use super::*;

const GOOD: &str = r#"
[[ports]]
name = "tap0"
device = "net_tap0,iface=cm0"
addresses = ["192.0.2.2/24"]
"#;

fn check(more: &str) -> Result<Config, String> {
    check_with(more, &[])
}

fn check_with(more: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    parse(&format!("{more}\n{GOOD}"), Path::new("cm.toml"), variables)
        .map_err(|error| error.to_string())
}

fn refused(more: &str) -> String {
    check(more).expect_err(more)
}

#[test]
fn a_small_file_gives_defaults_for_the_rest() {
    let config = check("").unwrap();
    assert_eq!(config.ports[0].receive_descriptors, 512);
    assert_eq!(config.tcp, crate::schema::Tcp::default());
}

#[test]
fn unknown_keys_are_named_with_the_nearest_known_one() {
    let message = refused("[tcp]\nrto_mim = \"1s\"");
    assert!(
        message.starts_with("cm.toml: tcp.rto_mim = \"1s\": unknown key; did you mean `rto_min`?; allowed: connections_max,"),
        "{message}"
    );
    let message = refused("[tpc]\nttl = 3");
    assert!(
        message.contains("tpc: unknown section; did you mean `tcp`?"),
        "{message}"
    );
    let message = refused("[icmp]\nflowers = 3");
    assert_eq!(
        message,
        "cm.toml: icmp.flowers = 3: unknown key; allowed: per_second"
    );
}

#[test]
fn wrong_types_and_ranges_say_what_is_allowed() {
    for (more, expected) in [
        (
            "[tcp]\nttl = \"far\"",
            "cm.toml: tcp.ttl = \"far\": of the wrong type; allowed: a whole number from 1 to 255, hops",
        ),
        (
            "[tcp]\nttl = 300",
            "cm.toml: tcp.ttl = 300: out of range; allowed: a whole number from 1 to 255, hops",
        ),
        (
            "[tcp]\nsack = 1",
            "cm.toml: tcp.sack = 1: of the wrong type; allowed: true or false",
        ),
        (
            "[log]\nlevel = \"loud\"",
            "cm.toml: log.level = \"loud\": not one of the words known; allowed: \"error\" or \"warn\" or \"info\" or \"debug\" or \"trace\"",
        ),
        (
            "[metrics]\naddress = \"localhost\"",
            "cm.toml: metrics.address = \"localhost\": not of the form asked for; allowed: an IP address and a port above 0, such as \"192.0.2.1:80\"",
        ),
        (
            "[workers]\ncores = [0, -1]",
            "cm.toml: workers.cores = [0, -1]: out of range; allowed: a list of: a whole number from 0 to 1023, core id",
        ),
    ] {
        assert_eq!(refused(more), expected);
    }
    assert!(
        refused("[tcp]\nrto_min = 200")
            .contains("of the wrong type; allowed: a duration from 1ms to 1m")
    );
    assert!(refused("[tcp]\nrto_min = \"200\"").contains("not a duration"));
    assert!(
        refused("[tcp]\nmemory = \"1KiB\"")
            .contains("out of range; allowed: a size from 1MiB to 1024GiB")
    );
    assert!(
        refused("tcp = 3").contains("tcp = 3: of the wrong type; allowed: a table written [tcp]")
    );
    assert!(refused("routes = [3]").contains("allowed: tables written [[routes]]"));
}

#[test]
fn all_problems_are_told_at_once() {
    let message = refused("[tcp]\nttl = 0\nretries = 0\n[icmp]\nper_second = -1");
    assert_eq!(message.lines().count(), 3, "{message}");
}

#[test]
fn bad_addresses_are_refused() {
    let port = |address: &str| {
        let text = GOOD.replace("192.0.2.2/24", address);
        parse(&text, Path::new("cm.toml"), std::iter::empty())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        port("192.0.2.2"),
        "cm.toml: ports[0].addresses = [\"192.0.2.2\"]: not of the form asked for; allowed: a list of: an address with prefix length, such as \"192.0.2.1/24\""
    );
    assert!(
        port("224.0.0.1/24")
            .contains("ports[0].addresses[0] = 224.0.0.1/24: not an address that a host can have")
    );
    assert!(port("127.0.0.1/8").contains("not loopback"));
}

#[test]
fn ports_are_needed_and_have_names_of_their_own() {
    let message = parse("", Path::new("cm.toml"), std::iter::empty())
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        "cm.toml: ports: there is no port; allowed: at least one [[ports]] with name, device and addresses"
    );
    let message = refused("[[ports]]\nname = \"tap0\"\ndevice = \"net_tap1\"\naddresses = []");
    assert_eq!(
        message,
        "cm.toml: ports[1].name = \"tap0\": another port has this name; allowed: a name of its own"
    );
    let message = refused("[[ports]]\nname = \"x\"\naddresses = []");
    assert!(
        message.starts_with("cm.toml: ports[0].device: missing; allowed: a DPDK virtual device"),
        "{message}"
    );
    assert!(
        refused("[[ports]]\nname = \"x\"\naddresses = []\ndevice = \"eth0\"")
            .contains("a PCI address such as \"0000:03:00.0\"")
    );
}

#[test]
fn routes_name_ports_and_gateways_on_their_link() {
    let route = |more: &str| refused(&format!("[[routes]]\n{more}"));
    assert_eq!(
        route("network = \"0.0.0.0/0\"\nport = \"tap1\""),
        "cm.toml: routes[0].port = \"tap1\": no such port; allowed: tap0"
    );
    assert!(
        route("network = \"0.0.0.0/0\"\nport = \"tap0\"\ngateway = \"198.51.100.1\"")
            .contains("not on the port's link")
    );
    assert!(
        route("network = \"0.0.0.0/0\"\nport = \"tap0\"\ngateway = \"2001:db8::1\"")
            .contains("not of the network's family")
    );
    assert!(
        route("network = \"198.51.100.7/24\"\nport = \"tap0\"")
            .contains("has a host part; allowed: 198.51.100.0/24")
    );
    assert!(
        route("network = \"0.0.0.0/0\"\nport = \"tap0\"\nsource = \"192.0.2.9\"")
            .contains("not an own address; allowed: 192.0.2.2")
    );
}

#[test]
fn services_listen_on_own_addresses_and_not_twice() {
    let echo = |name: &str, listen: &str| {
        format!("[[services]]\nname = \"{name}\"\nkind = \"echo\"\nlisten = \"{listen}\"\n")
    };
    assert_eq!(
        refused(&echo("a", "192.0.2.9:7")),
        "cm.toml: services[0].listen = 192.0.2.9:7: not an own address; allowed: 0.0.0.0 or an own address: 192.0.2.2"
    );
    assert_eq!(
        refused(&(echo("a", "0.0.0.0:7") + &echo("b", "0.0.0.0:7"))),
        "cm.toml: services[1].listen = 0.0.0.0:7: service a listens there; allowed: an address and port of its own"
    );
    assert!(
        refused(&(echo("a", "0.0.0.0:7") + &echo("a", "0.0.0.0:8")))
            .contains("another service has this name")
    );
    check(&(echo("a", "0.0.0.0:7") + &echo("b", "192.0.2.2:7"))).unwrap();
    let message = refused("[[services]]\nname = \"a\"\nkind = \"ehco\"\nlisten = \"0.0.0.0:7\"");
    assert!(
        message.contains(
            "services[0].kind = \"ehco\": not one of the words known; allowed: \"echo\" or"
        ),
        "{message}"
    );
    let message = refused(&(echo("a", "0.0.0.0:7") + "seed = 4"));
    assert!(
        message.contains("services[0].seed = 4: unknown key"),
        "{message}"
    );
    assert!(refused("[[services]]\nname = \"a\"").contains("services[0].kind: missing"));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    for (more, expected) in [
        (
            "[workers]\ncores = [1, 1]",
            "workers.cores = [1, 1]: a core is named twice",
        ),
        (
            "[workers]\ncores = [0, 1]\ncount = 3",
            "workers.count = 3: workers.cores has 2 entries",
        ),
        (
            "[workers]\ncount = 128",
            "eal.packets = 16384: the ports' receive queues alone hold 65536",
        ),
        (
            "[eal]\npackets = 1000000",
            "eal.memory_size = \"256MiB\": 1000000 packets alone take",
        ),
        (
            "[tcp]\nephemeral_port_first = 61000",
            "tcp.ephemeral_port_first = 61000: above",
        ),
        (
            "[tcp]\nrto_max = \"500ms\"",
            "tcp.rto_max = \"500ms\": below",
        ),
        (
            "[tcp]\nmemory = \"1MiB\"\nsend_buffer = \"2MiB\"",
            "tcp.send_buffer = \"2MiB\": larger than tcp.memory",
        ),
    ] {
        let message = refused(more);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn the_environment_overrides_and_is_named_in_messages() {
    let config = check_with(
        "[tcp]\nttl = 3",
        &[
            ("COREMILL_TCP__TTL", "32"),
            ("COREMILL_TCP__SACK", "false"),
            ("COREMILL_TCP__RTO_MIN", "10ms"),
            ("COREMILL_WORKERS__CORES", "1, 3"),
            ("COREMILL_CONTROL__GROUP", "1000"),
            ("COREMILL_CONFIG", "ignored"),
            ("HOME", "ignored"),
        ],
    )
    .unwrap();
    assert_eq!((config.tcp.ttl, config.tcp.sack), (32, false));
    assert_eq!(config.tcp.rto_min, std::time::Duration::from_millis(10));
    assert_eq!(config.workers.cores, [1, 3]);
    assert_eq!(config.control.group.as_deref(), Some("1000"));

    let message = check_with("", &[("COREMILL_TCP__TTL", "far")]).unwrap_err();
    assert_eq!(
        message,
        "environment variable COREMILL_TCP__TTL: tcp.ttl = \"far\": of the wrong type; allowed: a whole number from 1 to 255, hops"
    );
    let message = check_with("", &[("COREMILL_TCP__TTTL", "1")]).unwrap_err();
    assert!(
        message.contains("COREMILL_TCP__TTTL: tcp.tttl = \"1\": unknown key; did you mean `ttl`?"),
        "{message}"
    );
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let message = load_with(Path::new("/nonexistent/cm.toml"), std::iter::empty())
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with("/nonexistent/cm.toml: no such file; name another with --config"),
        "{message}"
    );
    let message = load_with(Path::new("/"), std::iter::empty())
        .unwrap_err()
        .to_string();
    assert!(message.starts_with("/: cannot read it:"), "{message}");
    let message = refused("[tcp\nttl = 3");
    assert!(
        message.starts_with("cm.toml: not valid TOML:") && message.contains("line 1"),
        "{message}"
    );
}

#[test]
fn the_examples_load() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        load_with(&path, std::iter::empty()).unwrap_or_else(|error| panic!("{error}"));
        seen += 1;
    }
    assert!(seen >= 2);
}
