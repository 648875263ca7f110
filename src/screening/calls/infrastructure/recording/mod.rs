//! Recordings of calls: `<data>/recordings/<call>.ogg`, stereo, left the candidate, right Emma, on the call's clock.
//!
//! Written as the call goes, a page a second, each whole in itself: what is there when the server is killed can be
//! played, and the same file goes on when the call does.

mod mixer;
mod ogg;

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use async_trait::async_trait;
use opus::{Application, Bitrate, Channels, Encoder};
use tracing::{error, warn};

use self::mixer::{Frame, Mixer};
use self::ogg::OggStream;
use crate::screening::calls::domain::audio::{CallTime, EAR_FRAME, EAR_RATE_HZ, VOICE_FRAME};
use crate::screening::calls::domain::ports::{Recorder, Recordings};
use crate::screening::shared::ids::CallId;
use crate::shared::errors::StoreError;

/// Frames of either side that wait for the encoder: five seconds of both. When it is full the frame is left out, which
/// is heard as silence, and counted.
const QUEUE: usize = 512;
/// Two voices that are to stay apart.
const BITRATE: i32 = 64_000;
/// A page of 50 packets of this size still has room in its table.
const MAX_PACKET: usize = 1_020;
/// How long the last second waits for more before it is written.
const IDLE: Duration = Duration::from_secs(1);

/// The directory of recordings.
pub struct OggRecordings {
    dir: PathBuf,
}

impl OggRecordings {
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    fn path(&self, call: &CallId) -> PathBuf {
        self.dir.join(format!("{}.ogg", call.as_str()))
    }
}

#[async_trait]
impl Recordings for OggRecordings {
    fn open(&self, call: &CallId) -> Arc<dyn Recorder> {
        let (frames, queue) = sync_channel(QUEUE);
        let (path, id) = (self.path(call), call.clone());
        let writing = std::thread::Builder::new().name("recording".to_owned()).spawn(move || {
            if let Err(error) = write(&path, &queue) {
                metrics::counter!("emma_recordings_failed_total").increment(1);
                error!(call.id = %id, %error, "a call cannot be recorded any further");
            }
        });
        if let Err(error) = writing {
            error!(call.id = %call, %error, "a call cannot be recorded");
        }
        Arc::new(Tape { frames })
    }

    async fn find(&self, call: &CallId) -> Result<Option<PathBuf>, StoreError> {
        let path = self.path(call);
        match tokio::fs::try_exists(&path).await {
            Ok(exists) => Ok(exists.then_some(path)),
            Err(error) => Err(StoreError::Database(format!("recording: {error}"))),
        }
    }

    async fn purge(&self, call: &CallId) -> Result<(), StoreError> {
        match tokio::fs::remove_file(self.path(call)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::Database(format!("recording: {error}")))
            }
            _ => Ok(()),
        }
    }
}

/// The live call's end of the queue.
struct Tape {
    frames: SyncSender<Frame>,
}

impl Tape {
    fn add(&self, frame: Frame) {
        // Full: the encoder is behind. Closed: the disk has failed, which was told.
        if self.frames.try_send(frame).is_err() {
            metrics::counter!("emma_recording_frames_lost_total").increment(1);
        }
    }
}

impl Recorder for Tape {
    fn candidate(&self, pcm: &[f32; EAR_FRAME], at: CallTime) {
        self.add(Frame::Candidate(at, Box::new(*pcm)));
    }

    fn emma(&self, pcm: &[i16; VOICE_FRAME], at: CallTime) {
        self.add(Frame::Emma(at, Box::new(*pcm)));
    }
}

#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("file: {0}")]
    File(#[from] std::io::Error),
    #[error("Opus: {0}")]
    Opus(#[from] opus::Error),
}

/// The recording thread: until the call lets go of its end.
fn write(path: &Path, queue: &Receiver<Frame>) -> Result<(), WriteError> {
    let mut encoder = Encoder::new(EAR_RATE_HZ, Channels::Stereo, Application::Audio)?;
    encoder.set_bitrate(Bitrate::Bits(BITRATE))?;
    let delay = u16::try_from(encoder.get_lookahead()?).unwrap_or(0);
    let (mut file, mut stream) = open(path, delay)?;
    let mut mixer = Mixer::starting_at(stream.frames());
    let mut packet = [0; MAX_PACKET];
    loop {
        let (frames, done) = match queue.recv_timeout(IDLE) {
            Ok(frame) => {
                mixer.add(frame);
                (mixer.ready(), false)
            }
            Err(RecvTimeoutError::Timeout) => (mixer.all(), false),
            Err(RecvTimeoutError::Disconnected) => (mixer.all(), true),
        };
        for frame in frames {
            let length = encoder.encode_float(&frame, &mut packet)?;
            if let Some(page) = stream.push(&packet[..length]) {
                file.write_all(&page)?;
            }
        }
        if done {
            if mixer.late() > 0 {
                warn!(frames = mixer.late(), "some frames came too late to be recorded");
            }
            return Ok(file.write_all(&stream.end())?);
        }
    }
}

/// Opens the file at the end of what is whole in it; what a killed server left half-written goes.
fn open(path: &Path, delay: u16) -> Result<(File, OggStream), std::io::Error> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let so_far = std::fs::read(path)?;
    if let Some((stream, last, end)) = OggStream::resume(&so_far) {
        file.set_len(end.start as u64)?;
        file.seek(SeekFrom::Start(end.start as u64))?;
        file.write_all(&last)?;
        return Ok((file, stream));
    }
    file.set_len(0)?;
    // Any number does: there is one stream in the file.
    let (stream, head) = OggStream::begin(rand::random(), EAR_RATE_HZ, delay);
    file.write_all(&head)?;
    Ok((file, stream))
}

#[cfg(test)]
mod tests;
