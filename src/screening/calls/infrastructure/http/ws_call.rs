//! The candidate's connection over a WebSocket, where WebRTC does not get through.

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use axum::response::Response;
use serde::Deserialize;

use crate::screening::calls::application::service::{ConnectError, Seated};
use crate::screening::calls::domain::ports::MediaLink;
use crate::screening::calls::infrastructure::http::door::{InterviewsState, connect_problem, media_problem, seating};
use crate::screening::calls::infrastructure::websocket::{self, ALREADY_LIVE, Connection, MAX_MESSAGE, Rates};
use crate::screening::shared::ids::ApplicationId;
use crate::shared::http::extract::Params;
use crate::shared::http::problem::{Problem, ProblemBody, ProblemKind};

/// What the connection speaks; a browser names it so that it can send the token beside it.
const PROTOCOL: &str = "emma.call.v1";
const TOKEN_PROTOCOL: &str = "emma.token.";

#[derive(Debug, Deserialize)]
pub struct CallQuery {
    /// The application whose call is entered; that of the token where it is not said.
    application_id: Option<ApplicationId>,
    /// Sampling rate of the audio the client sends, Hz.
    rate: Option<u32>,
    /// Sampling rate of the audio it wants to get, Hz.
    out: Option<u32>,
    /// `1`: replaces the candidate's own connection, after a reload of the page.
    resume: Option<String>,
}

/// The call over a WebSocket: 16-bit little-endian mono audio both ways, as binary messages. The client may also send
/// `{"type":"audio","payload":"<base64>"}` and the messages of the data channel; it gets those, and
/// `{"type":"control","event":"emma_speaking"|"listening"|"thinking"|"call_ended"}`.
///
/// The token of the interview's link stands in no address, which would be logged: a browser sends it as a second
/// subprotocol, `new WebSocket(url, ["emma.call.v1", "emma.token." + token])`, a program may use `Authorization: Bearer`.
///
/// Close codes: 1000 the call is over, 1008 audio came faster than it can be spoken, 4409 the call is live elsewhere.
#[utoipa::path(
    get,
    path = "/ws/call",
    tag = "interview",
    params(
        ("application_id" = Option<String>, Query),
        ("rate" = Option<u32>, Query, example = 16_000, description = "8000 to 48000, a multiple of 25"),
        ("out" = Option<u32>, Query, example = 24_000, description = "8000 to 48000, a multiple of 25"),
        ("resume" = Option<String>, Query, example = "1"),
    ),
    responses(
        (status = 101, description = "The call begins, or the socket is closed with 4409"),
        (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody, description = "No token"),
        (status = 403, body = ProblemBody, description = "No consent yet"),
        (status = 404, body = ProblemBody),
        (status = 410, body = ProblemBody, description = "The link was used, has expired or was revoked"),
        (status = 503, body = ProblemBody, description = "Too many calls at once"),
    )
)]
pub(super) async fn ws_call(
    State(state): State<InterviewsState>,
    Params(query): Params<CallQuery>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|_| Problem::new(ProblemKind::BadRequest, "this address takes WebSockets only"))?;
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE);
    let token = token(&headers).ok_or_else(|| {
        let detail = "the token of the interview's link is missing: send it as subprotocol emma.token.TOKEN";
        Problem::new(ProblemKind::LinkTokenMissing, detail)
    })?;
    let rates = Rates {
        from_client: query.rate.unwrap_or(Rates::DEFAULT.from_client),
        to_client: query.out.unwrap_or(Rates::DEFAULT.to_client),
    };
    if !rates.is_usable() {
        let detail = "rate and out must be from 8000 to 48000 and a multiple of 25";
        return Err(Problem::new(ProblemKind::BadRequest, detail));
    }
    let application = state.door.enter(token).await?;
    if query.application_id.is_some_and(|asked| asked != application) {
        return Err(ProblemKind::ApplicationNotFound.into());
    }
    let seated = match state.calls.seat(&application, seating(query.resume.as_deref())).await {
        Ok(seated) => seated,
        Err(ConnectError::AlreadyLive) => {
            let reason = "the interview is being held elsewhere";
            return Ok(upgrade.on_upgrade(move |socket| websocket::refuse(socket, ALREADY_LIVE, reason)));
        }
        Err(error) => return Err(connect_problem(error)),
    };
    let (link, connection) = state.sockets.prepare(rates).map_err(media_problem)?;
    // Where no socket comes about, the seat and the place are free again as these go.
    Ok(upgrade.on_upgrade(move |socket| hold(socket, seated, link, connection)))
}

async fn hold(socket: WebSocket, seated: Seated, link: MediaLink, connection: Connection) {
    if seated.attach(link).await.is_err() {
        return websocket::refuse(socket, 1000, "the call is over").await;
    }
    connection.run(socket).await;
}

/// The secret of the link: a subprotocol in a browser, a header in a program.
fn token(headers: &HeaderMap) -> Option<&str> {
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let mut offered = offered
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let protocol = offered.find_map(|name| name.trim().strip_prefix(TOKEN_PROTOCOL));
    let bearer = || {
        let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    };
    protocol.or_else(bearer).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_where_browsers_and_programs_can_put_it() {
        let mut headers = HeaderMap::new();
        assert_eq!(token(&headers), None);
        headers.insert(AUTHORIZATION, "Bearer abc".parse().unwrap());
        assert_eq!(token(&headers), Some("abc"));
        headers.insert(SEC_WEBSOCKET_PROTOCOL, "emma.call.v1, emma.token.xyz".parse().unwrap());
        assert_eq!(token(&headers), Some("xyz"));
        headers.insert(SEC_WEBSOCKET_PROTOCOL, "emma.token.".parse().unwrap());
        assert_eq!(token(&headers), None);
    }
}
