//! DPDK's environment: started once in a process, with all ports, and taken down with the last of
//! its handles.

use std::env;
use std::ffi::{CString, c_char};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use coremill_dpdk_sys as sys;

use super::arguments::arguments;
use super::device::StartedPort;
use super::error::last_error_text;
use super::offload::may_cut;
use super::pool::Pool;
use super::port::Parts;
use super::quiet::QuietTap;
use super::{
    DpdkPort, EalError, ReceiveSteering, WorkerRegistration, preflight, statistics, steering,
};
use crate::nic::{LinkStatus, PortInformation, PortStatistics};
use crate::options::{EalOptions, PortOptions};

/// A handle to DPDK and its ports; clones name the same environment.
///
/// Ports stop when the last handle, queue pair and worker registration is gone.
#[derive(Clone)]
pub struct Eal(Arc<Environment>);

impl Eal {
    /// Starts DPDK and `ports`, each with one queue pair per worker.
    ///
    /// Call it before other threads are started: it may set `RUNTIME_DIRECTORY`, and threads that
    /// DPDK starts take over the caller's signal mask. net_tap's driver learns of packets by a
    /// real-time signal, which some thread of the process must leave unblocked.
    ///
    /// # Errors
    /// [`EalError`], naming cause and remedy. DPDK cannot be started again in this process then.
    pub fn start(
        options: &EalOptions,
        ports: &[PortOptions],
        workers: usize,
    ) -> Result<Self, EalError> {
        let queues = u16::try_from(workers)
            .ok()
            .filter(|count| (1..=QUEUES_MAX).contains(count));
        let Some(queues) = queues else {
            return Err(EalError::Workers {
                workers,
                max: usize::from(QUEUES_MAX),
            });
        };
        if STARTED.load(Ordering::Acquire) {
            return Err(EalError::AlreadyStarted);
        }
        preflight::check(options, ports, workers)?;
        initialize(options, ports)?;
        let _quiet = QuietTap::new(options.log_level);
        // From here on dropping the environment undoes what was done.
        let mut environment = Environment {
            ports: Vec::new(),
            pool: None,
            large: None,
            taken: Mutex::default(),
        };
        for (index, port) in ports.iter().enumerate() {
            environment
                .ports
                .push(StartedPort::find(port, index, queues)?);
        }
        let mtu = environment
            .ports
            .iter()
            .map(|port| port.mtu)
            .max()
            .unwrap_or_default();
        let pool = environment
            .pool
            .insert(Pool::reserve(options.packets, mtu, ports, workers)?);
        let may_cut = |port: &PortOptions| port.segmentation && may_cut(&port.device);
        if ports.iter().any(may_cut) {
            environment.large = Pool::reserve_large(workers);
        }
        let has_large = environment.large.is_some();
        for (port, options) in environment.ports.iter_mut().zip(ports) {
            port.start(options, pool, has_large && may_cut(options))?;
        }
        environment.taken = Mutex::new(vec![false; ports.len() * workers]);
        Ok(Self(Arc::new(environment)))
    }

    /// Number of ports.
    pub fn ports(&self) -> usize {
        self.0.ports.len()
    }

    /// The queue pair of `worker` on `port`. None when there is no such port or worker, or as long
    /// as it is taken.
    pub fn queue(&self, port: usize, worker: usize) -> Option<DpdkPort> {
        let started = self.0.ports.get(port)?;
        let queue = u16::try_from(worker).ok()?;
        self.0.take(port, queue)?;
        Some(DpdkPort::new(Parts {
            environment: Arc::clone(&self.0),
            index: port,
            id: started.id,
            queue,
            mac: started.mac,
            mtu: started.mtu,
            capabilities: started.capabilities(),
            interrupt: started.interrupt(queue),
            discards: Arc::clone(&started.discards),
            is_looped: started.is_looped(),
        }))
    }

    /// What is known about `port`; its link as of now.
    pub fn port_information(&self, port: usize) -> Option<PortInformation> {
        self.0.ports.get(port).map(StartedPort::information)
    }

    /// Reads the ports' links for as long as some handle lives, and is none itself.
    pub fn links(&self) -> Links {
        Links(Arc::downgrade(&self.0))
    }

    /// The driver's counters of `port`.
    pub fn statistics(&self, port: usize) -> Option<PortStatistics> {
        let port = self.0.ports.get(port)?;
        Some(statistics::read(port.id, &port.discards))
    }

    /// Gives `port` the engine's hash key and its table of queues, where the port has RSS. The
    /// table's length must divide the port's own. Queue pairs taken afterwards say so in their
    /// capabilities.
    ///
    /// # Errors
    /// [`EalError::Port`] when the table does not fit, or the port takes the key but not the table.
    pub fn steer(
        &self,
        port: usize,
        key: &[u8; 40],
        table: &[u16],
    ) -> Result<ReceiveSteering, EalError> {
        let Some(port) = self.0.ports.get(port) else {
            return Ok(ReceiveSteering::Unknown);
        };
        let steering = steering::program(port.id, &port.name, &port.steering, key, table)?;
        port.steered
            .store(steering == ReceiveSteering::Ours, Ordering::Relaxed);
        Ok(steering)
    }

    /// Registers the calling thread as a worker, so that it has a packet cache of its own.
    ///
    /// # Errors
    /// [`EalError::Register`] when DPDK knows no more threads.
    pub fn register_worker(&self) -> Result<WorkerRegistration, EalError> {
        WorkerRegistration::new(self.clone())
    }

    /// Packets of the pool that are free now; walks all caches, so not for the busy path.
    pub fn packets_free(&self) -> usize {
        self.0.pool.as_ref().map_or(0, Pool::free)
    }
}

impl fmt::Debug for Eal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Eal")
            .field("ports", &self.0.ports.len())
            .finish_non_exhaustive()
    }
}

/// The links of all ports; see [`Eal::links`].
#[derive(Clone)]
pub struct Links(Weak<Environment>);

impl Links {
    /// The link of `port` as of now. None without such a port, or when the ports are stopped.
    pub fn of(&self, port: usize) -> Option<LinkStatus> {
        let environment = self.0.upgrade()?;
        environment.ports.get(port).map(StartedPort::link)
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Links")
    }
}

/// What ends with the last handle.
pub(super) struct Environment {
    ports: Vec<StartedPort>,
    pool: Option<Pool>,
    /// Packets for ports that cut what they send.
    large: Option<Pool>,
    /// Queue pairs in use, by port and queue.
    taken: Mutex<Vec<bool>>,
}

impl Environment {
    pub(super) fn pool_ptr(&self) -> Option<*mut sys::rte_mempool> {
        self.pool.as_ref().map(Pool::as_ptr)
    }

    pub(super) fn large_ptr(&self) -> Option<*mut sys::rte_mempool> {
        self.large.as_ref().map(Pool::as_ptr)
    }

    pub(super) fn give_back(&self, port: usize, queue: u16) {
        self.exchange(port, queue, false);
    }

    fn take(&self, port: usize, queue: u16) -> Option<()> {
        (self.exchange(port, queue, true) == Some(false)).then_some(())
    }

    /// Sets whether a queue pair is taken and gives whether it was; None without such a queue.
    fn exchange(&self, port: usize, queue: u16, taken: bool) -> Option<bool> {
        let mut slots = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let queues = slots.len() / self.ports.len().max(1);
        let queue = usize::from(queue);
        if queue >= queues {
            return None;
        }
        slots
            .get_mut(port * queues + queue)
            .map(|slot| std::mem::replace(slot, taken))
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.ports.clear();
        let pools = [&mut self.pool, &mut self.large];
        let kept = pools.into_iter().flatten().map(Pool::release);
        if kept.filter(|is_released| !is_released).count() == 0 {
            // SAFETY: ports are closed and no packet is out, so nothing of DPDK's is in use. With
            // packets out its memory stays mapped until the process ends.
            unsafe { sys::rte_eal_cleanup() };
        }
    }
}

/// Calls `rte_eal_init`, once in the life of the process.
fn initialize(options: &EalOptions, ports: &[PortOptions]) -> Result<(), EalError> {
    let texts = arguments(options, ports, &allowed_cpus());
    let mut pointers: Vec<*mut c_char> = Vec::with_capacity(texts.len() + 1);
    let mut owned = Vec::with_capacity(texts.len());
    for text in &texts {
        let terminated = CString::new(text.as_str()).map_err(|_| EalError::Argument {
            argument: text.clone(),
        })?;
        owned.push(terminated);
    }
    // EAL keeps pointers into its arguments, so they are given away for good.
    pointers.extend(owned.into_iter().map(CString::into_raw));
    pointers.push(std::ptr::null_mut());
    let count = i32::try_from(texts.len()).unwrap_or(i32::MAX);
    if STARTED.swap(true, Ordering::AcqRel) {
        return Err(EalError::AlreadyStarted);
    }
    if let Some(directory) = &options.runtime_directory {
        // SAFETY: documented in `Eal::start`: other threads are not running yet. EAL reads this
        // variable and has no argument for it.
        unsafe { env::set_var("RUNTIME_DIRECTORY", directory) };
    }
    let pointers = Vec::leak(pointers);
    // SAFETY: `pointers` are terminated strings, a null after the last, alive and writable for the
    // rest of the process; this is the only call in its life.
    let result = unsafe { sys::rte_eal_init(count, pointers.as_mut_ptr()) };
    if result >= 0 {
        return Ok(());
    }
    Err(EalError::Start {
        reason: last_error_text(),
        arguments: texts[1..].join(" "),
    })
}

/// Cores that this process may run on.
fn allowed_cpus() -> Vec<usize> {
    let Ok(set) = rustix::thread::sched_getaffinity(None) else {
        return Vec::new();
    };
    (0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect()
}

/// Queue pairs of a port at most; net_ring has no more, net_tap fewer.
const QUEUES_MAX: u16 = 16;

static STARTED: AtomicBool = AtomicBool::new(false);
