//! `emma serve`: serves interviews until it is told to stop.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::bootstrap::{self, Emma};
use crate::cli::print;
use crate::config::{Config, Tls};
use crate::router;

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
    let drain = Duration::from_secs(config.server.drain_s);
    let stop = CancellationToken::new();
    let signals = tokio::spawn(stop_on_signal(stop.clone()));
    // Models are opened on the way: on a task of its own, so that a signal is heard meanwhile.
    let emma = tokio::spawn(bootstrap::build(config)).await??;
    if stop.is_cancelled() {
        info!("stopped while starting");
        emma.abandon().await;
        return Ok(ExitCode::SUCCESS);
    }
    announce(&emma);
    emma.serve(stop, drain).await;
    signals.abort();
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// What a person needs to begin: the links, each on a line of its own.
fn announce(emma: &Emma) {
    let mut lines = vec![format!("Emma listens on {}", emma.base_url)];
    if let Some(demo) = &emma.demo {
        lines.push(format!("Interview link: {}/i/{}", emma.base_url, demo.token));
        if let Some(local) = &emma.local_url {
            lines.push(format!("  on this machine: {local}/i/{}", demo.token));
        }
    }
    let recruiter = emma.recruiter.expose();
    lines.push(format!("Results: {}/results#token={recruiter}", emma.base_url));
    if let Some(local) = &emma.local_url {
        lines.push(format!("  on this machine: {local}/results#token={recruiter}"));
    }
    lines.push(format!("Recruiter token: {recruiter}"));
    if emma.own_certificate {
        lines.push(OWN_CERTIFICATE.to_owned());
    }
    print(&lines.join("\n"));
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
