//! Text out of uploaded files. The kind is told from the content; everything is bounded.

mod docx;
mod pdf;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Semaphore, oneshot};

use crate::screening::applications::domain::ports::{DocumentError, DocumentReader};

/// Largest file, MiB.
pub const MAX_MIB: usize = 5;
/// A file that takes longer is given up.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Files read at the same time. A thread that a hostile file holds up keeps its place until it ends.
const READERS: usize = 2;
/// Parsers of nested formats recurse.
const STACK: usize = 64 * 1024 * 1024;
/// Characters kept.
const MAX_CHARS: usize = 200_000;

/// Reads PDF, DOCX, Markdown and plain text on threads of its own.
pub struct FileReader {
    slots: Arc<Semaphore>,
}

impl Default for FileReader {
    fn default() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(READERS)),
        }
    }
}

#[async_trait]
impl DocumentReader for FileReader {
    async fn read(&self, bytes: Vec<u8>) -> Result<String, DocumentError> {
        if bytes.len() > MAX_MIB * 1024 * 1024 {
            return Err(DocumentError::TooLarge(MAX_MIB));
        }
        let kind = Kind::of(&bytes)?;
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            return Err(DocumentError::Busy);
        };
        let (done, result) = oneshot::channel();
        let work = move || {
            // Parsers of foreign formats panic on some files; that is the file's fault, not ours.
            let text = catch_unwind(AssertUnwindSafe(|| kind.read(&bytes)))
                .unwrap_or(Err(DocumentError::Unreadable("the file is damaged")));
            // Nobody waits for it when the time is over.
            let _ = done.send(text);
            drop(slot);
        };
        std::thread::Builder::new()
            .name("document".to_owned())
            .stack_size(STACK)
            .spawn(work)
            .map_err(|_| DocumentError::Busy)?;
        let text = match tokio::time::timeout(TIME_LIMIT, result).await {
            Ok(Ok(text)) => text?,
            Ok(Err(_)) => return Err(DocumentError::Unreadable("the file is damaged")),
            Err(_) => return Err(DocumentError::Unreadable("the file takes too long to read")),
        };
        let text = tidy(&text);
        if text.is_empty() {
            Err(DocumentError::NoText)
        } else {
            Ok(text)
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pdf,
    Docx,
    Text,
}

impl Kind {
    fn of(bytes: &[u8]) -> Result<Self, DocumentError> {
        let head = &bytes[..bytes.len().min(1024)];
        if head.windows(5).any(|window| window == b"%PDF-") {
            Ok(Self::Pdf)
        } else if bytes.starts_with(b"PK\x03\x04") {
            Ok(Self::Docx)
        } else if std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(is_binary)) {
            Ok(Self::Text)
        } else {
            Err(DocumentError::UnknownKind)
        }
    }

    fn read(self, bytes: &[u8]) -> Result<String, DocumentError> {
        match self {
            Self::Pdf => pdf::text(bytes),
            Self::Docx => docx::text(bytes),
            Self::Text => Ok(String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').to_owned()),
        }
    }
}

/// Control characters that no text has.
fn is_binary(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}')
}

/// Drops control characters and runs of empty lines, and what is beyond the limit.
fn tidy(text: &str) -> String {
    let mut out = String::new();
    let mut empty = 0;
    for line in text.split(['\n', '\r', '\u{c}']) {
        let line: String = line.chars().filter(|c| !is_binary(*c)).collect();
        let line = line.trim_end();
        empty = if line.trim().is_empty() { empty + 1 } else { 0 };
        if empty <= 1 && !(out.is_empty() && empty > 0) {
            out.push_str(line);
            out.push('\n');
        }
    }
    let end = out.char_indices().nth(MAX_CHARS).map_or(out.len(), |(end, _)| end);
    out.truncate(end);
    out.trim_end().to_owned()
}
