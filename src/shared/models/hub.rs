//! Downloads published files by HTTP, going on where an earlier attempt stopped.

use std::path::Path;
use std::time::Duration;

use reqwest::{Client, StatusCode, Url, header};
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt as _;

use super::progress::Progress;

/// An unreachable hub costs this much, once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest pause within a download.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a download did not finish; what has come stays for the next attempt.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error("{0}")]
    Http(String),
    #[error("the server answered {0}")]
    Status(StatusCode),
    #[error("the server sent {found} bytes instead of {expected}")]
    Size { expected: u64, found: u64 },
    #[error(transparent)]
    File(#[from] std::io::Error),
}

impl From<reqwest::Error> for HubError {
    fn from(error: reqwest::Error) -> Self {
        let mut text = error.without_url().to_string();
        text.truncate(text.floor_char_boundary(200));
        Self::Http(text)
    }
}

/// An HTTP client for published files.
pub struct Hub(Client);

impl Hub {
    /// # Errors
    /// When no TLS configuration can be made.
    pub fn new() -> Result<Self, HubError> {
        // Whoever comes first installs it; a second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("emma/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .build()?;
        Ok(Self(client))
    }

    /// Whether the host of this address answers at all.
    pub async fn reaches(&self, url: &str) -> bool {
        let Some(root) = Url::parse(url).ok().and_then(|url| url.join("/").ok()) else {
            return false;
        };
        let answer = self.0.head(root).timeout(CONNECT_TIMEOUT).send().await;
        answer.is_ok_and(|answer| !answer.status().is_server_error())
    }

    /// Fetches `url` into `part`, which must have `expected` bytes in the end.
    ///
    /// # Errors
    /// When the server or the disk fails, or the size is wrong.
    pub async fn download(
        &self,
        url: &str,
        part: &Path,
        expected: u64,
        progress: &mut Progress,
    ) -> Result<(), HubError> {
        let there = match tokio::fs::metadata(part).await {
            Ok(metadata) if metadata.len() <= expected => metadata.len(),
            _ => 0,
        };
        if there == expected {
            return Ok(());
        }
        let mut request = self.0.get(url);
        if there > 0 {
            request = request.header(header::RANGE, format!("bytes={there}-"));
        }
        let mut answer = request.send().await?;
        let (mut file, mut at) = match answer.status() {
            StatusCode::PARTIAL_CONTENT => (OpenOptions::new().append(true).open(part).await?, there),
            // The server knows no ranges, or nothing was there.
            StatusCode::OK => (tokio::fs::File::create(part).await?, 0),
            other => return Err(HubError::Status(other)),
        };
        let name = part.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        progress.begin(&name, expected, at);
        let received = async {
            while let Some(chunk) = answer.chunk().await? {
                file.write_all(&chunk).await?;
                at += chunk.len() as u64;
                progress.at(at);
                if at > expected {
                    break;
                }
            }
            file.flush().await?;
            file.sync_all().await?;
            Ok::<(), HubError>(())
        }
        .await;
        progress.end(received.is_ok() && at == expected);
        received?;
        if at == expected {
            Ok(())
        } else {
            Err(HubError::Size { expected, found: at })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode};
    use axum::response::IntoResponse as _;
    use axum::routing::get;

    use super::*;
    use crate::shared::models::progress::Style;

    const CONTENTS: &[u8] = b"weights weights weights";

    type Ranges = Arc<Mutex<Vec<Option<String>>>>;

    /// Serves [`CONTENTS`] by range and writes down the ranges asked for.
    async fn server(ranges: Ranges) -> String {
        let serve = async |State(ranges): State<Ranges>, headers: HeaderMap| {
            let range = headers
                .get("range")
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned);
            let from = range
                .as_deref()
                .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
            ranges.lock().unwrap().push(range);
            match from {
                Some(from) => (StatusCode::PARTIAL_CONTENT, &CONTENTS[from..]).into_response(),
                None => CONTENTS.into_response(),
            }
        };
        let app = Router::new().route("/file", get(serve)).with_state(ranges);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}/file")
    }

    #[tokio::test]
    async fn goes_on_where_an_earlier_download_stopped() {
        let ranges = Ranges::default();
        let url = server(ranges.clone()).await;
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("w.bin.part");
        std::fs::write(&part, &CONTENTS[..8]).unwrap();
        let hub = Hub::new().unwrap();
        assert!(hub.reaches(&url).await);

        let mut progress = Progress::new(Style::Silent);
        hub.download(&url, &part, CONTENTS.len() as u64, &mut progress)
            .await
            .unwrap();

        assert_eq!(std::fs::read(&part).unwrap(), CONTENTS);
        assert_eq!(*ranges.lock().unwrap(), [Some("bytes=8-".to_owned())]);
    }

    #[tokio::test]
    async fn a_file_that_is_all_there_is_not_fetched_again() {
        let ranges = Ranges::default();
        let url = server(ranges.clone()).await;
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("w.bin.part");
        std::fs::write(&part, CONTENTS).unwrap();

        let mut progress = Progress::new(Style::Silent);
        let hub = Hub::new().unwrap();
        hub.download(&url, &part, CONTENTS.len() as u64, &mut progress)
            .await
            .unwrap();

        assert!(ranges.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_file_of_another_size_is_an_error() {
        let url = server(Ranges::default()).await;
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("w.bin.part");
        let mut progress = Progress::new(Style::Silent);
        let error = Hub::new()
            .unwrap()
            .download(&url, &part, 5, &mut progress)
            .await
            .unwrap_err();
        assert!(matches!(error, HubError::Size { expected: 5, .. }), "{error}");
    }

    #[tokio::test]
    async fn a_closed_port_is_not_reached() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(!Hub::new().unwrap().reaches(&format!("http://{address}/x")).await);
    }
}
