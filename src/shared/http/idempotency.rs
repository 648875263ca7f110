//! `Idempotency-Key`: a creating request that is sent again gets the first answer again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::shared::clock::Clock;
use crate::shared::db::{Db, Write, to_ms};
use crate::shared::errors::StoreError;
use crate::shared::http::auth::RecruiterToken;
use crate::shared::http::problem::{Problem, ProblemKind};
use crate::shared::http::protect::answer_panic;
use crate::shared::secrets::sha256_hex;

const KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY_CHARS: usize = 200;
/// Answers are kept this long.
const KEEP: Duration = Duration::from_hours(24);
/// A first request that takes longer is taken for dead, as after a crash of the server.
const BUSY: Duration = Duration::from_mins(1);
/// A request is given up after this, whether its client waits or not: before it is taken for dead.
const RUN_LIMIT: Duration = Duration::from_secs(50);
/// Largest body, bytes; what a route takes is checked there once more.
const MAX_BODY: usize = 6 * 1024 * 1024;

/// Remembers answers. They can hold the secret of a link, so they are sealed with a key that is not in the database.
#[derive(Clone)]
pub struct Idempotency {
    db: Db,
    clock: Arc<dyn Clock>,
    seal: Arc<LessSafeKey>,
    /// Requests under way, also those whose clients have gone.
    running: TaskTracker,
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    content_type: Option<String>,
    location: Option<String>,
    body: Vec<u8>,
}

impl Idempotency {
    /// Keeps answers in `db`, sealed with a key made from the recruiter token.
    ///
    /// # Panics
    /// Never: the digest has the length of the cipher's key.
    pub fn new(db: Db, clock: Arc<dyn Clock>, recruiter: &RecruiterToken) -> Self {
        let digest = Sha256::new()
            .chain_update(b"emma idempotency\0")
            .chain_update(recruiter.expose())
            .finalize();
        let key = UnboundKey::new(&AES_256_GCM, &digest).expect("32 bytes are a key of AES-256");
        Self {
            db,
            clock,
            seal: Arc::new(LessSafeKey::new(key)),
            running: TaskTracker::new(),
        }
    }

    /// Waits for the requests whose clients have gone. For a server that takes no more of them.
    pub async fn settle(&self) {
        self.running.close();
        self.running.wait().await;
    }

    /// Reserves the key for this request; the kept answer when there is one.
    async fn begin(&self, key: &str, request: &str) -> Result<Option<Kept>, Problem> {
        let now = self.clock.now();
        let mut write = self.db.write().await?;
        sqlx::query("DELETE FROM idempotency_keys WHERE created_at < $1")
            .bind(to_ms(now - KEEP))
            .execute(&mut *write)
            .await
            .map_err(StoreError::from)?;
        let found: Option<(String, Option<Vec<u8>>, i64)> =
            sqlx::query_as("SELECT request_hash, response, created_at FROM idempotency_keys WHERE key_hash = $1")
                .bind(key)
                .fetch_optional(&mut *write)
                .await
                .map_err(StoreError::from)?;
        match found {
            Some((hash, ..)) if hash != request => return Err(ProblemKind::IdempotencyKeyReused.into()),
            Some((_, Some(sealed), _)) => return self.open(sealed).map(Some),
            Some((_, None, since)) if since > to_ms(now - BUSY) => return Err(ProblemKind::IdempotencyBusy.into()),
            _ => {}
        }
        sqlx::query(
            "INSERT INTO idempotency_keys (key_hash, request_hash, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (key_hash) DO UPDATE SET created_at = excluded.created_at",
        )
        .bind(key)
        .bind(request)
        .bind(to_ms(now))
        .execute(&mut *write)
        .await
        .map_err(StoreError::from)?;
        write.commit().await.map_err(StoreError::from)?;
        Ok(None)
    }

    /// Keeps the answer, or frees the key when there is none to keep.
    async fn end(&self, key: &str, answer: Option<&Kept>) -> Result<(), StoreError> {
        let mut write = self.db.write().await?;
        match answer {
            Some(kept) => sqlx::query("UPDATE idempotency_keys SET response = $2 WHERE key_hash = $1")
                .bind(key)
                .bind(self.seal(kept)),
            None => sqlx::query("DELETE FROM idempotency_keys WHERE key_hash = $1 AND response IS NULL").bind(key),
        }
        .execute(&mut *write)
        .await?;
        Ok(write.commit().await?)
    }

    /// Deletes, in the caller's transaction, the kept answers in which one of these ids stands.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn erase(&self, write: &mut Write, ids: &[&str]) -> Result<(), StoreError> {
        let kept: Vec<(String, Vec<u8>)> =
            sqlx::query_as("SELECT key_hash, response FROM idempotency_keys WHERE response IS NOT NULL")
                .fetch_all(&mut **write)
                .await?;
        for (key, sealed) in kept {
            let names_one = self.open(sealed).is_ok_and(|kept| {
                let text = String::from_utf8_lossy(&kept.body);
                ids.iter()
                    .any(|id| text.contains(id) || kept.location.as_deref().is_some_and(|at| at.contains(id)))
            });
            if names_one {
                sqlx::query("DELETE FROM idempotency_keys WHERE key_hash = $1")
                    .bind(key)
                    .execute(&mut **write)
                    .await?;
            }
        }
        Ok(())
    }

    fn seal(&self, kept: &Kept) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut text = serde_json::to_vec(kept).ok()?;
        self.seal
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)
            .ok()?;
        Some([nonce.as_slice(), &text].concat())
    }

    fn open(&self, mut sealed: Vec<u8>) -> Result<Kept, Problem> {
        let unreadable = || Problem::new(ProblemKind::Conflict, "the first answer can no longer be read");
        let (nonce, text) = sealed.split_first_chunk_mut::<NONCE_LEN>().ok_or_else(unreadable)?;
        let plain = self
            .seal
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), text);
        serde_json::from_slice(plain.map_err(|_| unreadable())?).map_err(|_| unreadable())
    }
}

/// Middleware for routers with creating POSTs; other requests pass untouched.
pub async fn idempotent(State(memory): State<Idempotency>, request: Request, next: Next) -> Response {
    let key = request.headers().get(KEY_HEADER).cloned();
    match key {
        Some(key) if request.method() == Method::POST => remember(&memory, &key, request, next)
            .await
            .unwrap_or_else(IntoResponse::into_response),
        _ => next.run(request).await,
    }
}

async fn remember(memory: &Idempotency, key: &HeaderValue, request: Request, next: Next) -> Result<Response, Problem> {
    if key.is_empty() || key.len() > MAX_KEY_CHARS {
        return Err(Problem::new(
            ProblemKind::BadRequest,
            "Idempotency-Key takes 1 to 200 characters",
        ));
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY)
        .await
        .map_err(|_| Problem::from(ProblemKind::TooLarge))?;
    // The same key of somebody else, or for another address, is another key.
    let key = hash_of(&parts, [key.as_bytes()]);
    let request_hash = match boundary(&parts) {
        Some(boundary) => hash_of(&parts, without_boundary(&body, &boundary)),
        None => hash_of(&parts, [body.as_ref()]),
    };
    let request = Request::from_parts(parts, Body::from(body));
    // A client that goes away, or is given up on, takes only its own waiting with it: the request is finished and
    // remembered, and who sends it again gets its answer.
    let task = run(memory.clone(), key, request_hash, request, next).in_current_span();
    let ran = memory.running.spawn(task).await;
    ran.unwrap_or_else(|_| Err(ProblemKind::Internal.into()))
}

async fn run(
    memory: Idempotency,
    key: String,
    request_hash: String,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if let Some(kept) = memory.begin(&key, &request_hash).await? {
        return Ok(kept.into_response());
    }
    // Caught here, so that the key is free again.
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match tokio::time::timeout(RUN_LIMIT, handled).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => answer_panic(panic),
        Err(_) => Problem::new(ProblemKind::Unavailable, "the request took too long").into_response(),
    };
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_BODY).await.ok();
    let kept = bytes
        .as_ref()
        .filter(|_| parts.status.is_success())
        .map(|bytes| Kept::of(&parts, bytes));
    if let Err(error) = memory.end(&key, kept.as_ref()).await {
        tracing::error!(%error, "an answer could not be kept for its idempotency key");
    }
    let bytes = bytes.ok_or(ProblemKind::Internal)?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

/// What separates the parts of a form.
fn boundary(parts: &http::request::Parts) -> Option<String> {
    let kind = parts.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let mut pieces = kind.split(';').map(str::trim);
    if !pieces.next()?.to_ascii_lowercase().starts_with("multipart/") {
        return None;
    }
    pieces.find_map(|piece| {
        let (name, value) = piece.split_once('=')?;
        let is_it = name.trim().eq_ignore_ascii_case("boundary");
        is_it.then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// The lines of a form. Clients draw a new boundary for each request, so a line feed, which no line has in it, stands
/// for it.
fn without_boundary<'a>(body: &'a [u8], boundary: &str) -> impl Iterator<Item = &'a [u8]> {
    let delimiter = format!("--{boundary}").into_bytes();
    body.split(|byte| *byte == b'\n').flat_map(move |line| {
        let (mark, rest) = match line.strip_prefix(delimiter.as_slice()) {
            Some(rest) => (Some(&b"\n"[..]), rest),
            None => (None, line),
        };
        mark.into_iter().chain([rest])
    })
}

fn hash_of<'a>(parts: &'a http::request::Parts, what: impl IntoIterator<Item = &'a [u8]>) -> String {
    let authorization = parts
        .headers
        .get(header::AUTHORIZATION)
        .map_or(&b""[..], HeaderValue::as_bytes);
    // Not `parts.uri`: inside a nested router that is only the end of the path.
    let path = parts
        .extensions
        .get::<axum::extract::OriginalUri>()
        .map_or(parts.uri.path(), |uri| uri.path());
    let mut all = Sha256::new();
    for piece in [authorization, path.as_bytes()].into_iter().chain(what) {
        all.update((piece.len() as u64).to_be_bytes());
        all.update(piece);
    }
    sha256_hex(&all.finalize())
}

impl Kept {
    fn of(parts: &http::response::Parts, body: &Bytes) -> Self {
        let text = |name| {
            parts
                .headers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
                .map(str::to_owned)
        };
        Self {
            status: parts.status.as_u16(),
            content_type: text(header::CONTENT_TYPE),
            location: text(header::LOCATION),
            body: body.to_vec(),
        }
    }

    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, self.content_type),
            (header::LOCATION, self.location),
        ] {
            if let Some(value) = value.and_then(|text| HeaderValue::from_str(&text).ok()) {
                headers.insert(name, value);
            }
        }
        headers.insert(REPLAYED_HEADER, HeaderValue::from_static("true"));
        response
    }
}
