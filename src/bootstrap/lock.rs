//! One server for one data directory: a second one would take up the live calls and jobs of the first.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tracing::warn;

/// Held for as long as the server runs. The system lets go of it with the process, also with one that is killed.
#[derive(Debug)]
pub struct DataLock {
    _files: Vec<File>,
}

impl DataLock {
    /// Takes the data directory, and the database where that lies elsewhere.
    ///
    /// # Errors
    /// When another server has one of them; says what to do.
    pub fn take(data_dir: &Path, database: &Path) -> anyhow::Result<Self> {
        let mut files = vec![hold(
            &data_dir.join("emma.lock"),
            data_dir,
            "--data-dir or EMMA_DATA_DIR",
        )?];
        if database.parent() != Some(data_dir) {
            let mut name = database.as_os_str().to_owned();
            name.push(".lock");
            files.push(hold(&PathBuf::from(name), database, "DATABASE_URL")?);
        }
        Ok(Self { _files: files })
    }
}

/// A file beside what is locked: SQLite has locks of its own on the database.
fn hold(lock: &Path, what: &Path, setting: &str) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(lock).with_context(|| lock.display().to_string())?;
    match file.try_lock() {
        Ok(()) => {
            // For whoever comes second; nothing depends on it.
            let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            bail!(
                "{} is in use by another emma (process {holder}): stop that one, or give this one its own with {setting}",
                what.display()
            );
        }
        Err(TryLockError::Error(error)) => {
            warn!(%error, "{} cannot be locked here: make sure that no second emma uses it", what.display());
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: OPS-3
    #[test]
    fn a_second_server_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("emma.db");
        let first = DataLock::take(dir.path(), &own).unwrap();
        let refused = DataLock::take(dir.path(), &own).unwrap_err().to_string();
        for told in ["in use", "EMMA_DATA_DIR", &std::process::id().to_string()] {
            assert!(refused.contains(told), "{refused}");
        }
        drop(first);
        DataLock::take(dir.path(), &own).unwrap();
    }

    // spec: OPS-3
    #[test]
    fn a_database_elsewhere_is_taken_too() {
        let (one, two, shared) = (
            tempfile::tempdir().unwrap(),
            tempfile::tempdir().unwrap(),
            tempfile::tempdir().unwrap(),
        );
        let database = shared.path().join("emma.db");
        let _first = DataLock::take(one.path(), &database).unwrap();
        let refused = DataLock::take(two.path(), &database).unwrap_err().to_string();
        assert!(refused.contains("DATABASE_URL"), "{refused}");
        assert!(!database.exists(), "nobody touches the database for it");
    }
}
