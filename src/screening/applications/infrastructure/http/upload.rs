//! Forms with a file.

use std::collections::BTreeMap;

use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::{StatusCode, header};

use crate::shared::http::problem::{Problem, ProblemKind};

/// Body of an upload, bytes: the largest file and some room for the fields.
pub const MAX_UPLOAD: usize = 5 * 1024 * 1024 + 64 * 1024;
const MAX_FIELDS: usize = 20;

/// A form: one file and any text fields.
pub struct Form {
    pub file: Option<Vec<u8>>,
    pub fields: BTreeMap<String, String>,
}

/// Whether the request carries a form rather than JSON.
pub fn is_form(request: &Request) -> bool {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| {
        kind.trim_start()
            .to_ascii_lowercase()
            .starts_with("multipart/form-data")
    })
}

/// Reads a form whose file is in the field `file_field`; every other field is text.
///
/// # Errors
/// When the body is no form or too large.
pub async fn read_form(request: Request, file_field: &str) -> Result<Form, Problem> {
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|rejection| Problem::new(ProblemKind::BadRequest, rejection.body_text()))?;
    let mut form = Form {
        file: None,
        fields: BTreeMap::new(),
    };
    while let Some(part) = parts.next_field().await.map_err(problem)? {
        let name = part.name().unwrap_or_default().to_owned();
        // Not by the kind or file name it claims: what a file is, its content says.
        if name == file_field || part.file_name().is_some() {
            form.file = Some(part.bytes().await.map_err(problem)?.to_vec());
        } else if form.fields.len() < MAX_FIELDS {
            form.fields.insert(name, part.text().await.map_err(problem)?);
        }
    }
    Ok(form)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape map_err asks for")]
fn problem(error: MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ProblemKind::TooLarge.into()
    } else {
        Problem::new(ProblemKind::BadRequest, error.body_text())
    }
}
