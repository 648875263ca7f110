//! The certificate of the server: one that is given, or one that it makes for itself.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{Datelike as _, Days, NaiveDate};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::shared::secrets::{sha256_hex, write_private};

/// Days an own certificate is valid. Phones accept no longer ones.
const VALID_DAYS: u64 = 397;
/// An own certificate of this age is replaced at the next start.
const RENEWED_AFTER: Duration = Duration::from_hours(330 * 24);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("{file}: {why}", file = .file.display())]
    Unreadable { file: PathBuf, why: String },
    #[error("certificate and key do not fit: {0}")]
    Unusable(#[from] rustls::Error),
    #[error("no certificate could be made: {0}")]
    NotMade(#[from] rcgen::Error),
    #[error("the certificate could not be kept: {0}")]
    NotKept(#[from] io::Error),
}

/// A certificate that connections are accepted with.
pub struct Certificate {
    pub config: Arc<rustls::ServerConfig>,
    /// The file it lies in, PEM.
    pub file: PathBuf,
}

impl Certificate {
    /// A certificate with its chain, and its key, as files in PEM form.
    ///
    /// # Errors
    /// When they cannot be read or do not belong together.
    pub fn given(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let unreadable = |file: &Path, why: &dyn std::fmt::Display| CertificateError::Unreadable {
            file: file.to_owned(),
            why: why.to_string(),
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable(certificate, &error))?;
        if chain.is_empty() {
            return Err(unreadable(certificate, &"there is no certificate in it"));
        }
        let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key_der)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            file: certificate.to_owned(),
        })
    }

    /// A certificate that this server makes for itself and keeps in `dir`, for these host names and addresses. Browsers
    /// warn about it once; it is the same at the next start, unless the names have changed or it has become old.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn own(dir: &Path, names: &[String], today: NaiveDate) -> Result<Self, CertificateError> {
        let names: std::collections::BTreeSet<&String> = names.iter().collect();
        let joined: String = names.iter().flat_map(|name| [name.as_str(), "\n"]).collect();
        let digest = sha256_hex(joined.as_bytes());
        let stem = digest.get(..12).unwrap_or(&digest);
        let (certificate, key) = (dir.join(format!("{stem}.crt")), dir.join(format!("{stem}.key")));
        if is_fresh(&certificate)
            && let Ok(kept) = Self::given(&certificate, &key)
        {
            return Ok(kept);
        }
        std::fs::create_dir_all(dir)?;
        let (certificate_pem, key_pem) = make(names.into_iter().cloned().collect(), today)?;
        // What is there is old or broken.
        for file in [&certificate, &key] {
            match std::fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        write_private(&key, &key_pem)?;
        write_private(&certificate, &certificate_pem)?;
        Self::given(&certificate, &key)
    }
}

fn is_fresh(certificate: &Path) -> bool {
    std::fs::metadata(certificate)
        .and_then(|data| data.modified())
        .is_ok_and(|written| written.elapsed().is_ok_and(|age| age < RENEWED_AFTER))
}

/// Certificate and key, both PEM.
fn make(names: Vec<String>, today: NaiveDate) -> Result<(String, String), rcgen::Error> {
    let mut parameters = rcgen::CertificateParams::new(names)?;
    let name = &mut parameters.distinguished_name;
    *name = rcgen::DistinguishedName::new();
    name.push(rcgen::DnType::CommonName, "Emma on this network");
    parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let day = |date: NaiveDate| rcgen::date_time_ymd(date.year(), date.month() as u8, date.day() as u8);
    // From yesterday on: clocks differ.
    parameters.not_before = day(today - Days::new(1));
    parameters.not_after = day(today + Days::new(VALID_DAYS - 1));
    let key = rcgen::KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::clock::{Clock as _, SystemClock};

    fn today() -> NaiveDate {
        SystemClock.now().date_naive()
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn an_own_certificate_stays_the_same_until_the_names_change() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let pem = |list: &[&str]| {
            let own = Certificate::own(dir.path(), &names(list), today()).expect("made");
            std::fs::read_to_string(own.file).expect("kept")
        };
        let first = pem(&["localhost", "192.168.1.5"]);
        assert_eq!(first, pem(&["192.168.1.5", "localhost"]), "in any order");
        assert_ne!(first, pem(&["localhost", "192.168.1.6"]));
    }

    #[test]
    fn a_broken_own_certificate_is_made_anew_and_its_key_is_private() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let own = Certificate::own(dir.path(), &names(&["localhost"]), today()).expect("made");
        std::fs::write(&own.file, "broken").expect("writable");
        let again = Certificate::own(dir.path(), &names(&["localhost"]), today()).expect("made anew");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(again.file.with_extension("key"))
                .expect("kept")
                .permissions()
                .mode();
            assert_eq!(mode & 0o077, 0, "{mode:o}");
        }
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let one = Certificate::own(dir.path(), &names(&["a.example"]), today()).expect("made");
        let other = Certificate::own(dir.path(), &names(&["b.example"]), today()).expect("made");
        let mixed = Certificate::given(&one.file, &other.file.with_extension("key"));
        assert!(matches!(mixed, Err(CertificateError::Unusable(_))));
        let missing = Certificate::given(&dir.path().join("none"), &one.file);
        assert!(matches!(missing, Err(CertificateError::Unreadable { .. })));
    }
}
