//! Whether a model file is there and whole.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::catalog::{Entry, entry};
use super::{ModelDir, ModelFile};

/// How a file on disk compares to what was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    Whole,
    Missing,
    /// Another size than published, in bytes.
    WrongSize {
        expected: u64,
        found: u64,
    },
    /// The right size with other contents.
    Damaged,
}

/// Looks at the size alone: files enter the directory only after their checksum was seen to be right.
pub fn glance(dir: &ModelDir, file: ModelFile) -> Condition {
    glance_at(&dir.locate(file), entry(file))
}

/// Reads the whole file and compares its checksum.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn examine(dir: &ModelDir, file: ModelFile) -> io::Result<Condition> {
    let known = entry(file);
    match glance(dir, file) {
        Condition::Whole if sha256_of(&dir.locate(file))? == known.sha256 => Ok(Condition::Whole),
        Condition::Whole => Ok(Condition::Damaged),
        other => Ok(other),
    }
}

pub(super) fn glance_at(path: &Path, known: &Entry) -> Condition {
    match path.metadata() {
        Ok(found) if found.is_file() && found.len() == known.bytes => Condition::Whole,
        Ok(found) => Condition::WrongSize {
            expected: known.bytes,
            found: found.len(),
        },
        Err(_) => Condition::Missing,
    }
}

/// SHA-256 of a file's contents: 64 hex digits.
pub(super) fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            count => hasher.update(&buffer[..count]),
        }
    }
}

/// SHA-256 of some bytes: 64 hex digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_missing_from_cut_from_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let dir = ModelDir::new(folder.path().to_owned());
        let file = ModelFile::KokoroVocabulary;
        assert_eq!(examine(&dir, file).unwrap(), Condition::Missing);

        std::fs::write(dir.locate(file), [0; 10]).unwrap();
        assert!(matches!(glance(&dir, file), Condition::WrongSize { found: 10, .. }));

        let size = usize::try_from(entry(file).bytes).unwrap();
        std::fs::write(dir.locate(file), vec![b' '; size]).unwrap();
        assert_eq!(glance(&dir, file), Condition::Whole);
        assert_eq!(examine(&dir, file).unwrap(), Condition::Damaged);
    }

    #[test]
    fn checksums_are_written_in_hex() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
