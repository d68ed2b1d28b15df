//! `routes`, `route-add`, `route-remove`: every worker has the same routes; the first one shows them.

use coremill_engine::command::Command;
use coremill_engine::options::RouteOptions;
use coremill_engine::snapshot::Route;
use coremill_protocol::{Answer, ErrorBody, ErrorKind, Network, Reply, RouteChange, RouteView};

use super::mismatch;
use crate::inquiry::{Step, Task};
use crate::stack::Stack;

/// Shows routes.
pub struct List {
    ports: Vec<String>,
}

/// Adds a route on every worker.
pub struct Add {
    options: RouteOptions,
    due: usize,
}

/// Removes a route from every worker, if it is there.
pub struct Remove {
    network: Network,
    workers: usize,
    due: usize,
}

impl List {
    /// Names ports as `stack` does.
    pub fn new(stack: &Stack) -> Self {
        Self {
            ports: stack.ports.iter().map(|port| port.name.clone()).collect(),
        }
    }
}

impl Task for List {
    fn start(&mut self, _workers: usize) -> Vec<(usize, Command)> {
        vec![look()]
    }

    fn take(&mut self, _worker: usize, answer: Command) -> Step {
        let Command::Routes { rows } = answer else {
            return Step::Done(mismatch());
        };
        let routes = rows.iter().map(|row| view(row, &self.ports)).collect();
        Step::Done(Reply::Routes { routes }.into())
    }
}

impl Add {
    /// Will add this one.
    pub fn new(options: RouteOptions) -> Self {
        Self { options, due: 0 }
    }
}

impl Task for Add {
    fn start(&mut self, workers: usize) -> Vec<(usize, Command)> {
        self.due = workers;
        (0..workers)
            .map(|worker| (worker, Command::AddRoute(self.options.clone())))
            .collect()
    }

    fn take(&mut self, _worker: usize, answer: Command) -> Step {
        let Command::Routes { rows } = answer else {
            self.due = self.due.saturating_sub(1);
            // A worker does not say whether its table took the route: look.
            return if self.due > 0 {
                Step::Wait
            } else {
                Step::Ask(vec![look()])
            };
        };
        let network = Network {
            address: self.options.network,
            prefix_length: self.options.prefix_length,
        };
        let gateway = self.options.gateway;
        if rows
            .iter()
            .any(|row| leads_to(row, network) && row.gateway == gateway)
        {
            return Step::Done(Reply::RouteAdd {}.into());
        }
        let message = format!(
            "route to {network} was not taken: the table is full, or the port has no address of its family"
        );
        Step::Done(Answer::error(ErrorKind::Invalid, message))
    }
}

impl Remove {
    /// Will remove the route to this network.
    pub fn new(network: Network) -> Self {
        Self {
            network,
            workers: 0,
            due: 0,
        }
    }
}

impl Task for Remove {
    fn start(&mut self, workers: usize) -> Vec<(usize, Command)> {
        self.workers = workers;
        vec![look()]
    }

    fn take(&mut self, _worker: usize, answer: Command) -> Step {
        let Command::Routes { rows } = answer else {
            self.due = self.due.saturating_sub(1);
            return if self.due > 0 {
                Step::Wait
            } else {
                Step::Done(Reply::RouteRemove {}.into())
            };
        };
        let found = rows.iter().find(|row| leads_to(row, self.network));
        let Some(row) = found else {
            let message = format!(
                "no route to {}; `coremill routes` lists those there are",
                self.network
            );
            return Step::Done(Answer::error(ErrorKind::Invalid, message));
        };
        let options = RouteOptions {
            network: row.network,
            prefix_length: row.prefix_length,
            gateway: row.gateway,
            port: row.port,
            source: Some(row.source),
            local_through_port: row.local_through_port,
        };
        self.due = self.workers;
        Step::Ask(
            (0..self.workers)
                .map(|worker| (worker, Command::RemoveRoute(options.clone())))
                .collect(),
        )
    }
}

/// The route that `change` describes, with its port found and everything checked.
pub fn options(change: &RouteChange, stack: &Stack) -> Result<RouteOptions, ErrorBody> {
    let invalid = |message: String| ErrorBody::new(ErrorKind::Invalid, message);
    let network = change.network;
    if !is_base(network) {
        return Err(invalid(format!(
            "network {network} has a host part; write its first address"
        )));
    }
    if let Some(gateway) = change.gateway
        && gateway.is_ipv4() != network.address.is_ipv4()
    {
        return Err(invalid(format!(
            "gateway {gateway} is not of the family of {network}"
        )));
    }
    if let Some(source) = change.source
        && !stack.networks().any(|(_, own)| own.address == source)
    {
        return Err(invalid(format!(
            "source {source} is not an own address; `coremill ports` lists them"
        )));
    }
    let on_link = |gateway| {
        stack
            .networks()
            .find(|(_, own)| contains(*own, gateway))
            .map(|(port, _)| port)
    };
    let port = match (&change.port, change.gateway) {
        (Some(name), _) => {
            let port = stack.ports.iter().position(|port| port.name == *name);
            port.ok_or_else(|| invalid(format!("no port {name}; `coremill ports` lists them")))?
        }
        (None, Some(gateway)) => on_link(gateway)
            .ok_or_else(|| invalid(format!("gateway {gateway} is in no port's network")))?,
        (None, None) if stack.ports.len() == 1 => 0,
        (None, None) => return Err(invalid("name the port: there are several".into())),
    };
    if let Some(gateway) = change.gateway
        && !stack
            .networks()
            .any(|(index, own)| index == port && contains(own, gateway))
    {
        return Err(invalid(format!(
            "gateway {gateway} is not on the link of port {}",
            stack.port_name(port)
        )));
    }
    Ok(RouteOptions {
        network: network.address,
        prefix_length: network.prefix_length,
        gateway: change.gateway,
        port,
        source: change.source,
        local_through_port: change.local_through_port,
    })
}

fn leads_to(row: &Route, network: Network) -> bool {
    row.network == network.address && row.prefix_length == network.prefix_length
}

fn look() -> (usize, Command) {
    (
        0,
        Command::Routes {
            rows: Vec::with_capacity(ROWS_MAX),
        },
    )
}

fn view(row: &Route, ports: &[String]) -> RouteView {
    RouteView {
        network: Network {
            address: row.network,
            prefix_length: row.prefix_length,
        },
        gateway: row.gateway,
        port: ports
            .get(row.port)
            .cloned()
            .unwrap_or_else(|| row.port.to_string()),
        source: row.source,
        local_through_port: row.local_through_port,
    }
}

fn contains(network: Network, address: std::net::IpAddr) -> bool {
    as_config(network).contains(address)
}

fn is_base(network: Network) -> bool {
    as_config(network).base() == network.address
}

fn as_config(network: Network) -> coremill_config::Network {
    coremill_config::Network {
        address: network.address,
        prefix_length: network.prefix_length,
    }
}

/// Routes shown at most.
const ROWS_MAX: usize = 4_096;
