//! From sentences to paced packets: one task renders in order, one sends 20 ms every 20 ms.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tracing::{Instrument as _, Span};

use crate::screening::calls::application::playout::{Playout, Progress};
use crate::screening::calls::application::spans::rendering;
use crate::screening::calls::domain::audio::VOICE_FRAME;
use crate::screening::calls::domain::conversation::{Input, UtteranceId};
use crate::screening::calls::domain::ports::{HeardWord, MediaSink, Priority, SpeechRequest, TextToSpeech};
use crate::screening::calls::domain::speakable::speakable;

/// One packet.
const TICK: Duration = Duration::from_millis(20);
/// A sentence whose next piece does not come within this time is given up.
const RENDER_TIMEOUT: Duration = Duration::from_secs(15);

/// Emma's voice in one call. Dropping it silences her.
pub struct Voice {
    tts: Arc<dyn TextToSpeech>,
    style: VoiceStyle,
    /// Sentences to render; bounded: a reply has a dozen at most, a full queue drops the sentence with a warning.
    sentences: mpsc::Sender<Sentence>,
    renderer: JoinHandle<()>,
    pacer: JoinHandle<()>,
    commands: mpsc::Sender<Command>,
    results: mpsc::Sender<Input>,
}

/// Which voice and how fast.
#[derive(Debug, Clone, PartialEq)]
pub struct VoiceStyle {
    pub voice: String,
    pub speed: f32,
}

/// A sentence to render, and the span of what it belongs to.
type Sentence = (UtteranceId, String, Span);

enum Command {
    Link(Option<Arc<dyn MediaSink>>),
    Push(UtteranceId, Arc<[i16]>),
    Complete(UtteranceId),
    Pause,
    Resume,
    Stop,
}

impl Voice {
    /// Starts the two tasks. What happens comes back on `results`.
    pub fn start(tts: Arc<dyn TextToSpeech>, style: VoiceStyle, results: mpsc::Sender<Input>) -> Self {
        // Bounded: the renderer waits when 256 pieces are not taken yet, which the pacer does within 20 ms.
        let (commands, received) = mpsc::channel(256);
        let pacer = tokio::spawn(pace(received, results.clone()));
        let (sentences, renderer) = start_renderer(&tts, &style, &commands, &results);
        Self {
            tts,
            style,
            sentences,
            renderer,
            pacer,
            commands,
            results,
        }
    }

    /// Sends to this candidate from now on, or to nobody.
    pub async fn link(&self, sink: Option<Arc<dyn MediaSink>>) {
        self.command(Command::Link(sink)).await;
    }

    /// Renders a sentence and plays it after those before it. It is traced in `span`.
    pub fn speak(&self, utterance: UtteranceId, text: String, span: Span) {
        if self.sentences.try_send((utterance, text, span)).is_err() {
            tracing::warn!(
                utterance = utterance.0,
                "too many sentences wait to be spoken, one is dropped"
            );
        }
    }

    pub async fn pause(&self) {
        self.command(Command::Pause).await;
    }

    pub async fn resume(&self) {
        self.command(Command::Resume).await;
    }

    /// Forgets all sentences that are playing, rendering or waiting.
    pub async fn stop(&mut self) {
        // A fresh renderer: whatever the old one was doing is cancelled with it.
        self.renderer.abort();
        self.command(Command::Stop).await;
        (self.sentences, self.renderer) = start_renderer(&self.tts, &self.style, &self.commands, &self.results);
    }

    async fn command(&self, command: Command) {
        if self.commands.send(command).await.is_err() {
            tracing::error!("the playout task is gone");
        }
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.renderer.abort();
        self.pacer.abort();
    }
}

fn start_renderer(
    tts: &Arc<dyn TextToSpeech>,
    style: &VoiceStyle,
    commands: &mpsc::Sender<Command>,
    results: &mpsc::Sender<Input>,
) -> (mpsc::Sender<Sentence>, JoinHandle<()>) {
    let (sender, mut sentences) = mpsc::channel::<Sentence>(64);
    let (tts, style, commands, results) = (tts.clone(), style.clone(), commands.clone(), results.clone());
    let task = tokio::spawn(async move {
        while let Some((utterance, text, span)) = sentences.recv().await {
            let span = rendering(&span, utterance);
            let rendered = render(&*tts, &style, text, utterance, &commands).instrument(span.clone());
            let result = match rendered.await {
                Ok((words, duration_ms)) => {
                    span.record("audio_ms", duration_ms).record("outcome", "done");
                    Input::Rendered {
                        utterance,
                        words,
                        duration_ms,
                    }
                }
                Err(error) => {
                    span.record("outcome", "failed");
                    tracing::warn!(utterance = utterance.0, %error, "a sentence could not be spoken");
                    Input::RenderFailed { utterance }
                }
            };
            // The words must be known before the sentence ends; then its end may be told.
            if results.send(result).await.is_err() || commands.send(Command::Complete(utterance)).await.is_err() {
                return;
            }
        }
    });
    (sender, task)
}

#[derive(Debug, thiserror::Error)]
enum RenderError {
    #[error(transparent)]
    Speech(#[from] crate::screening::calls::domain::ports::SpeechError),
    #[error("no audio came within {} s", RENDER_TIMEOUT.as_secs())]
    TimedOut(#[from] tokio::time::error::Elapsed),
}

async fn render(
    tts: &dyn TextToSpeech,
    style: &VoiceStyle,
    text: String,
    utterance: UtteranceId,
    commands: &mpsc::Sender<Command>,
) -> Result<(Vec<HeardWord>, u64), RenderError> {
    let request = SpeechRequest {
        text: speakable(&text),
        voice: style.voice.clone(),
        speed: style.speed,
        priority: Priority::Live,
    };
    let mut chunks = tokio::time::timeout(RENDER_TIMEOUT, tts.speak(request)).await??;
    let (mut words, mut samples) = (Vec::new(), 0);
    while let Some(chunk) = tokio::time::timeout(RENDER_TIMEOUT, chunks.recv()).await? {
        let chunk = chunk?;
        words.extend(chunk.words);
        samples += chunk.pcm.len() as u64;
        if commands.send(Command::Push(utterance, chunk.pcm)).await.is_err() {
            break;
        }
    }
    Ok((words, samples / 48))
}

async fn pace(mut commands: mpsc::Receiver<Command>, results: mpsc::Sender<Input>) {
    let mut playout = Playout::default();
    let mut sink: Option<Arc<dyn MediaSink>> = None;
    let mut frame = [0i16; VOICE_FRAME];
    let mut ticks = tokio::time::interval(TICK);
    // After a hiccup of the machine the packets that are late go out at once: the browser's buffer takes them.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        tokio::select! {
            biased;
            command = commands.recv() => match command {
                None => return,
                Some(Command::Link(new)) => sink = new,
                Some(Command::Push(utterance, pcm)) => playout.push(utterance, pcm),
                Some(Command::Complete(utterance)) => playout.complete(utterance),
                Some(Command::Pause) => playout.pause(),
                Some(Command::Resume) => playout.resume(),
                Some(Command::Stop) => playout.stop(),
            },
            _ = ticks.tick() => {
                let Some(sink) = &sink else { continue };
                let reports = playout.next_frame(&mut frame);
                sink.send_audio(&frame);
                for report in reports {
                    match report {
                        // A report that finds no room is made up for by the next one.
                        Progress::Played { utterance, upto_ms } => {
                            let _ = results.try_send(Input::Played { utterance, upto_ms });
                        }
                        Progress::PlayedOut { utterance } => {
                            if results.send(Input::PlayedOut { utterance }).await.is_err() {
                                return;
                            }
                        }
                    }
                }
            }
        }
    }
}
