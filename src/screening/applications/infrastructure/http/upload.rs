//! What is created: sent as JSON or as a form with a file, answered with where it is.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::shared::http::extract::JsonBody;
use crate::shared::http::problem::{Problem, ProblemKind};

/// Body of an upload, bytes: the largest file and some room for the fields.
pub const MAX_UPLOAD: usize = 5 * 1024 * 1024 + 64 * 1024;
const MAX_FIELDS: usize = 20;

/// What a creating request carries.
pub enum Sent<T> {
    Json(T),
    Form(Form),
}

/// A form: one file and any text fields.
pub struct Form {
    pub file: Option<Vec<u8>>,
    fields: BTreeMap<String, String>,
}

impl Form {
    /// A field that was filled in.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.fields.remove(name).filter(|text| !text.trim().is_empty())
    }

    /// # Errors
    /// When a field is left that nobody has taken: it would be lost.
    pub fn has_no_more(&self) -> Result<(), Problem> {
        match self.fields.keys().next() {
            Some(name) => Err(Problem::new(
                ProblemKind::BadRequest,
                format!("unknown field `{name:.100}`"),
            )),
            None => Ok(()),
        }
    }
}

/// What was created, told with its address.
pub struct Created<T> {
    /// E.g. `/api/v1/candidates/cand_…`.
    pub location: String,
    pub body: T,
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let location = [(header::LOCATION, self.location)];
        (StatusCode::CREATED, location, Json(self.body)).into_response()
    }
}

/// Reads JSON, or a form whose file is in the field `file_field`.
///
/// # Errors
/// When the body is neither, or too large.
pub async fn read_sent<T: DeserializeOwned>(request: Request, file_field: &str) -> Result<Sent<T>, Problem> {
    if is_form(&request) {
        return read_form(request, file_field).await.map(Sent::Form);
    }
    let JsonBody(body) = JsonBody::<T>::from_request(request, &()).await?;
    Ok(Sent::Json(body))
}

/// Whether the request carries a form rather than JSON.
fn is_form(request: &Request) -> bool {
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
async fn read_form(request: Request, file_field: &str) -> Result<Form, Problem> {
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
