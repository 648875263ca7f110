//! Voice activity by Silero VAD: one session on one named thread serves every call, each call keeps its own state.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use async_trait::async_trait;
use ort::session::Session;
use ort::value::TensorRef;
use tokio::sync::{mpsc, oneshot};

use crate::screening::calls::domain::audio::VAD_FRAME;
use crate::screening::calls::domain::ports::{SpeechError, VoiceActivity, VoiceStream};
use crate::shared::models::{ModelDir, ModelFile};
use crate::shared::onnx::{OnnxError, OnnxRuntime};

/// Samples of the previous frame the model sees in front of a frame.
const CONTEXT: usize = 64;
/// Floats of the recurrent state, shape `[2, 1, 128]`.
const STATE: usize = 2 * 128;
/// Frames that may wait for the model. A frame takes 0.1 ms and a call sends one every 32 ms and waits for
/// its answer, so this is more than one per call; when it is full a call waits for its place.
const QUEUE: usize = 256;
/// Frames between two resets of the state, 2 s. Music and long noise push the recurrent state to where it
/// misses the speech that follows; a reset clears that.
const RESET_AFTER: u32 = 63;
/// Frames in a row, about 160 ms, that must be clearly without speech before a due reset is done: one low
/// frame can be a dip inside a word.
const QUIET_FRAMES: u32 = 5;
/// Below this probability a frame is clearly without speech, far under any threshold of use.
const QUIET_BELOW: f32 = 0.1;

/// Silero VAD 6 for 16 kHz audio.
pub struct SileroVad {
    work: mpsc::Sender<Task>,
}

impl SileroVad {
    /// Loads the model, runs it once so that the first frame is not slow, and starts its thread.
    ///
    /// # Errors
    /// When a model file is missing or unusable.
    pub fn start(runtime: &OnnxRuntime, models: &ModelDir) -> Result<Self, OnnxError> {
        let mut session = runtime.open(&models.require(ModelFile::SileroVad)?, 1)?;
        run(&mut session, &[0.0; CONTEXT + VAD_FRAME], &mut Box::new([0.0; STATE]))?;
        let (work, tasks) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("emma-vad".to_owned())
            .spawn(move || serve(|input, state| run(&mut session, input, state), tasks))
            .map_err(|e| OnnxError::Runtime(e.to_string()))?;
        Ok(Self { work })
    }
}

impl VoiceActivity for SileroVad {
    fn open(&self) -> Box<dyn VoiceStream> {
        Box::new(SileroStream {
            work: self.work.clone(),
            memory: Memory::new(),
        })
    }
}

/// One call's stream.
struct SileroStream {
    work: mpsc::Sender<Task>,
    memory: Memory,
}

#[async_trait]
impl VoiceStream for SileroStream {
    async fn score(&mut self, frame: &[f32; VAD_FRAME]) -> Result<f32, SpeechError> {
        let (reply, answer) = oneshot::channel();
        let task = Task {
            input: self.memory.input(frame),
            state: self.memory.state.clone(),
            reply,
        };
        self.work.send(task).await.map_err(|_| stopped())?;
        let (probability, state) = answer.await.map_err(|_| stopped())??;
        self.memory.remember(frame, state, probability);
        Ok(probability)
    }
}

fn stopped() -> SpeechError {
    SpeechError::Failed("the voice activity thread has stopped".to_owned())
}

/// What the model must be told again with every frame of a stream.
struct Memory {
    context: [f32; CONTEXT],
    state: Box<[f32; STATE]>,
    since_reset: u32,
    quiet: u32,
}

impl Memory {
    fn new() -> Self {
        Self {
            context: [0.0; CONTEXT],
            state: Box::new([0.0; STATE]),
            since_reset: 0,
            quiet: 0,
        }
    }

    /// The model's input: the context, then the frame. Samples that are no numbers become silence.
    fn input(&self, frame: &[f32; VAD_FRAME]) -> Box<[f32; CONTEXT + VAD_FRAME]> {
        let mut input = Box::new([0.0; CONTEXT + VAD_FRAME]);
        input[..CONTEXT].copy_from_slice(&self.context);
        for (to, &from) in input[CONTEXT..].iter_mut().zip(frame) {
            *to = if from.is_finite() { from } else { 0.0 };
        }
        input
    }

    fn remember(&mut self, frame: &[f32; VAD_FRAME], state: Box<[f32; STATE]>, probability: f32) {
        self.state = state;
        for (to, &from) in self.context.iter_mut().zip(&frame[VAD_FRAME - CONTEXT..]) {
            *to = if from.is_finite() { from } else { 0.0 };
        }
        self.since_reset += 1;
        self.quiet = if probability < QUIET_BELOW { self.quiet + 1 } else { 0 };
        if self.since_reset >= RESET_AFTER && self.quiet >= QUIET_FRAMES {
            *self = Self::new();
        }
    }
}

/// The probability of speech and the state for the next frame.
type Scored = Result<(f32, State), SpeechError>;

/// One frame on its way to the model.
struct Task {
    input: Box<Input>,
    state: State,
    reply: oneshot::Sender<Scored>,
}

/// The thread's loop; ends when every stream and the engine are gone.
fn serve(mut run: impl FnMut(&Input, &mut State) -> Result<f32, OnnxError>, mut tasks: mpsc::Receiver<Task>) {
    let mut reported = HashSet::new();
    while let Some(mut task) = tasks.blocking_recv() {
        // The call ended or waits no longer.
        if task.reply.is_closed() {
            continue;
        }
        // A bug in the model or in what it is built on must not make the server deaf.
        let answer = catch_unwind(AssertUnwindSafe(|| run(&task.input, &mut task.state)));
        let answer = answer.unwrap_or_else(|_| Err(OnnxError::Runtime("the model panicked".to_owned())));
        let answer = answer.map_err(|error| {
            let message = error.to_string();
            // A broken model fails 31 times a second and call: each kind of failure is told once.
            if reported.len() < 16 && reported.insert(message.clone()) {
                tracing::error!(error = %message, "voice activity failed");
            }
            SpeechError::Failed(message)
        });
        // Nobody waits where the call ended meanwhile.
        let _ = task.reply.send(answer.map(|probability| (probability, task.state)));
    }
}

/// A frame with what the model must see in front of it.
type Input = [f32; CONTEXT + VAD_FRAME];
/// The recurrent state of a stream.
type State = Box<[f32; STATE]>;

/// Scores one input and moves `state` on.
fn run(session: &mut Session, input: &Input, state: &mut State) -> Result<f32, OnnxError> {
    let rate = [16_000_i64];
    let outputs = session.run(ort::inputs![
        "input" => TensorRef::from_array_view(([1_usize, CONTEXT + VAD_FRAME], &input[..]))?,
        "state" => TensorRef::from_array_view(([2_usize, 1, 128], &state[..]))?,
        "sr" => TensorRef::from_array_view(([0_usize; 0], &rate[..]))?,
    ])?;
    let (_, output) = outputs["output"].try_extract_tensor::<f32>()?;
    let probability = *output
        .first()
        .ok_or_else(|| OnnxError::Runtime("no output".to_owned()))?;
    let (_, next) = outputs["stateN"].try_extract_tensor::<f32>()?;
    if next.len() != STATE {
        return Err(OnnxError::Runtime(format!(
            "state of {} floats, expected {STATE}",
            next.len()
        )));
    }
    state.copy_from_slice(next);
    Ok(probability.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: CALL-10
    #[tokio::test]
    async fn a_model_that_breaks_over_one_frame_scores_the_next() {
        let (work, tasks) = mpsc::channel(2);
        let mut frames = 0;
        let model = move |_: &Input, _: &mut State| {
            frames += 1;
            assert!(frames > 1, "the model breaks");
            Ok(0.5)
        };
        let thread = std::thread::spawn(move || serve(model, tasks));
        let mut stream = SileroStream {
            work,
            memory: Memory::new(),
        };
        let broken = stream.score(&[0.0; VAD_FRAME]).await;
        assert!(
            matches!(&broken, Err(SpeechError::Failed(why)) if why.contains("panicked")),
            "{broken:?}"
        );
        assert_eq!(stream.score(&[0.0; VAD_FRAME]).await, Ok(0.5));
        drop(stream);
        thread.join().expect("it ends with the last stream");
    }

    #[test]
    fn the_end_of_a_frame_stands_in_front_of_the_next() {
        let mut memory = Memory::new();
        let mut frame = [0.0; VAD_FRAME];
        frame[VAD_FRAME - 1] = 0.5;
        frame[VAD_FRAME - CONTEXT] = f32::NAN;
        memory.remember(&frame, Box::new([1.0; STATE]), 0.9);
        let input = memory.input(&[0.25; VAD_FRAME]);
        assert!((input[CONTEXT - 1] - 0.5).abs() < f32::EPSILON);
        assert!(input[0].abs() < f32::EPSILON, "what is no number becomes silence");
        assert!((input[CONTEXT] - 0.25).abs() < f32::EPSILON);
    }

    #[test]
    fn the_state_is_cleared_after_two_seconds_but_never_in_the_middle_of_speech() {
        let mut memory = Memory::new();
        for _ in 0..RESET_AFTER + 20 {
            memory.remember(&[0.1; VAD_FRAME], Box::new([1.0; STATE]), 0.9);
        }
        assert!(memory.state[0] > 0.5, "speech keeps its state");
        for _ in 0..QUIET_FRAMES {
            memory.remember(&[0.0; VAD_FRAME], Box::new([1.0; STATE]), 0.01);
        }
        assert!(memory.state[0].abs() < f32::EPSILON);
        assert_eq!(memory.since_reset, 0);
    }
}
