//! Where Emma listens and under which address people reach her.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use anyhow::Context as _;
use tokio::net::TcpListener;

use crate::config::{Config, Tls};
use crate::shared::clock::{Clock as _, SystemClock};
use crate::shared::http::entrance::Entrance;
use crate::shared::http::entrance::certificate::Certificate;
use crate::shared::media::sockets::local_addresses;

/// The open port and its addresses.
pub struct Opened {
    pub entrance: Entrance,
    /// Base of the links that are handed out.
    pub base_url: String,
    /// Base on this machine itself, where it is another one.
    pub local_url: Option<String>,
    /// Whether the certificate is one that browsers warn about.
    pub own_certificate: bool,
}

/// Listens as configured.
///
/// # Errors
/// When the port is taken or the certificate cannot be used.
pub async fn open(config: &Config) -> anyhow::Result<Opened> {
    let server = &config.server;
    let address = SocketAddr::new(server.bind, server.port);
    let advice = "choose another with --port, or stop what uses it";
    let socket = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: {advice}"))?;
    let bound = socket.local_addr()?;
    let (certificate, own_certificate) = match (&server.tls_cert, &server.tls_key) {
        (Some(certificate), Some(key)) if server.tls != Tls::Off => (
            Some(Certificate::given(certificate, key).context("server.tls_cert, server.tls_key")?),
            false,
        ),
        _ if wants_own(config) => {
            let dir = server.data_dir.join("tls");
            (
                Some(Certificate::own(&dir, &names(config), SystemClock.now().date_naive())?),
                true,
            )
        }
        _ => (None, false),
    };
    let base_url = base_url(config, bound, certificate.is_some());
    let local_url = bound
        .ip()
        .is_unspecified()
        .then(|| format!("http://127.0.0.1:{}", bound.port()))
        .filter(|local| *local != base_url);
    Ok(Opened {
        entrance: Entrance::open(socket, certificate.map(|own| own.config)),
        base_url,
        local_url,
        own_certificate,
    })
}

/// Where others can reach this server and no proxy stands before it, as one that says its public address has.
fn wants_own(config: &Config) -> bool {
    let server = &config.server;
    match server.tls {
        Tls::Off => false,
        Tls::On => true,
        Tls::Auto => !server.bind.is_loopback() && server.public_url.is_none(),
    }
}

fn base_url(config: &Config, bound: SocketAddr, tls: bool) -> String {
    if let Some(url) = &config.server.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let host = match bound.ip() {
        ip if !ip.is_unspecified() => ip,
        // Without a certificate nobody else could use the microphone.
        _ if !tls => IpAddr::from([127, 0, 0, 1]),
        _ => config.media.advertised_ip.unwrap_or_else(network_address),
    };
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{}", SocketAddr::new(host, bound.port()))
}

/// The address of this machine on its network: the one that packets to elsewhere leave from, else any it has.
fn network_address() -> IpAddr {
    // Connecting a datagram socket sends nothing. The address is one of those for documentation (RFC 5737).
    let leaving = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    match leaving {
        Ok(from) if !from.ip().is_unspecified() => from.ip(),
        _ => local_addresses()
            .first()
            .copied()
            .unwrap_or(IpAddr::from([127, 0, 0, 1])),
    }
}

/// All names and addresses this machine may be called by.
fn names(config: &Config) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "::1".to_owned()];
    if let Ok(host) = std::fs::read_to_string("/proc/sys/kernel/hostname") {
        let host = host.trim().to_ascii_lowercase();
        if !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        {
            // As it is called by the other machines of a home or office.
            names.push(format!("{}.local", host.trim_end_matches(".local")));
            names.push(host);
        }
    }
    names.extend(local_addresses().iter().map(IpAddr::to_string));
    names.extend(config.media.advertised_ip.map(|ip| ip.to_string()));
    if !config.server.bind.is_unspecified() {
        names.push(config.server.bind.to_string());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: impl FnOnce(&mut Config)) -> Config {
        let mut config = Config::default();
        change(&mut config);
        config
    }

    // spec: OPS-3
    #[test]
    fn only_a_server_that_others_reach_directly_makes_a_certificate() {
        assert!(!wants_own(&Config::default()));
        let network = |config: &mut Config| config.server.bind = IpAddr::from([0, 0, 0, 0]);
        assert!(wants_own(&config(network)));
        assert!(!wants_own(&config(|config| {
            network(config);
            config.server.public_url = Some("https://emma.example.com".to_owned());
        })));
        assert!(!wants_own(&config(|config| {
            network(config);
            config.server.tls = Tls::Off;
        })));
        assert!(wants_own(&config(|config| config.server.tls = Tls::On)));
    }

    // spec: OPS-3
    #[test]
    fn links_name_an_address_that_works_where_they_are_opened() {
        let any = SocketAddr::from(([0, 0, 0, 0], 8080));
        let advertised = config(|config| config.media.advertised_ip = Some(IpAddr::from([192, 168, 1, 5])));
        assert_eq!(base_url(&advertised, any, true), "https://192.168.1.5:8080");
        assert_eq!(base_url(&advertised, any, false), "http://127.0.0.1:8080");
        let here = SocketAddr::from(([127, 0, 0, 1], 8080));
        assert_eq!(base_url(&Config::default(), here, false), "http://127.0.0.1:8080");
        let six = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 8080));
        assert_eq!(base_url(&Config::default(), six, false), "http://[::1]:8080");
        let public = config(|config| config.server.public_url = Some("https://emma.example.com/".to_owned()));
        assert_eq!(base_url(&public, any, false), "https://emma.example.com");
    }
}
