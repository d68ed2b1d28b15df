//! Setting up one device: queues, offloads, interrupts, MTU, start; and taking it down.

use std::ffi::{CStr, CString};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coremill_dpdk_sys as sys;

use super::EalError;
use super::error::error_text;
use super::offload::Offloads;
use super::pool::Pool;
use super::preflight::device_name;
use super::ring_loopback::RingLoopback;
use super::statistics::Discards;
use super::steering::Offered;
use crate::nic::{Capabilities, LinkStatus, PortInformation};
use crate::options::{Device, PortOptions};

/// One port of DPDK, from the moment its device was found; closed when dropped.
pub(super) struct StartedPort {
    pub(super) id: u16,
    pub(super) name: String,
    pub(super) driver: String,
    device: String,
    pub(super) mac: [u8; 6],
    pub(super) mtu: u16,
    queues: u16,
    offloads: Offloads,
    /// Descriptors of the queues that have a receive interrupt.
    interrupts: Vec<RawFd>,
    interrupts_configured: bool,
    pub(super) steering: Offered,
    pub(super) steered: AtomicBool,
    pub(super) discards: Arc<Discards>,
    rings: Option<RingLoopback>,
    configured: bool,
}

impl StartedPort {
    /// Finds or makes the device of `options`.
    pub(super) fn find(
        options: &PortOptions,
        index: usize,
        workers: u16,
    ) -> Result<Self, EalError> {
        let (id, rings) = match &options.device {
            Device::RingLoopback => {
                let (rings, id) = RingLoopback::create(options, index, usize::from(workers))?;
                (id, Some(rings))
            }
            Device::Virtual(arguments) => {
                probe(options, arguments)?;
                (id_by_name(options)?, None)
            }
            Device::Pci(_) => (id_by_name(options)?, None),
        };
        let mut port = Self {
            id,
            name: options.name.clone(),
            driver: String::new(),
            device: device_name(&options.device)
                .unwrap_or("net_ring")
                .to_string(),
            mac: [0; 6],
            mtu: options.mtu.unwrap_or(1500),
            queues: workers,
            offloads: Offloads::default(),
            interrupts: Vec::new(),
            interrupts_configured: false,
            steering: Offered::default(),
            steered: AtomicBool::new(false),
            discards: Arc::default(),
            rings,
            configured: false,
        };
        if options.mtu.is_none() {
            // SAFETY: writes one number of ours; a device without the call leaves it alone.
            unsafe { sys::rte_eth_dev_get_mtu(id, &raw mut port.mtu) };
        }
        Ok(port)
    }

    /// Configures as many queue pairs as there are workers and starts the port; with `cuts` it cuts segments, if it can.
    pub(super) fn start(
        &mut self,
        options: &PortOptions,
        pool: &Pool,
        cuts: bool,
    ) -> Result<(), EalError> {
        let information = self.device_information()?;
        let offered = information.max_rx_queues.min(information.max_tx_queues);
        if offered < self.queues {
            return Err(EalError::TooFewQueues {
                port: self.name.clone(),
                driver: self.driver.clone(),
                offered: usize::from(offered),
                workers: usize::from(self.queues),
            });
        }
        self.configure(&information, cuts)?;
        self.configured = true;
        self.set_up_queues(options, &information, pool)?;
        if let Some(mtu) = options.mtu {
            self.set_mtu(mtu, &information)?;
        }
        // SAFETY: the port is configured with all its queues.
        self.check("starting", unsafe { sys::rte_eth_dev_start(self.id) })?;
        self.mac = self.read_mac()?;
        self.interrupts = self.read_interrupts();
        Ok(())
    }

    /// What there is to know about it.
    pub(super) fn information(&self) -> PortInformation {
        PortInformation {
            name: self.name.clone(),
            device: self.device.clone(),
            driver: self.driver.clone(),
            mac: self.mac,
            mtu: self.mtu,
            queues: usize::from(self.queues),
            capabilities: self.capabilities(),
            receive_interrupts: self.interrupt(0).is_some(),
            link: self.link(),
        }
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        let receive_steering = self.steered.load(Ordering::Relaxed);
        let capabilities = Capabilities {
            receive_steering,
            ..self.offloads.capabilities()
        };
        match self.rings {
            // Between sending and receiving lies this host's memory alone: as over the kernel's veth, no checksum is
            // computed on either side.
            Some(_) => Capabilities {
                receive_ipv4_checksum: true,
                receive_tcp_checksum: true,
                transmit_ipv4_checksum: true,
                transmit_tcp_checksum: true,
                ..capabilities
            },
            None => capabilities,
        }
    }

    /// Whether it receives what it sends itself.
    pub(super) fn is_looped(&self) -> bool {
        self.rings.is_some()
    }

    /// The descriptor that becomes readable when queue `queue` has received.
    pub(super) fn interrupt(&self, queue: u16) -> Option<RawFd> {
        self.interrupts.get(usize::from(queue)).copied()
    }

    /// Asked once, as DPDK logs an error for each queue without.
    fn read_interrupts(&self) -> Vec<RawFd> {
        let descriptor = |queue| {
            // SAFETY: the port is started; an absent queue or interrupt gives -1.
            let found = unsafe { sys::rte_eth_dev_rx_intr_ctl_q_get_fd(self.id, queue) };
            (found >= 0).then_some(found)
        };
        let queues = if self.interrupts_configured {
            self.queues
        } else {
            0
        };
        (0..queues).map_while(descriptor).collect()
    }

    fn device_information(&mut self) -> Result<sys::rte_eth_dev_info, EalError> {
        let mut information = sys::rte_eth_dev_info::default();
        // SAFETY: the structure is ours and filled by the call.
        let result = unsafe { sys::rte_eth_dev_info_get(self.id, &raw mut information) };
        self.check("asking what it can do", result)?;
        if !information.driver_name.is_null() {
            // SAFETY: a terminated string of the driver's, which stays loaded.
            let name = unsafe { CStr::from_ptr(information.driver_name) };
            self.driver = name.to_string_lossy().into_owned();
        }
        Ok(information)
    }

    /// Configures the port with receive interrupts, or without where it refuses them.
    fn configure(
        &mut self,
        information: &sys::rte_eth_dev_info,
        cuts: bool,
    ) -> Result<(), EalError> {
        self.steering = Offered::of(&self.driver, information);
        let scaled = self.queues > 1 && self.steering.usable();
        let offloads = Offloads::choose(
            information.rx_offload_capa,
            information.tx_offload_capa,
            cuts,
        );
        self.offloads = if scaled {
            offloads
        } else {
            offloads.without_hash()
        };
        let mut configuration = sys::rte_eth_conf::default();
        configuration.rxmode.mtu = u32::from(self.mtu);
        configuration.rxmode.offloads = self.offloads.receive;
        configuration.txmode.offloads = self.offloads.transmit;
        if scaled {
            configuration.rxmode.mq_mode = sys::COREMILL_MULTI_QUEUE_RSS;
            configuration.rx_adv_conf.rss_conf.rss_hf = self.steering.functions;
        }
        let attempt = |configuration: &sys::rte_eth_conf| {
            // SAFETY: the port exists and is stopped; the structure is copied.
            unsafe { sys::rte_eth_dev_configure(self.id, self.queues, self.queues, configuration) }
        };
        let mut result = -1;
        if self.rings.is_none() {
            configuration.intr_conf.set_rxq(1);
            result = attempt(&configuration);
            self.interrupts_configured = result == 0;
        }
        if result != 0 {
            configuration.intr_conf.set_rxq(0);
            result = attempt(&configuration);
        }
        self.check("configuring", result)
    }

    fn set_up_queues(
        &self,
        options: &PortOptions,
        information: &sys::rte_eth_dev_info,
        pool: &Pool,
    ) -> Result<(), EalError> {
        let mut receive = options.receive_descriptors;
        let mut transmit = options.transmit_descriptors;
        // SAFETY: adjusts two numbers of ours to the driver's limits.
        let result = unsafe {
            sys::rte_eth_dev_adjust_nb_rx_tx_desc(self.id, &raw mut receive, &raw mut transmit)
        };
        self.check("fitting descriptors to its limits", result)?;
        let receive_configuration = sys::rte_eth_rxconf {
            offloads: self.offloads.receive,
            ..information.default_rxconf
        };
        let transmit_configuration = sys::rte_eth_txconf {
            offloads: self.offloads.transmit,
            ..information.default_txconf
        };
        // SAFETY: asks for a number.
        let socket = unsafe { sys::rte_eth_dev_socket_id(self.id) }.cast_unsigned();
        for queue in 0..self.queues {
            // SAFETY: the port is configured with this many queues and not started; the
            // structures are copied; the pool outlives the port, which is closed before it.
            let (received, transmitted) = unsafe {
                (
                    sys::rte_eth_rx_queue_setup(
                        self.id,
                        queue,
                        receive,
                        socket,
                        &raw const receive_configuration,
                        pool.as_ptr(),
                    ),
                    sys::rte_eth_tx_queue_setup(
                        self.id,
                        queue,
                        transmit,
                        socket,
                        &raw const transmit_configuration,
                    ),
                )
            };
            self.check("setting up a receive queue", received)?;
            self.check("setting up a transmit queue", transmitted)?;
        }
        Ok(())
    }

    fn set_mtu(&self, mtu: u16, information: &sys::rte_eth_dev_info) -> Result<(), EalError> {
        // A looped-back ring has no link whose MTU could be set: ours is all there is.
        if self.rings.is_some() {
            return Ok(());
        }
        // SAFETY: the port is configured.
        let result = unsafe { sys::rte_eth_dev_set_mtu(self.id, mtu) };
        if result == 0 {
            return Ok(());
        }
        Err(EalError::Mtu {
            port: self.name.clone(),
            mtu,
            min: information.min_mtu,
            max: information.max_mtu,
            reason: error_text(result),
        })
    }

    /// The port's MAC; a locally administered one of ours for a ring, which has none.
    fn read_mac(&self) -> Result<[u8; 6], EalError> {
        let mut address = sys::rte_ether_addr::default();
        // SAFETY: fills a structure of ours.
        let result = unsafe { sys::rte_eth_macaddr_get(self.id, &raw mut address) };
        self.check("reading its MAC address", result)?;
        let [high, low] = self.id.to_be_bytes();
        let none = address.addr_bytes == [0; 6] || self.rings.is_some();
        Ok(if none {
            [0x02, 0x63, 0x6d, 0, high, low]
        } else {
            address.addr_bytes
        })
    }

    /// Its link as of now.
    pub(super) fn link(&self) -> LinkStatus {
        let mut link = sys::coremill_link::default();
        // SAFETY: fills a structure of ours; does not wait.
        let result = unsafe { sys::coremill_link_get(self.id, &raw mut link) };
        // DPDK says "unknown" by the largest number.
        let known = result == 0 && link.speed_mbps != u32::MAX;
        let speed_mbps = if known { link.speed_mbps } else { 0 };
        LinkStatus {
            up: result == 0 && link.up != 0,
            speed_mbps,
        }
    }

    fn check(&self, step: &'static str, result: i32) -> Result<(), EalError> {
        if result >= 0 {
            return Ok(());
        }
        Err(EalError::Port {
            port: self.name.clone(),
            step,
            reason: error_text(result),
        })
    }
}

impl Drop for StartedPort {
    fn drop(&mut self) {
        // SAFETY: no queue of the port is in use: each holds the environment, whose end this is.
        // The calls free what the port's own queues hold; rings are freed after their port.
        unsafe {
            if self.configured {
                sys::rte_eth_dev_stop(self.id);
            }
            if let Some(rings) = &self.rings {
                rings.drain();
            }
            sys::rte_eth_dev_close(self.id);
        }
        if let Some(rings) = &self.rings {
            rings.free();
        }
    }
}

fn probe(options: &PortOptions, arguments: &str) -> Result<(), EalError> {
    let text = CString::new(arguments).map_err(|_| EalError::Argument {
        argument: arguments.to_string(),
    })?;
    // SAFETY: EAL is started; the text is terminated and copied.
    let result = unsafe { sys::rte_dev_probe(text.as_ptr()) };
    if result == 0 {
        return Ok(());
    }
    Err(EalError::Device {
        port: options.name.clone(),
        device: arguments.to_string(),
        reason: error_text(result),
    })
}

fn id_by_name(options: &PortOptions) -> Result<u16, EalError> {
    let name = device_name(&options.device).unwrap_or_default();
    let text = CString::new(name).map_err(|_| EalError::Argument {
        argument: name.to_string(),
    })?;
    let mut id = 0;
    // SAFETY: the name is terminated; writes one number of ours.
    let result = unsafe { sys::rte_eth_dev_get_port_by_name(text.as_ptr(), &raw mut id) };
    if result == 0 {
        return Ok(id);
    }
    Err(EalError::Device {
        port: options.name.clone(),
        device: name.to_string(),
        reason: error_text(result),
    })
}
