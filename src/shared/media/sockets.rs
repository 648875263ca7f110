//! Where a connection listens: the machine's addresses and a pool of UDP ports.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use rtc::shared::ifaces::ifaces;

/// More host candidates than this only delay the connection.
const MAX_ADDRESSES: usize = 8;

/// The addresses of this machine a peer could reach, 127.0.0.1 among them: a browser on the same machine may have no
/// other. IPv4 first. Link-local addresses need a zone no candidate can carry, and are left out.
pub fn local_addresses() -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = ifaces()
        .unwrap_or_default()
        .into_iter()
        .filter_map(|interface| interface.addr.map(|address| address.ip()))
        .filter(|ip| match ip {
            IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
            IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unspecified(),
        })
        .collect();
    found.sort_by_key(IpAddr::is_ipv6);
    found.dedup();
    found.truncate(MAX_ADDRESSES - 1);
    found.push(IpAddr::from([127, 0, 0, 1]));
    found
}

/// The UDP ports connections may use; one port, on every address, for each connection.
#[derive(Clone)]
pub struct UdpPorts {
    range: Option<RangeInclusive<u16>>,
    taken: Arc<Mutex<BTreeSet<u16>>>,
}

/// Every port of the range is in use, by this process or another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no free UDP port is left")]
pub struct PortsExhausted;

impl UdpPorts {
    /// Ports the operating system chooses.
    pub fn any() -> Self {
        Self {
            range: None,
            taken: Arc::default(),
        }
    }

    /// Only these ports, e.g. those a firewall or container lets through.
    pub fn within(range: RangeInclusive<u16>) -> Self {
        Self {
            range: Some(range),
            taken: Arc::default(),
        }
    }

    /// Takes a port that is free on all `addresses`.
    ///
    /// # Errors
    /// When none is.
    pub fn lease(&self, addresses: &[IpAddr]) -> Result<PortLease, PortsExhausted> {
        let Some(range) = &self.range else {
            return Ok(PortLease {
                port: 0,
                taken: Arc::clone(&self.taken),
            });
        };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let free = |port: &u16| {
            !taken.contains(port)
                && addresses
                    .iter()
                    .all(|address| UdpSocket::bind(SocketAddr::new(*address, *port)).is_ok())
        };
        let Some(port) = range.clone().find(free) else {
            tracing::warn!(?range, ?addresses, "no UDP port is free on all addresses");
            return Err(PortsExhausted);
        };
        taken.insert(port);
        Ok(PortLease {
            port,
            taken: Arc::clone(&self.taken),
        })
    }
}

/// A port one connection uses; dropping it gives the port back.
pub struct PortLease {
    /// 0 where the operating system chooses.
    pub port: u16,
    taken: Arc<Mutex<BTreeSet<u16>>>,
}

impl Drop for PortLease {
    fn drop(&mut self) {
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_always_among_the_addresses() {
        let addresses = local_addresses();
        assert!(addresses.contains(&IpAddr::from([127, 0, 0, 1])));
        assert!(addresses.len() <= MAX_ADDRESSES);
    }

    #[test]
    fn a_port_is_leased_once_until_it_comes_back() {
        let loopback = [IpAddr::from([127, 0, 0, 1])];
        let probe = UdpSocket::bind((loopback[0], 0)).unwrap();
        let port = probe.local_addr().unwrap().port();
        let ports = UdpPorts::within(port..=port);
        assert_eq!(
            ports.lease(&loopback).err(),
            Some(PortsExhausted),
            "another socket holds it"
        );
        drop(probe);
        let lease = ports.lease(&loopback).unwrap();
        assert_eq!(lease.port, port);
        assert!(ports.lease(&loopback).is_err());
        drop(lease);
        assert!(ports.lease(&loopback).is_ok());
    }
}
