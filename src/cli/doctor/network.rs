//! The network: the port for pages, the ports for audio, and the address candidates are told.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;

use super::{Check, TIMEOUT, fail, ok, warn};
use crate::config::Media;

pub(super) async fn port(bind: IpAddr, port: u16) -> Check {
    let address = SocketAddr::new(bind, port);
    match TcpListener::bind(address) {
        Ok(_) => ok("port", format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            if emma_answers(bind, port).await {
                ok("port", format!("Emma is running at {address}"))
            } else {
                fail(
                    "port",
                    format!("{address} is taken"),
                    "choose another with --port or EMMA_PORT",
                )
            }
        }
        Err(error) => fail(
            "port",
            format!("{address}: {error}"),
            "choose another address with --bind or --port",
        ),
    }
}

/// Whether what listens there answers as Emma does.
async fn emma_answers(bind: IpAddr, port: u16) -> bool {
    let host = if bind.is_unspecified() {
        IpAddr::from([127, 0, 0, 1])
    } else {
        bind
    };
    let url = format!("http://{}/api/v1/health", SocketAddr::new(host, port));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Ok(client) = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build() else {
        return false;
    };
    let Ok(answer) = client.get(url).send().await else {
        return false;
    };
    answer
        .json::<serde_json::Value>()
        .await
        .is_ok_and(|health| health.get("status").is_some())
}

pub(super) fn udp_ports(bind: IpAddr, media: &Media) -> Check {
    let (first, last) = (media.udp_port_min, media.udp_port_max);
    if first == 0 {
        return match UdpSocket::bind(SocketAddr::new(bind, 0)) {
            Ok(_) => ok(
                "udp",
                "the system chooses ports for audio; a firewall must let them through",
            ),
            Err(error) => fail("udp", error.to_string(), "check EMMA_BIND"),
        };
    }
    let free = (first..=last)
        .filter(|port| UdpSocket::bind(SocketAddr::new(bind, *port)).is_ok())
        .count();
    let all = usize::from(last.saturating_sub(first)) + 1;
    let found = format!("{free} of {all} ports free in {first}-{last}");
    if free == 0 {
        fail(
            "udp",
            found,
            "choose another range with EMMA_UDP_PORT_MIN and EMMA_UDP_PORT_MAX",
        )
    } else if free < media.max_calls {
        warn(
            "udp",
            found,
            format!("{} calls at once need as many; widen the range", media.max_calls),
        )
    } else {
        ok("udp", found)
    }
}

pub(super) fn advertised(bind: IpAddr, advertised: Option<IpAddr>) -> Check {
    let name = "address";
    match advertised {
        Some(ip) if ip.is_unspecified() || ip.is_multicast() => fail(
            name,
            format!("candidates would be told to send audio to {ip}"),
            "set EMMA_ADVERTISED_IP to the address candidates reach this server at",
        ),
        Some(ip) if ip.is_loopback() && !bind.is_loopback() => warn(
            name,
            format!("candidates are told to send audio to {ip}"),
            "only this machine can; set EMMA_ADVERTISED_IP to an address others reach",
        ),
        Some(ip) => ok(name, format!("candidates send audio to {ip}")),
        None if bind.is_loopback() => ok(
            name,
            format!("{bind}: calls from this machine only; --bind 0.0.0.0 opens it"),
        ),
        None if Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists() => warn(
            name,
            "inside a container, with an address only its host may reach",
            "set EMMA_ADVERTISED_IP to the host's address and publish the UDP ports",
        ),
        None => match outward_address() {
            Some(ip) => ok(
                name,
                format!("candidates send audio to {ip}; set EMMA_ADVERTISED_IP behind NAT"),
            ),
            None => warn(
                name,
                "this machine has no route outwards",
                "only this machine can call; check the network",
            ),
        },
    }
}

/// The address this machine would send from; connecting a UDP socket sends nothing.
fn outward_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // TEST-NET-1 (RFC 5737): never assigned, routed like any other.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::config::Config;

    const LOCALHOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    // spec: OPS-3
    #[tokio::test]
    async fn a_port_somebody_else_listens_on_is_a_failure_that_names_the_option() {
        let other = TcpListener::bind((LOCALHOST, 0)).unwrap();
        let taken = other.local_addr().unwrap().port();
        // Whoever connects is hung up on, so that nothing waits for an answer.
        std::thread::spawn(move || other.incoming().for_each(drop));

        let check = port(LOCALHOST, taken).await;

        assert_eq!(check.state, State::Fail);
        assert!(check.advice.unwrap().contains("EMMA_PORT"));
        assert_eq!(port(LOCALHOST, 0).await.state, State::Ok);
    }

    #[test]
    fn counts_the_free_ports_of_the_audio_range() {
        let taken = UdpSocket::bind((LOCALHOST, 0)).unwrap();
        let only = taken.local_addr().unwrap().port();
        let mut media = Config::default().media;
        (media.udp_port_min, media.udp_port_max) = (only, only);
        assert_eq!(udp_ports(LOCALHOST, &media).state, State::Fail);
        drop(taken);
        assert_eq!(
            udp_ports(LOCALHOST, &media).state,
            State::Warn,
            "one port for many calls"
        );
        media.max_calls = 1;
        assert_eq!(udp_ports(LOCALHOST, &media).state, State::Ok);
    }

    #[test]
    fn an_address_nobody_can_reach_is_noticed() {
        let any = IpAddr::from([0, 0, 0, 0]);
        assert_eq!(advertised(any, Some(any)).state, State::Fail);
        assert_eq!(advertised(any, Some(LOCALHOST)).state, State::Warn);
        assert_eq!(advertised(any, Some(IpAddr::from([203, 0, 113, 7]))).state, State::Ok);
        assert_eq!(advertised(LOCALHOST, None).state, State::Ok);
    }
}
