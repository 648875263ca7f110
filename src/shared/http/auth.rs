//! Who may see what candidates said: whoever holds the recruiter token.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::shared::http::problem::{Problem, ProblemKind};
use crate::shared::secrets::{random_token, write_private};

/// File in the data directory that keeps the token.
const TOKEN_FILE: &str = "recruiter.token";

/// The secret that opens the recruiter's side.
#[derive(Clone)]
pub struct RecruiterToken(Arc<SecretString>);

impl RecruiterToken {
    /// A token that configuration gives.
    pub fn given(token: SecretString) -> Self {
        Self(Arc::new(token))
    }

    /// The token of this data directory; made on the first start, readable by the owner alone.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn load_or_create(data_dir: &Path) -> io::Result<Self> {
        let file = Self::file(data_dir);
        match std::fs::read_to_string(&file) {
            Ok(text) if !text.trim().is_empty() => Ok(Self::given(text.trim().to_owned().into())),
            Ok(_) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is empty", file.display()),
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let token = random_token();
                write_private(&file, &token)?;
                Ok(Self::given(token.into()))
            }
            Err(error) => Err(error),
        }
    }

    /// Where the token of this data directory is kept.
    pub fn file(data_dir: &Path) -> PathBuf {
        data_dir.join(TOKEN_FILE)
    }

    /// The token itself, to print it or to derive a key from it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Compares in constant time; hashing first hides the length as well.
    fn matches(&self, given: &str) -> bool {
        Sha256::digest(given).ct_eq(&Sha256::digest(self.expose())).into()
    }
}

/// Proof that the request carries the recruiter token.
#[derive(Debug, Clone, Copy)]
pub struct Recruiter;

impl<S> FromRequestParts<S> for Recruiter
where
    RecruiterToken: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let given = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| {
                let (scheme, token) = value.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
            });
        match given {
            Some(token) if RecruiterToken::from_ref(state).matches(token) => Ok(Self),
            _ => Err(ProblemKind::Unauthorized.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_made_once_and_is_private() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let first = RecruiterToken::load_or_create(dir.path()).expect("writable");
        let again = RecruiterToken::load_or_create(dir.path()).expect("readable");
        assert_eq!(first.expose(), again.expose());
        assert_eq!(first.expose().len(), 43);
        assert!(first.matches(again.expose()));
        assert!(!first.matches("guess"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(dir.path().join(TOKEN_FILE))
                .expect("written")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
