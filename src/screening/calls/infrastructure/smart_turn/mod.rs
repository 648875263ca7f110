//! Smart Turn v3.2: whether somebody who fell silent has finished. One session on one named thread.

mod mel;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_trait::async_trait;
use ort::session::Session;
use ort::value::TensorRef;
use tokio::sync::{mpsc, oneshot};

use crate::screening::calls::domain::ports::{SpeechError, TurnJudge};
use crate::screening::calls::infrastructure::smart_turn::mel::{BANDS, FRAMES, LogMel};
use crate::shared::models::{ModelDir, ModelFile};
use crate::shared::onnx::{OnnxError, OnnxRuntime};

/// Judgements that may wait. One takes about 45 ms and is worthless half a second later, so more than this
/// cannot be served in time: when it is full the request is refused and the call decides by silence alone.
const QUEUE: usize = 16;

/// Judges turns from their last 8 s of sound.
pub struct SmartTurn {
    work: mpsc::Sender<Task>,
}

struct Task {
    audio: Arc<[f32]>,
    reply: oneshot::Sender<Result<f32, SpeechError>>,
}

impl SmartTurn {
    /// Loads the model, runs it once so that the first judgement is not slow, and starts its thread.
    ///
    /// # Errors
    /// When a model file is missing or unusable.
    pub fn start(runtime: &OnnxRuntime, models: &ModelDir) -> Result<Self, OnnxError> {
        let mut session = runtime.open(&models.require(ModelFile::SmartTurn)?, 1)?;
        let mut mel = LogMel::new();
        judge(&mut session, &mut mel, &vec![0.0; 16_000])?;
        let (work, tasks) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("emma-turn".to_owned())
            .spawn(move || serve(|audio| judge(&mut session, &mut mel, audio), tasks))
            .map_err(|e| OnnxError::Runtime(e.to_string()))?;
        Ok(Self { work })
    }
}

#[async_trait]
impl TurnJudge for SmartTurn {
    async fn judge(&self, audio: Arc<[f32]>) -> Result<f32, SpeechError> {
        let (reply, answer) = oneshot::channel();
        self.work.try_send(Task { audio, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SpeechError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        answer.await.map_err(|_| stopped())?
    }
}

fn stopped() -> SpeechError {
    SpeechError::Failed("the turn model's thread has stopped".to_owned())
}

/// The thread's loop; ends when the engine is gone.
fn serve(mut judge: impl FnMut(&[f32]) -> Result<f32, OnnxError>, mut tasks: mpsc::Receiver<Task>) {
    while let Some(task) = tasks.blocking_recv() {
        // The speaker went on and the caller dropped the question.
        if task.reply.is_closed() {
            continue;
        }
        // A bug in the model or in what it is built on must not end the judging for every call.
        let answer = catch_unwind(AssertUnwindSafe(|| judge(&task.audio)));
        let answer = answer.unwrap_or_else(|_| Err(OnnxError::Runtime("the model panicked".to_owned())));
        let _ = task.reply.send(answer.map_err(|e| SpeechError::Failed(e.to_string())));
    }
}

/// The model's only output is called `logits` but has passed the sigmoid already.
fn judge(session: &mut Session, mel: &mut LogMel, audio: &[f32]) -> Result<f32, OnnxError> {
    let features = mel.features(audio);
    let outputs = session.run(ort::inputs![
        "input_features" => TensorRef::from_array_view(([1_usize, BANDS, FRAMES], &features[..]))?,
    ])?;
    let (_, probability) = outputs["logits"].try_extract_tensor::<f32>()?;
    let probability = *probability
        .first()
        .ok_or_else(|| OnnxError::Runtime("no output".to_owned()))?;
    Ok(probability.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: CALL-10
    #[tokio::test]
    async fn a_model_that_breaks_over_one_turn_judges_the_next() {
        let (work, tasks) = mpsc::channel(2);
        let mut turns = 0;
        let model = move |_: &[f32]| {
            turns += 1;
            assert!(turns > 1, "the model breaks");
            Ok(0.75)
        };
        let thread = std::thread::spawn(move || serve(model, tasks));
        let judge = SmartTurn { work };
        let broken = judge.judge([].into()).await;
        assert!(
            matches!(&broken, Err(SpeechError::Failed(why)) if why.contains("panicked")),
            "{broken:?}"
        );
        assert_eq!(judge.judge([].into()).await, Ok(0.75));
        drop(judge);
        thread.join().expect("it ends with the engine");
    }
}
