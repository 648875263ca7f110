//! What a remote service's refusal means to a call. Nothing a service writes in an answer is repeated: it may hold what
//! the candidate said.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio_tungstenite::tungstenite;

use crate::screening::calls::domain::ports::SpeechError;

/// What an HTTP status other than success means.
pub fn of_status(status: StatusCode, headers: &HeaderMap) -> SpeechError {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SpeechError::KeyRefused,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => SpeechError::RateLimited {
            retry_after: retry_after(headers),
        },
        // Out of credit: nothing to expect within a call.
        StatusCode::PAYMENT_REQUIRED => out_of_credit(),
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => SpeechError::TimedOut,
        status => SpeechError::Failed(format!("the service answered {}", status.as_u16())),
    }
}

/// What a failed HTTP exchange means.
pub fn of_request(error: &reqwest::Error) -> SpeechError {
    if error.is_timeout() {
        SpeechError::TimedOut
    } else if error.is_connect() {
        SpeechError::Failed("the service cannot be reached".to_owned())
    } else {
        SpeechError::Failed("the exchange with the service broke".to_owned())
    }
}

/// What a failed WebSocket means.
pub fn of_socket(error: &tungstenite::Error) -> SpeechError {
    match error {
        tungstenite::Error::Http(response) => of_status(response.status(), response.headers()),
        tungstenite::Error::Io(_) | tungstenite::Error::Tls(_) | tungstenite::Error::Url(_) => {
            SpeechError::Failed("the service cannot be reached".to_owned())
        }
        tungstenite::Error::Capacity(_) => SpeechError::Failed("the service sent too much".to_owned()),
        _ => SpeechError::Failed("the service hung up".to_owned()),
    }
}

/// What an error a service names by a word of its own means.
pub fn of_word(word: &str) -> SpeechError {
    let word = word.to_ascii_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    if says(&["quota", "credit"]) {
        out_of_credit()
    } else if says(&["auth", "api_key", "permission", "unaccepted_terms"]) {
        SpeechError::KeyRefused
    } else if says(&[
        "rate_limit",
        "too_many",
        "concurrent",
        "overflow",
        "exhausted",
        "busy",
        "throttled",
    ]) {
        SpeechError::RateLimited { retry_after: None }
    } else {
        let word: String = word
            .chars()
            .filter(|c| c.is_ascii_lowercase() || *c == '_')
            .take(40)
            .collect();
        SpeechError::Failed(format!("the service reports {word}"))
    }
}

fn out_of_credit() -> SpeechError {
    SpeechError::RateLimited {
        retry_after: Some(Duration::from_mins(10)),
    }
}

/// Seconds to wait; the form with a date is not used by the services here.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_services_are_told_apart() {
        assert_eq!(of_word("auth_error"), SpeechError::KeyRefused);
        assert_eq!(of_word("invalid_api_key"), SpeechError::KeyRefused);
        assert_eq!(of_word("rate_limited"), SpeechError::RateLimited { retry_after: None });
        assert!(matches!(
            of_word("quota_exceeded"),
            SpeechError::RateLimited { retry_after: Some(_) }
        ));
        let odd = of_word("You said: I was born in 1970!");
        assert!(!odd.to_string().contains("1970"), "{odd}");
    }

    #[test]
    fn a_pause_is_as_long_as_the_header_says() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "12".parse().unwrap());
        let limited = |retry_after| SpeechError::RateLimited { retry_after };
        let seconds = Some(Duration::from_secs(12));
        assert_eq!(of_status(StatusCode::TOO_MANY_REQUESTS, &headers), limited(seconds));
        headers.insert(RETRY_AFTER, "soon".parse().unwrap());
        assert_eq!(of_status(StatusCode::SERVICE_UNAVAILABLE, &headers), limited(None));
    }
}
