//! Routes by DPDK's forwarding table: IPv4 through rte_fib, IPv6 through a plain table beside it.
//! A small table is a tree; a large one is DIR-24-8, two memory accesses whatever it holds. The
//! default route stays outside: in 22.11, removing it from a DIR-24-8 table spoils other routes.

use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use coremill_dpdk_sys as sys;

use super::error::last_error_text;
use super::{Eal, EalError};
use crate::routes::{PlainRoutes, Route, RouteError, Routes, masked};

/// A table of routes used by one worker.
pub struct FibRoutes {
    fib: NonNull<sys::rte_fib>,
    /// IPv4 routes; a slot's index is the table's next hop.
    slots: Vec<Option<Route>>,
    free: Vec<usize>,
    /// Slot of the default route.
    default: Option<usize>,
    /// Slots in use, longest prefix first.
    order: Vec<usize>,
    ipv6: PlainRoutes,
    generation: u32,
    /// EAL must outlive the table.
    _eal: Eal,
}

// SAFETY: the table belongs to no thread; it is used through self only, and changed through
// `&mut self` only.
unsafe impl Send for FibRoutes {}

impl FibRoutes {
    /// An empty table with room for `routes_max` IPv4 routes and as many IPv6 ones (at least one,
    /// at most a million).
    ///
    /// # Errors
    /// [`EalError::RouteTable`] when DPDK has no memory for it.
    pub fn new(eal: &Eal, routes_max: usize) -> Result<Self, EalError> {
        let routes_max = routes_max.clamp(1, ROUTES_MAX);
        let fib = if routes_max > TREE_MAX {
            create(routes_max, true)
        } else {
            None
        };
        // A tree needs memory by its routes only.
        let Some(fib) = fib.or_else(|| create(routes_max, false)) else {
            return Err(EalError::RouteTable {
                routes_max,
                reason: last_error_text(),
            });
        };
        Ok(Self {
            fib,
            slots: vec![None; routes_max],
            free: (0..routes_max).rev().collect(),
            default: None,
            order: Vec::with_capacity(routes_max),
            ipv6: PlainRoutes::new(routes_max),
            generation: 0,
            _eal: eal.clone(),
        })
    }

    fn slot(&self, index: usize) -> Option<&Route> {
        self.slots.get(index)?.as_ref()
    }

    /// Where the route to `network` stands in `order`.
    fn position(&self, network: IpAddr, prefix_length: u8) -> Option<usize> {
        self.order.iter().position(|&index| {
            self.slot(index).is_some_and(|route| {
                route.network == network && route.prefix_length == prefix_length
            })
        })
    }

    /// Enters `route` under its slot's index.
    fn enter(&mut self, route: &Route, index: usize) -> Result<(), RouteError> {
        let IpAddr::V4(network) = route.network else {
            return Err(RouteError::MixedFamilies);
        };
        if route.prefix_length == 0 {
            self.default = Some(index);
            return Ok(());
        }
        // SAFETY: the table is live and used by nobody else.
        let result = unsafe {
            sys::rte_fib_add(
                self.fib.as_ptr(),
                network.to_bits(),
                route.prefix_length,
                index as u64,
            )
        };
        if result == 0 {
            Ok(())
        } else {
            Err(RouteError::Full(self.order.len()))
        }
    }

    /// Takes out the route to a network that is there.
    fn take_out(&mut self, network: Ipv4Addr, prefix_length: u8) -> Result<(), RouteError> {
        if prefix_length == 0 {
            self.default = None;
            return Ok(());
        }
        // SAFETY: the table is live and used by nobody else.
        let result =
            unsafe { sys::rte_fib_delete(self.fib.as_ptr(), network.to_bits(), prefix_length) };
        if result == 0 {
            Ok(())
        } else {
            Err(RouteError::NotFound)
        }
    }
}

impl Routes for FibRoutes {
    #[inline]
    fn lookup(&self, destination: IpAddr) -> Option<Route> {
        let IpAddr::V4(destination) = destination else {
            return self.ipv6.lookup(destination);
        };
        let mut address = destination.to_bits();
        let mut next_hop = NO_ROUTE;
        // SAFETY: the table is live and not being changed, as that takes `&mut self`; one address
        // is read and one number written, both ours.
        unsafe {
            sys::rte_fib_lookup_bulk(self.fib.as_ptr(), &raw mut address, &raw mut next_hop, 1)
        };
        let found = usize::try_from(next_hop)
            .ok()
            .and_then(|index| self.slot(index));
        found.or_else(|| self.slot(self.default?)).copied()
    }

    fn add(&mut self, mut route: Route) -> Result<(), RouteError> {
        let too_long = RouteError::PrefixTooLong(route.prefix_length);
        route.network = masked(route.network, route.prefix_length).ok_or(too_long)?;
        if route.network.is_ipv6() {
            self.ipv6.add(route)?;
            self.generation = self.generation.wrapping_add(1);
            return Ok(());
        }
        if route.source.is_ipv6() || route.gateway.is_some_and(|via| via.is_ipv6()) {
            return Err(RouteError::MixedFamilies);
        }
        if let Some(position) = self.position(route.network, route.prefix_length) {
            let index = self.order[position];
            self.slots[index] = Some(route);
        } else {
            let full = RouteError::Full(self.slots.len());
            let index = *self.free.last().ok_or(full)?;
            self.enter(&route, index)?;
            self.free.pop();
            let longer = |&other: &usize| {
                self.slot(other)
                    .is_some_and(|other| other.prefix_length >= route.prefix_length)
            };
            let place = self.order.partition_point(longer);
            self.order.insert(place, index);
            self.slots[index] = Some(route);
        }
        self.generation = self.generation.wrapping_add(1);
        Ok(())
    }

    fn remove(&mut self, network: IpAddr, prefix_length: u8) -> Result<(), RouteError> {
        let too_long = RouteError::PrefixTooLong(prefix_length);
        let network = masked(network, prefix_length).ok_or(too_long)?;
        if let IpAddr::V4(address) = network {
            let position = self
                .position(network, prefix_length)
                .ok_or(RouteError::NotFound)?;
            self.take_out(address, prefix_length)?;
            let index = self.order.remove(position);
            self.slots[index] = None;
            self.free.push(index);
        } else {
            self.ipv6.remove(network, prefix_length)?;
        }
        self.generation = self.generation.wrapping_add(1);
        Ok(())
    }

    /// IPv4 first.
    fn rows(&self, visit: &mut dyn FnMut(Route)) {
        self.order
            .iter()
            .filter_map(|&index| self.slot(index))
            .for_each(|route| visit(*route));
        self.ipv6.rows(visit);
    }

    fn generation(&self) -> u32 {
        self.generation
    }
}

impl Drop for FibRoutes {
    fn drop(&mut self) {
        // SAFETY: the table is live, and self was its only user.
        unsafe { sys::rte_fib_free(self.fib.as_ptr()) };
    }
}

/// An empty table of DPDK's; None when there is no memory.
fn create(routes_max: usize, direct: bool) -> Option<NonNull<sys::rte_fib>> {
    // Names are DPDK-wide, and each worker has a table.
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = CString::new(format!("coremill_{number}")).ok()?;
    let mut configuration = sys::rte_fib_conf {
        type_: if direct {
            sys::RTE_FIB_DIR24_8
        } else {
            sys::RTE_FIB_DUMMY
        },
        default_nh: NO_ROUTE,
        max_routes: i32::try_from(routes_max).ok()?,
        ..Default::default()
    };
    configuration.__bindgen_anon_1.dir24_8 = sys::rte_fib_conf__bindgen_ty_1__bindgen_ty_1 {
        nh_sz: sys::RTE_FIB_DIR24_8_4B,
        // Prefixes longer than 24 need a group of their own each, at worst.
        num_tbl8: u32::try_from(routes_max).ok()?.min(TABLE8_MAX),
    };
    // SAFETY: EAL is started; name and configuration are copied.
    NonNull::new(unsafe { sys::rte_fib_create(name.as_ptr(), SOCKET_ANY, &raw mut configuration) })
}

/// Beyond every slot, and within what four bytes of DIR-24-8 hold.
const NO_ROUTE: u64 = (1 << 31) - 1;
const ROUTES_MAX: usize = 1_000_000;
/// DIR-24-8 takes 64 MiB whatever it holds: for a few routes a tree is as fast and small.
const TREE_MAX: usize = 1_024;
/// A kilobyte each.
const TABLE8_MAX: u32 = 65_536;
const SOCKET_ANY: i32 = -1;
