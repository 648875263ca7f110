//! Text out of uploaded files. The kind is told from the content; everything is bounded.

mod docx;
mod pdf;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Semaphore, oneshot};
use tracing::warn;

use crate::screening::applications::domain::ports::{DocumentError, DocumentReader};

/// Largest file, MiB.
pub const MAX_MIB: usize = 5;
/// A file that takes longer is given up.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Files read at the same time.
const READERS: usize = 2;
/// Threads there may be. One that a hostile file holds up cannot be stopped: it leaves its place to the next file when
/// its time is over, and counts here until it ends.
const THREADS: usize = 8;
/// How long a file waits for its turn: longer than those before it may take, and together with its own time not as long
/// as a request.
const TURN: Duration = Duration::from_secs(12);
/// Parsers of nested formats recurse.
const STACK: usize = 64 * 1024 * 1024;
/// Characters kept.
const MAX_CHARS: usize = 200_000;

/// Reads PDF, DOCX, Markdown and plain text on threads of its own.
pub struct FileReader {
    turns: Semaphore,
    threads: Arc<Semaphore>,
    time_limit: Duration,
}

impl Default for FileReader {
    fn default() -> Self {
        Self {
            turns: Semaphore::new(READERS),
            threads: Arc::new(Semaphore::new(THREADS)),
            time_limit: TIME_LIMIT,
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
        let text = tidy(&self.run(move || kind.read(&bytes)).await?);
        if text.is_empty() {
            Err(DocumentError::NoText)
        } else {
            Ok(text)
        }
    }
}

impl FileReader {
    /// Reads on a thread of its own when it is its turn.
    async fn run(
        &self,
        read: impl FnOnce() -> Result<String, DocumentError> + Send + 'static,
    ) -> Result<String, DocumentError> {
        let Ok(Ok(_turn)) = tokio::time::timeout(TURN, self.turns.acquire()).await else {
            return Err(DocumentError::Busy);
        };
        let Ok(place) = Arc::clone(&self.threads).try_acquire_owned() else {
            warn!("no file is read: earlier ones hold up every thread there is for them");
            return Err(DocumentError::Busy);
        };
        let (done, result) = oneshot::channel();
        let work = move || {
            // Parsers of foreign formats panic on some files; that is the file's fault, not ours.
            let text =
                catch_unwind(AssertUnwindSafe(read)).unwrap_or(Err(DocumentError::Unreadable("the file is damaged")));
            // Nobody waits for it when the time is over.
            let _ = done.send(text);
            drop(place);
        };
        std::thread::Builder::new()
            .name("document".to_owned())
            .stack_size(STACK)
            .spawn(work)
            .map_err(|_| DocumentError::Busy)?;
        match tokio::time::timeout(self.time_limit, result).await {
            Ok(Ok(text)) => text,
            Ok(Err(_)) => Err(DocumentError::Unreadable("the file is damaged")),
            Err(_) => Err(DocumentError::Unreadable("the file takes too long to read")),
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
        } else if is_text_of_another_encoding(bytes) {
            Err(DocumentError::NotUtf8)
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

/// UTF-16 says so at its beginning; the encodings of one byte have letters, and no control characters, where UTF-8 fails.
fn is_text_of_another_encoding(bytes: &[u8]) -> bool {
    let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    is_utf16
        || std::str::from_utf8(bytes).is_err()
            && !bytes.iter().any(|byte| byte.is_ascii() && is_binary(char::from(*byte)))
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    // spec: APP-3
    #[tokio::test]
    async fn files_that_never_end_leave_their_turn_to_others() {
        let reader = FileReader {
            threads: Arc::new(Semaphore::new(3)),
            time_limit: Duration::from_secs(2),
            ..FileReader::default()
        };
        let mut released = Vec::new();
        let mut endless = || {
            let (release, wait) = mpsc::channel::<()>();
            released.push(release);
            reader.run(move || {
                // Only when the test lets go of it.
                let _ = wait.recv();
                Ok("late".to_owned())
            })
        };
        let (one, two) = (endless(), endless());
        let third = reader.run(|| Ok("read".to_owned()));
        let (one, two, third) = tokio::join!(one, two, third);
        let given_up = Err(DocumentError::Unreadable("the file takes too long to read"));
        assert_eq!((one, two), (given_up.clone(), given_up.clone()));
        assert_eq!(third, Ok("read".to_owned()), "it waited for its turn");
        // Its thread may take a moment longer than its answer.
        while reader.threads.available_permits() == 0 {
            tokio::task::yield_now().await;
        }

        assert_eq!(endless().await, given_up);
        let refused = reader.run(|| Ok("read".to_owned())).await;
        assert_eq!(refused, Err(DocumentError::Busy), "hostile files take no thread more");
        drop(released);
        while reader.run(|| Ok("read".to_owned())).await == Err(DocumentError::Busy) {
            tokio::task::yield_now().await;
        }
    }
}
