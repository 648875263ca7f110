//! `emma serve`: serves interviews until it is told to stop.

use std::io::{IsTerminal as _, stdout};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::bootstrap;
use crate::cli::print;
use crate::config::{Config, Tls};
use crate::router;
use crate::shared::http::auth::RecruiterToken;

/// Said where browsers do not know the certificate.
const OWN_CERTIFICATE: &str = "The certificate is one this server made for itself: each browser warns once; choose \
    \"Advanced\", then to continue. `--tls-cert` and `--tls-key` take one that browsers know.";

/// How to serve. What is given here wins over file and environment.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on; 0.0.0.0 serves the local network too [default: 127.0.0.1] [env: `EMMA_BIND`]
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<IpAddr>,
    /// TCP port for pages and API; 0 takes a free one [default: 8080] [env: `EMMA_PORT`]
    #[arg(long)]
    port: Option<u16>,
    /// Directory for database and caches [default: data] [env: `EMMA_DATA_DIR`]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Base of the links that are printed, e.g. `https://emma.example.com` [env: `EMMA_PUBLIC_URL`]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// HTTPS on the same port: auto makes a certificate where others reach this machine directly [default: auto] [env: `EMMA_TLS`]
    #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    tls: Option<Tls>,
    /// Certificate and its chain, PEM, instead of a self-made one [env: `EMMA_TLS_CERT`]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of the certificate, PEM [env: `EMMA_TLS_KEY`]
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Address candidates reach this machine at, behind NAT or in a container [env: `EMMA_ADVERTISED_IP`]
    #[arg(long, value_name = "ADDRESS")]
    advertised_ip: Option<IpAddr>,
    /// UDP ports for audio, e.g. 40000-40100 [env: `EMMA_UDP_PORT_MIN`, `EMMA_UDP_PORT_MAX`]
    #[arg(long, value_name = "MIN-MAX", value_parser = port_range)]
    udp_ports: Option<(u16, u16)>,
    /// Offer a demo interview and print its link [env: `EMMA_DEMO`]
    #[arg(long)]
    demo: bool,
}

fn port_range(text: &str) -> Result<(u16, u16), String> {
    let (min, max) = text.split_once('-').ok_or("write it as MIN-MAX")?;
    let port = |p: &str| p.trim().parse::<u16>().map_err(|e| format!("{p}: {e}"));
    Ok((port(min)?, port(max)?))
}

impl ServeArgs {
    /// Puts what was given on the command line into the configuration.
    pub fn apply(self, config: &mut Config) {
        let server = &mut config.server;
        server.bind = self.bind.unwrap_or(server.bind);
        server.port = self.port.unwrap_or(server.port);
        server.data_dir = self.data_dir.unwrap_or_else(|| server.data_dir.clone());
        server.public_url = self.public_url.or_else(|| server.public_url.take());
        server.tls = self.tls.unwrap_or(server.tls);
        server.tls_cert = self.tls_cert.or_else(|| server.tls_cert.take());
        server.tls_key = self.tls_key.or_else(|| server.tls_key.take());
        server.demo |= self.demo;
        config.media.advertised_ip = self.advertised_ip.or(config.media.advertised_ip);
        if let Some((min, max)) = self.udp_ports {
            (config.media.udp_port_min, config.media.udp_port_max) = (min, max);
        }
    }
}

/// Serves until SIGTERM or Ctrl-C, then lets running calls end. A second signal stops at once.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let server = &config.server;
    let drain = Duration::from_secs(server.drain_s);
    let (given, demo, data_dir) = (server.recruiter_token.is_some(), server.demo, server.data_dir.clone());
    let stop = CancellationToken::new();
    let signals = tokio::spawn(stop_on_signal(stop.clone()));
    // Models are opened on the way: on a task of its own, so that a signal is heard meanwhile.
    let emma = tokio::spawn(bootstrap::build(config)).await??;
    if stop.is_cancelled() {
        info!("stopped while starting");
        emma.abandon().await;
        return Ok(ExitCode::SUCCESS);
    }
    let greeting = Greeting {
        base_url: &emma.base_url,
        local_url: emma.local_url.as_deref(),
        demo: emma.demo.as_ref().map(|demo| demo.token.as_str()),
        // Whoever tries the demo, or starts it by hand, is who it is for.
        key: key(given, demo || stdout().is_terminal(), &emma.recruiter, &data_dir),
        own_certificate: emma.own_certificate,
    };
    print(&greeting.text());
    emma.serve(stop, drain).await;
    signals.abort();
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Where a person gets the token of the recruiter's side from.
#[derive(Debug, PartialEq, Eq)]
enum Key<'a> {
    /// Somebody chose it and knows it: it is not repeated.
    Given,
    /// Emma made it and somebody reads along.
    Shown(&'a str),
    /// Emma made it, and what is printed may end in a log.
    Kept(PathBuf),
}

/// What a person needs to begin: the links, each on a line of its own.
struct Greeting<'a> {
    base_url: &'a str,
    local_url: Option<&'a str>,
    /// The token of the demo's link.
    demo: Option<&'a str>,
    key: Key<'a>,
    own_certificate: bool,
}

impl Greeting<'_> {
    fn text(&self) -> String {
        let mut lines = vec![format!("Emma listens on {}", self.base_url)];
        let mut link = |what: &str, path: &str| {
            lines.push(format!("{what}: {}{path}", self.base_url));
            lines.extend(self.local_url.map(|local| format!("  on this machine: {local}{path}")));
        };
        if let Some(token) = self.demo {
            link("Interview link", &format!("/i/{token}"));
        }
        match &self.key {
            Key::Shown(token) => {
                link("Results", &format!("/results#token={token}"));
                lines.push(format!("Recruiter token: {token}"));
            }
            Key::Given => {
                link("Results", "/results");
                lines.push(
                    "The recruiter token is the one of the configuration (EMMA_RECRUITER_TOKEN or \
                     server.recruiter_token)."
                        .to_owned(),
                );
            }
            Key::Kept(file) => {
                link("Results", "/results");
                lines.push(format!("The recruiter token is in {}.", file.display()));
            }
        }
        if self.own_certificate {
            lines.push(OWN_CERTIFICATE.to_owned());
        }
        lines.join("\n")
    }
}

/// Where the recruiter's token is told from.
fn key<'a>(given: bool, watched: bool, token: &'a RecruiterToken, data_dir: &Path) -> Key<'a> {
    match (given, watched) {
        (true, _) => Key::Given,
        (false, true) => Key::Shown(token.expose()),
        (false, false) => Key::Kept(RecruiterToken::file(data_dir)),
    }
}

async fn stop_on_signal(stop: CancellationToken) {
    let mut times = 0;
    while wait_for_signal().await {
        times += 1;
        if times == 1 {
            info!("asked to stop; running calls may end, a second signal stops at once");
            stop.cancel();
        } else {
            warn!("stopped at once; running calls go on when the server is back");
            std::process::exit(1);
        }
    }
}

/// False where signals cannot be listened to.
async fn wait_for_signal() -> bool {
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        return tokio::signal::ctrl_c().await.is_ok();
    };
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped.is_ok(),
        asked = terminate.recv() => asked.is_some(),
    }
}

/// `emma openapi`.
pub fn print_openapi() -> anyhow::Result<ExitCode> {
    print(&router::openapi().to_pretty_json()?);
    Ok(ExitCode::SUCCESS)
}

/// `emma migrate`.
pub async fn migrate(config: &Config) -> anyhow::Result<ExitCode> {
    let file = bootstrap::database_file(config)?;
    bootstrap::open_database(&file).await?.close().await;
    print(&format!("{} is up to date", file.display()));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(key: Key<'_>) -> String {
        Greeting {
            base_url: "https://emma.example.com",
            local_url: Some("http://127.0.0.1:8080"),
            demo: None,
            key,
            own_certificate: false,
        }
        .text()
    }

    // spec: OPS-3
    #[test]
    fn a_token_that_was_given_is_not_printed_and_an_own_one_only_where_somebody_reads_along() {
        let token = RecruiterToken::given("hunter2".to_owned().into());
        let dir = Path::new("/srv/emma");
        for watched in [true, false] {
            let text = said(key(true, watched, &token, dir));
            assert!(!text.contains("hunter2"), "{text}");
            assert!(text.contains("Results: https://emma.example.com/results\n"), "{text}");
            assert!(text.contains("EMMA_RECRUITER_TOKEN"), "{text}");
        }
        let text = said(key(false, false, &token, dir));
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("/srv/emma/recruiter.token"), "{text}");
        let text = said(key(false, true, &token, dir));
        assert!(
            text.contains("Results: https://emma.example.com/results#token=hunter2\n"),
            "{text}"
        );
        assert!(
            text.contains("on this machine: http://127.0.0.1:8080/results#token=hunter2\n"),
            "{text}"
        );
        assert!(text.ends_with("Recruiter token: hunter2"), "{text}");
    }
}
