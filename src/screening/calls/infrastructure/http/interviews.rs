//! The candidate's connection over HTTP, WHIP-shaped: POST an offer, PATCH candidates, DELETE to hang up.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRef, State};
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::screening::calls::domain::ports::{IceCandidate, SdpOffer};
use crate::screening::calls::infrastructure::http::door::{InterviewsState, connect_problem, media_problem, seating};
use crate::screening::calls::infrastructure::http::ws_call::{__path_ws_call, ws_call};
use crate::screening::shared::ids::ConnectionId;
use crate::shared::http::extract::{Ids, Params, bytes_problem};
use crate::shared::http::problem::{Problem, ProblemBody, ProblemKind};

const SDP: &str = "application/sdp";
const SDP_FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// More candidates in one request than a browser has interfaces.
const MAX_CANDIDATES: usize = 64;

/// Connections of candidates.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    InterviewsState: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(post_offer))
        .routes(routes!(patch_connection, delete_connection))
        .routes(routes!(ws_call))
}

/// An SDP description as JSON.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
struct Description {
    /// `offer` or `answer`.
    #[serde(rename = "type")]
    #[schema(example = "offer")]
    kind: String,
    sdp: String,
}

/// ICE candidates as JSON. An empty `candidate` says there are no more.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct Candidates {
    #[schema(value_type = Vec<Object>)]
    candidates: Vec<IceCandidate>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OfferQuery {
    /// `1`: replaces the candidate's own connection, after a reload of the page.
    resume: Option<String>,
}

/// Connects the candidate: the SDP offer gets its answer. After a lost connection the same request again goes on with
/// the call; `resume=1` also replaces a connection the server still believes alive. It takes no `Idempotency-Key`: an
/// answer is good for the one connection it was made for, and given again it would connect nobody.
#[utoipa::path(
    post,
    path = "/interviews/{token}/offer",
    tag = "interview",
    params(("token" = String, Path), ("resume" = Option<String>, Query, example = "1")),
    request_body(content((String = "application/sdp"), (Description = "application/json"))),
    responses(
        (status = 201, content((String = "application/sdp"), (Description = "application/json")),
         description = "The answer; `Location` is the connection", headers(("Location" = String))),
        (status = 400, body = ProblemBody, description = "The offer cannot be used"),
        (status = 403, body = ProblemBody, description = "No consent yet"),
        (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody, description = "The interview is live elsewhere"),
        (status = 410, body = ProblemBody, description = "The link was used, has expired or was revoked"),
        (status = 413, body = ProblemBody),
        (status = 503, body = ProblemBody, description = "Too many calls at once"),
    )
)]
async fn post_offer(
    State(state): State<InterviewsState>,
    Ids(token): Ids<String>,
    Params(query): Params<OfferQuery>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let application = state.door.enter(&token).await?;
    let body = text(body)?;
    let as_json = match media_type(&headers) {
        Some(SDP) => false,
        Some("application/json") => true,
        _ => {
            let detail = "send Content-Type: application/sdp, or application/json with {type, sdp}";
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
        }
    };
    let sdp = if as_json { offer_of(&body)? } else { body };
    let connected = state
        .calls
        .connect(&application, SdpOffer(sdp), seating(query.resume.as_deref()))
        .await
        .map_err(connect_problem)?;
    let location = format!("/api/v1/interviews/{token}/connections/{}", connected.connection);
    let etag = format!("\"{}\"", connected.connection);
    let head = [(LOCATION, location), (ETAG, etag)];
    Ok(if as_json {
        let answer = Description {
            kind: "answer".to_owned(),
            sdp: connected.answer,
        };
        (StatusCode::CREATED, head, axum::Json(answer)).into_response()
    } else {
        (StatusCode::CREATED, head, [(CONTENT_TYPE, SDP)], connected.answer).into_response()
    })
}

/// Takes ICE candidates that the browser found after its offer.
#[utoipa::path(
    patch,
    path = "/interviews/{token}/connections/{connection}",
    tag = "interview",
    params(("token" = String, Path), ("connection" = String, Path)),
    request_body(content((String = "application/trickle-ice-sdpfrag"), (Candidates = "application/json"))),
    responses(
        (status = 204),
        (status = 400, body = ProblemBody),
        (status = 404, body = ProblemBody, description = "No such connection"),
    )
)]
async fn patch_connection(
    State(state): State<InterviewsState>,
    Ids((token, connection)): Ids<(String, ConnectionId)>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let application = state.door.application_of(&token).await?;
    let body = text(body)?;
    let candidates = match media_type(&headers) {
        Some(SDP_FRAGMENT) => fragment_candidates(&body),
        Some("application/json") => {
            serde_json::from_str::<Candidates>(&body)
                .map_err(|e| Problem::new(ProblemKind::BadJson, e.to_string()))?
                .candidates
        }
        _ => {
            let detail = "send application/trickle-ice-sdpfrag, or application/json with {candidates: [...]}";
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
        }
    };
    if candidates.len() > MAX_CANDIDATES {
        return Err(Problem::new(
            ProblemKind::BadRequest,
            format!("more than {MAX_CANDIDATES} candidates"),
        ));
    }
    state
        .calls
        .add_candidates(&application, &connection, candidates)
        .await
        .map_err(media_problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hangs up: the candidate ends the interview.
#[utoipa::path(
    delete,
    path = "/interviews/{token}/connections/{connection}",
    tag = "interview",
    params(("token" = String, Path), ("connection" = String, Path)),
    responses((status = 204), (status = 404, body = ProblemBody, description = "No such connection of this interview"))
)]
async fn delete_connection(
    State(state): State<InterviewsState>,
    Ids((token, connection)): Ids<(String, ConnectionId)>,
) -> Result<StatusCode, Problem> {
    let application = state.door.application_of(&token).await?;
    state
        .calls
        .hang_up(&application, &connection)
        .await
        .map_err(media_problem)?;
    Ok(StatusCode::NO_CONTENT)
}

fn text(body: Result<Bytes, BytesRejection>) -> Result<String, Problem> {
    let bytes = body.map_err(|rejection| bytes_problem(&rejection))?;
    String::from_utf8(bytes.into()).map_err(|_| Problem::new(ProblemKind::BadRequest, "the body is not UTF-8 text"))
}

fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

fn offer_of(body: &str) -> Result<String, Problem> {
    let description: Description =
        serde_json::from_str(body).map_err(|e| Problem::new(ProblemKind::BadJson, e.to_string()))?;
    if description.kind == "offer" {
        Ok(description.sdp)
    } else {
        Err(Problem::new(ProblemKind::BadSdp, "type must be \"offer\""))
    }
}

/// The candidates of an SDP fragment (RFC 8840): `a=mid` names the stream of the lines after it.
fn fragment_candidates(fragment: &str) -> Vec<IceCandidate> {
    let mut mid = None;
    let mut found = Vec::new();
    for line in fragment.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("a=mid:") {
            mid = Some(name.to_owned());
        } else if let Some(candidate) = line.strip_prefix("a=").filter(|l| l.starts_with("candidate:")) {
            found.push(IceCandidate {
                candidate: candidate.to_owned(),
                sdp_mid: mid.clone(),
                sdp_mline_index: None,
            });
        } else if line == "a=end-of-candidates" {
            found.push(IceCandidate {
                candidate: String::new(),
                sdp_mid: mid.clone(),
                sdp_mline_index: None,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_names_its_streams() {
        let fragment =
            "a=ice-ufrag:x\r\na=mid:0\r\na=candidate:1 1 udp 1 10.0.0.1 5 typ host\r\na=end-of-candidates\r\n";
        let found = fragment_candidates(fragment);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].candidate, "candidate:1 1 udp 1 10.0.0.1 5 typ host");
        assert_eq!(
            (found[0].sdp_mid.as_deref(), found[1].candidate.as_str()),
            (Some("0"), "")
        );
    }
}
