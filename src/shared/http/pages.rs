//! The pages and their files, out of the binary.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

use crate::shared::http::problem::Problem;
use crate::shared::http::problem::ProblemKind;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// The landing page, the candidate's and the recruiter's, the API viewer, and what they load from `/static/`.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(async |headers: HeaderMap| file("index.html", &headers)))
        .route(
            "/i/{token}",
            get(async |headers: HeaderMap| file("interview.html", &headers)),
        )
        .route(
            "/results",
            get(async |headers: HeaderMap| file("results.html", &headers)),
        )
        .route("/docs", get(async |headers: HeaderMap| file("docs.html", &headers)))
        .route(
            "/favicon.ico",
            get(async |headers: HeaderMap| file("favicon.svg", &headers)),
        )
        .route(
            "/static/{*path}",
            get(async |Path(path): Path<String>, headers: HeaderMap| file(&path, &headers)),
        )
}

/// A file; nothing outside of the folder is in the binary, so no path can reach it.
fn file(path: &str, request: &HeaderMap) -> Response {
    let Some(found) = Files::get(path) else {
        return Problem::from(ProblemKind::NotFound).into_response();
    };
    let hash = found.metadata.sha256_hash();
    let tag = hash
        .iter()
        .take(8)
        .fold("\"".to_owned(), |tag, byte| format!("{tag}{byte:02x}"))
        + "\"";
    let headers = [
        (header::CONTENT_TYPE, content_type(path)),
        // Asked for anew each time, answered 304 mostly: a new version is seen at once.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    let known = request
        .get(header::IF_NONE_MATCH)
        .is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let mut response = if known {
        (StatusCode::NOT_MODIFIED, headers).into_response()
    } else {
        (headers, found.data).into_response()
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" => "application/json",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
