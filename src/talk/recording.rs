//! The call as a stereo WAV: left the candidate, right Emma, on one clock.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use crate::talk::{FRAME, FRAME_TIME, RATE_HZ};

/// 10 s of audio may wait for the disk. When it is full the recording ends with an error: a gap would shift one side
/// against everything after it.
const BACKLOG: usize = 500;

/// One frame of both sides.
type Frame = Vec<(f32, f32)>;

/// A recording being written on its own thread.
pub struct Recording {
    frames: Option<SyncSender<Frame>>,
    writer: Option<JoinHandle<Result<(), hound::Error>>>,
    too_slow: bool,
}

impl Recording {
    /// Opens the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(path: &Path) -> Result<Self, hound::Error> {
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: RATE_HZ,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let file = hound::WavWriter::create(path, spec)?;
        let (frames, queue) = sync_channel(BACKLOG);
        let writer = std::thread::Builder::new()
            .name("talk-recording".to_owned())
            .spawn(move || write(file, &queue))?;
        Ok(Self {
            frames: Some(frames),
            writer: Some(writer),
            too_slow: false,
        })
    }

    /// Adds `frames` of silence on both sides.
    pub fn add_silence(&mut self, frames: u64) {
        // In one piece: a minute without a connection is no backlog of three thousand.
        self.queue(vec![(0.0, 0.0); frames as usize * FRAME]);
    }

    /// Adds one frame: what was sent and what was heard at the same time.
    pub fn add(&mut self, sent: &[f32], heard: &[f32]) {
        self.queue(
            sent.iter()
                .copied()
                .zip(heard.iter().copied().chain(std::iter::repeat(0.0)))
                .collect(),
        );
    }

    fn queue(&mut self, frame: Frame) {
        if let Some(frames) = &self.frames
            && let Err(error) = frames.try_send(frame)
        {
            self.too_slow = matches!(error, TrySendError::Full(_));
            self.frames = None;
        }
    }

    /// Writes what is left and closes the file.
    ///
    /// # Errors
    /// When the recording is not complete.
    pub fn finish(mut self) -> Result<(), String> {
        self.frames = None;
        let written = match self.writer.take().map(JoinHandle::join) {
            Some(Ok(written)) => written.map_err(|e| e.to_string()),
            Some(Err(_)) => Err("the writer died".to_owned()),
            None => Ok(()),
        };
        if self.too_slow {
            Err("the disk was too slow; the recording is cut off".to_owned())
        } else {
            written
        }
    }
}

/// `FILE.wav`, `FILE-2.wav`, ... for calls counted from 0.
pub fn path_of_call(path: &Path, call: usize) -> PathBuf {
    if call == 0 {
        return path.to_owned();
    }
    let part = |part: Option<&std::ffi::OsStr>| part.map(|p| p.to_string_lossy().into_owned());
    let stem = part(path.file_stem()).unwrap_or_default();
    let extension = part(path.extension()).unwrap_or_else(|| "wav".to_owned());
    path.with_file_name(format!("{stem}-{}.{extension}", call + 1))
}

fn write(mut file: hound::WavWriter<BufWriter<File>>, queue: &Receiver<Frame>) -> Result<(), hound::Error> {
    let frames_a_second = 1000 / FRAME_TIME.as_millis() as usize;
    for (count, frame) in queue.iter().enumerate() {
        for (left, right) in frame {
            file.write_sample(to_i16(left))?;
            file.write_sample(to_i16(right))?;
        }
        // The header is brought up to date every second, so that a killed process leaves a file that plays.
        if count % frames_a_second == 0 {
            file.flush()?;
        }
    }
    file.finalize()
}

fn to_i16(sample: f32) -> i16 {
    (sample * 32767.0).clamp(-32768.0, 32767.0) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_is_the_candidate_and_right_is_emma() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("call.wav");
        let mut recording = Recording::create(&path).expect("created");
        for _ in 0..100 {
            recording.add(&[0.5; 960], &[-0.25; 960]);
        }
        recording.add(&[0.5; 960], &[]);
        recording.finish().expect("written");
        let mut file = hound::WavReader::open(&path).expect("opens");
        assert_eq!(
            (file.spec().channels, file.spec().sample_rate, file.duration()),
            (2, 48_000, 101 * 960)
        );
        let samples: Vec<i16> = file.samples().map(|s| s.expect("sample")).collect();
        assert_eq!(samples[..2], [16383, -8191]);
        assert_eq!(samples[samples.len() - 2..], [16383, 0]);
    }

    #[test]
    fn each_call_has_its_own_file() {
        let path = Path::new("/tmp/out/call.wav");
        assert_eq!(path_of_call(path, 0), path);
        assert_eq!(path_of_call(path, 1), Path::new("/tmp/out/call-2.wav"));
    }
}
