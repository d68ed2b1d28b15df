//! Finds libdpdk by pkg-config, compiles the shim around its inline functions, and generates
//! bindings for the narrow list of names that the engine uses.

use std::env;
use std::path::{Path, PathBuf};
use std::process;

fn main() {
    println!("cargo:rerun-if-changed=headers.h");
    println!("cargo:rerun-if-changed=shim.c");
    let dpdk = find_dpdk();
    link(&dpdk);
    compile_shim(&dpdk);
    require_libclang();
    generate_bindings(&dpdk);
}

/// Oldest DPDK whose names and structures the bindings know.
const DPDK_VERSION_MIN: &str = "22.11";

/// The libraries behind the names in [`FUNCTIONS`]. Not pkg-config's whole list: that would load
/// some fifty libraries at start. Drivers are not linked but loaded by EAL from DPDK's driver
/// folder; `net_ring` is linked besides because a ring becomes a port by a call into it.
const LIBRARIES: &[&str] = &[
    "rte_eal",
    "rte_ethdev",
    "rte_mbuf",
    "rte_mempool",
    "rte_ring",
    "rte_fib",
    "rte_net_ring",
];

const FUNCTIONS: &[&str] = &[
    "coremill_.*",
    "rte_eal_cleanup",
    "rte_eal_init",
    "rte_dev_probe",
    "rte_eth_dev_adjust_nb_rx_tx_desc",
    "rte_eth_dev_close",
    "rte_eth_dev_configure",
    "rte_eth_dev_get_mtu",
    "rte_eth_dev_get_name_by_port",
    "rte_eth_dev_get_port_by_name",
    "rte_eth_dev_info_get",
    "rte_eth_dev_rss_hash_update",
    "rte_eth_dev_rss_hash_conf_get",
    "rte_eth_dev_rss_reta_update",
    "rte_eth_dev_rx_intr_ctl_q_get_fd",
    "rte_eth_dev_rx_intr_disable",
    "rte_eth_dev_rx_intr_enable",
    "rte_eth_dev_set_mtu",
    "rte_eth_dev_socket_id",
    "rte_eth_dev_start",
    "rte_eth_dev_stop",
    "rte_eth_from_rings",
    "rte_eth_macaddr_get",
    "rte_eth_promiscuous_enable",
    "rte_eth_rx_queue_setup",
    "rte_eth_stats_get",
    "rte_eth_stats_reset",
    "rte_eth_tx_queue_setup",
    "rte_fib_add",
    "rte_fib_create",
    "rte_fib_delete",
    "rte_fib_free",
    "rte_fib_lookup_bulk",
    "rte_mempool_avail_count",
    "rte_mempool_free",
    "rte_log_set_level_pattern",
    "rte_pktmbuf_pool_create",
    "rte_ring_count",
    "rte_ring_create",
    "rte_ring_free",
    "rte_ring_lookup",
    "rte_strerror",
    "rte_thread_register",
    "rte_thread_unregister",
    "rte_version",
];

const TYPES: &[&str] = &[
    "coremill_mbuf_offset",
    "rte_ether_addr",
    "rte_eth_conf",
    "rte_eth_dev_info",
    "rte_eth_rss_conf",
    "rte_eth_rss_reta_entry64",
    "rte_eth_rxconf",
    "rte_eth_stats",
    "rte_eth_txconf",
    "rte_fib_conf",
];

const CONSTANTS: &[&str] = &["COREMILL_.*"];

/// Structures used by pointer only, or through the offsets that `headers.h` takes from C because
/// their inner, unnamed unions differ between DPDK releases.
const OPAQUE: &[&str] = &[
    "rte_device",
    "rte_fib",
    "rte_mbuf",
    "rte_mempool",
    "rte_ring",
    "rte_eth_rxseg.*",
    "rte_eth_vmdq.*",
    "rte_eth_dcb.*",
    "rte_eth_rxconf__bindgen.*",
];

fn find_dpdk() -> pkg_config::Library {
    let found = pkg_config::Config::new()
        .atleast_version(DPDK_VERSION_MIN)
        .cargo_metadata(false)
        .env_metadata(true)
        .probe("libdpdk");
    found.unwrap_or_else(|error| match error {
        pkg_config::Error::Command { .. } => fail(&format!(
            "pkg-config cannot be run: {error}\nRemedy on Debian: apt install pkg-config"
        )),
        _ => fail(&format!(
            "libdpdk {DPDK_VERSION_MIN} or newer not found by pkg-config.\nRemedy on Debian 12: \
             apt install libdpdk-dev pkg-config\n(for a DPDK of your own set PKG_CONFIG_PATH to \
             the folder of its libdpdk.pc)\n\npkg-config said: {error}"
        )),
    })
}

fn link(dpdk: &pkg_config::Library) {
    for path in &dpdk.link_paths {
        println!("cargo:rustc-link-search=native={}", path.display());
    }
    for library in LIBRARIES {
        println!("cargo:rustc-link-lib=dylib={library}");
    }
    println!("cargo:version={}", dpdk.version);
}

/// DPDK's x86 headers need SSE 4.2 and its packages are built for the same baseline.
fn machine_flag() -> Option<&'static str> {
    match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("x86_64") => Some("-march=corei7"),
        Ok("aarch64") => Some("-march=armv8-a+crc"),
        _ => None,
    }
}

fn compile_shim(dpdk: &pkg_config::Library) {
    let mut build = cc::Build::new();
    // Optimised in every profile: these few lines run once or twice per burst.
    build
        .file("shim.c")
        .opt_level(2)
        .flag("-Wno-deprecated-declarations")
        .warnings(false);
    build.includes(&dpdk.include_paths);
    if let Some(flag) = machine_flag() {
        build.flag(flag);
    }
    build.compile("coremill_dpdk_shim");
}

/// bindgen panics without libclang; say what to install before it does.
fn require_libclang() {
    if env::var_os("LIBCLANG_PATH").is_some() {
        return;
    }
    let mut folders: Vec<PathBuf> = vec!["/usr/lib".into(), "/usr/lib64".into()];
    let asked = process::Command::new("llvm-config")
        .arg("--libdir")
        .output();
    folders
        .extend(asked.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())));
    for parent in ["/usr/lib", "/usr/local"] {
        folders.extend(children(Path::new(parent)));
        folders.extend(
            children(Path::new(parent))
                .into_iter()
                .map(|child| child.join("lib")),
        );
    }
    let found = folders
        .iter()
        .flat_map(|folder| children(folder))
        .any(|file| {
            let name = file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            name.starts_with("libclang")
                && !name.contains("cpp")
                && name.contains(".so")
                && file.metadata().is_ok_and(|data| data.len() > 0)
        });
    if !found {
        fail(
            "libclang, which bindgen needs to read DPDK's headers, was not found.\nRemedy on \
             Debian: apt install libclang-dev\n(or set LIBCLANG_PATH to the folder of libclang.so)",
        );
    }
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten();
    entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect()
}

fn generate_bindings(dpdk: &pkg_config::Library) {
    let mut builder = bindgen::Builder::default()
        .header("headers.h")
        // Built anew when DPDK's headers change.
        .parse_callbacks(Box::new(bindgen::CargoCallbacks::new()))
        .clang_args(
            dpdk.include_paths
                .iter()
                .map(|path| format!("-I{}", path.display())),
        )
        .clang_args(machine_flag())
        .allowlist_recursively(true)
        .derive_default(true)
        .generate_comments(false)
        .prepend_enum_name(false)
        .layout_tests(true);
    for name in FUNCTIONS {
        builder = builder.allowlist_function(name);
    }
    for name in TYPES {
        builder = builder.allowlist_type(name);
    }
    for name in CONSTANTS {
        builder = builder.allowlist_var(name);
    }
    for name in OPAQUE {
        builder = builder.opaque_type(name);
    }
    let bindings = builder.generate().unwrap_or_else(|error| {
        fail(&format!(
            "bindings to DPDK {} could not be generated: {error}\nRemedy on Debian: apt install \
             --reinstall libdpdk-dev libclang-dev",
            dpdk.version
        ))
    });
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("bindings.rs");
    if let Err(error) = bindings.write_to_file(&out) {
        fail(&format!("{} could not be written: {error}", out.display()));
    }
}

fn fail(message: &str) -> ! {
    eprintln!("\ncoremill-dpdk-sys: {message}\n");
    process::exit(1);
}
