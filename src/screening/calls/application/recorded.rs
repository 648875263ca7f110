//! Emma's voice on its way to the candidate, heard by the recorder too.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::screening::calls::domain::audio::{CallTime, VOICE_FRAME};
use crate::screening::calls::domain::ports::{MediaSink, Recorder};

/// A sink that records what passes, at the time it passes: that is when the playout clock says it is heard.
pub struct RecordedSink {
    pub sink: Arc<dyn MediaSink>,
    pub recorder: Arc<dyn Recorder>,
    /// When the session began, and at which moment of the call.
    pub began: Instant,
    pub offset: CallTime,
}

#[async_trait]
impl MediaSink for RecordedSink {
    fn send_audio(&self, pcm: &[i16; VOICE_FRAME]) {
        let passed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.recorder.emma(pcm, self.offset.plus(passed));
        self.sink.send_audio(pcm);
    }

    fn send_message(&self, message: String) {
        self.sink.send_message(message);
    }

    async fn close(&self) {
        self.sink.close().await;
    }
}
