//! The one live loop of a call. It starts and cancels the work the conversation asks for and brings the results back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info, warn};

use crate::screening::calls::application::diary::Diary;
use crate::screening::calls::application::ears::{EarBuffer, level_dbfs};
use crate::screening::calls::application::interviewing::{Early, Interviewer, Talk};
use crate::screening::calls::application::live::{Command, Seat};
use crate::screening::calls::application::messages::{self, Meaning};
use crate::screening::calls::application::recorded::RecordedSink;
use crate::screening::calls::application::spans::TurnSpans;
use crate::screening::calls::application::voice::{Voice, VoiceStyle};
use crate::screening::calls::domain::audio::{CallTime, Span, VAD_FRAME};
use crate::screening::calls::domain::call::ScreeningCall;
use crate::screening::calls::domain::conversation::{Conversation, Input, Limits, Output, ReplyRequest, Tag};
use crate::screening::calls::domain::ports::{
    BackgroundWork, MediaEvent, MediaLink, MediaSink, Priority, Recorder, SpeechError, SpeechToText, TextToSpeech,
    TranscriptionJob, TurnJudge, VoiceActivity, VoiceStream,
};
use crate::screening::calls::domain::segment::TranscriptSegment;
use crate::screening::calls::domain::status::EndReason;
use crate::shared::telemetry::TURN_LATENCY;

/// A transcription that takes longer is given up.
const TRANSCRIBE_TIMEOUT: Duration = Duration::from_secs(20);
const JUDGE_TIMEOUT: Duration = Duration::from_secs(3);
const REPLY_TIMEOUT: Duration = Duration::from_secs(8);
/// Voice activity answers in less than a millisecond; the live loop waits for it.
const VAD_TIMEOUT: Duration = Duration::from_millis(200);
/// The same after it did not answer in time: shorter than a frame of 32 ms, so that the loop falls no further behind.
const VAD_HASTE: Duration = Duration::from_millis(20);
/// From the last packet sent to the closing of the link: what is in the browser's buffers is still to be heard.
const LINGER: Duration = Duration::from_millis(600);
/// Length of a frame of the candidate's audio.
const FRAME_MS: u64 = 20;

/// The engines a call works with.
#[derive(Clone)]
pub struct Engines {
    pub voice_activity: Arc<dyn VoiceActivity>,
    pub turn_judge: Arc<dyn TurnJudge>,
    pub speech_to_text: Arc<dyn SpeechToText>,
    pub text_to_speech: Arc<dyn TextToSpeech>,
    pub interviewer: Arc<dyn Interviewer>,
    /// Rendering ahead, which gives way to listening.
    pub background: Arc<dyn BackgroundWork>,
    pub style: VoiceStyle,
    pub limits: Limits,
    /// How long a lost connection may take to come back.
    pub reconnect_grace: Duration,
    /// Names and versions of everything above, stored with each call.
    pub versions: serde_json::Value,
}

/// One running call.
pub struct Session {
    engines: Engines,
    talk: Arc<Talk>,
    conversation: Conversation,
    diary: Diary,
    commands: mpsc::Receiver<Command>,
    /// Bounded: workers wait; the playout clock's reports are dropped when it is full.
    results: mpsc::Receiver<Input>,
    report: mpsc::Sender<Input>,
    voice: Voice,
    spans: TurnSpans,
    ears: EarBuffer,
    vad: Box<dyn VoiceStream>,
    vad_hangs: bool,
    vad_failed: bool,
    /// Where the candidate agreed to be recorded.
    recorder: Option<Arc<dyn Recorder>>,
    events: Option<mpsc::Receiver<MediaEvent>>,
    sink: Option<Arc<dyn MediaSink>>,
    /// The work under way, by what asked for it.
    work: BTreeMap<Tag, CancellationToken>,
    began: Instant,
    offset: CallTime,
    /// Held while the candidate has the floor.
    quiet: Option<Box<dyn Send>>,
    seat: Seat,
    lost_since: Option<Instant>,
    /// A candidate was in the call at some time.
    begun: bool,
    /// The call was under way before this process: what Emma said then stands only in the store.
    forgetful: bool,
    ended: bool,
}

impl Session {
    /// A session without a connection yet. `resumed` is true for a call that was under way before.
    pub fn new(
        engines: Engines,
        talk: Arc<Talk>,
        call: &ScreeningCall,
        diary: Diary,
        commands: mpsc::Receiver<Command>,
        seat: Seat,
        resumed: bool,
    ) -> Self {
        let (report, results) = mpsc::channel(1024);
        let offset = CallTime::from_ms(call.media_ms);
        let voice = Voice::start(engines.text_to_speech.clone(), engines.style.clone(), report.clone());
        Self {
            conversation: Conversation::new(
                talk.plan.clone(),
                call.coverage.clone(),
                engines.limits,
                resumed,
                offset,
            ),
            vad: engines.voice_activity.open(),
            vad_hangs: false,
            vad_failed: false,
            spans: TurnSpans::default(),
            ears: EarBuffer::new(offset),
            engines,
            talk,
            diary,
            commands,
            results,
            report,
            voice,
            recorder: None,
            events: None,
            sink: None,
            work: BTreeMap::new(),
            began: Instant::now(),
            offset,
            quiet: None,
            seat,
            lost_since: Some(Instant::now()),
            begun: resumed,
            forgetful: resumed,
            ended: false,
        }
    }

    /// Keeps the sound of the call.
    #[must_use]
    pub fn recorded_by(mut self, recorder: Option<Arc<dyn Recorder>>) -> Self {
        self.recorder = recorder;
        self
    }

    /// Goes on from earlier attempts.
    #[must_use]
    pub fn going_on_from(mut self, earlier: &[TranscriptSegment]) -> Self {
        self.conversation.recall(earlier);
        self
    }

    /// Runs until the call is over or suspended.
    pub async fn run(mut self) {
        info!("session started");
        while !self.ended {
            self.perform_all().await;
            if self.ended {
                break;
            }
            let deadline = self.conversation.deadline().map(|(at, _)| self.instant_of(at));
            let grace = self.lost_since.map(|since| since + self.engines.reconnect_grace);
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(Command::Attach(link)) => self.attach(link).await,
                    Some(Command::End(reason)) => self.feed(Input::EndRequested(reason)),
                    Some(Command::Suspend) | None => return self.suspend().await,
                },
                Some(input) = self.results.recv() => self.feed(input),
                event = next_event(self.events.as_mut()) => self.media(event).await,
                () = sleep_until(deadline) => self.feed(Input::Tick),
                () = sleep_until(grace) => {
                    if !self.begun {
                        // Nobody ever came through: the call stays ready for another try.
                        info!("no connection came about");
                        return;
                    }
                    self.lost_since = None;
                    self.feed(Input::EndRequested(EndReason::DisconnectTimeout));
                }
            }
        }
        info!("session ended");
    }

    fn now(&self) -> CallTime {
        self.offset
            .plus(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn instant_of(&self, at: CallTime) -> Instant {
        self.began + Duration::from_millis(at.since(self.offset))
    }

    fn feed(&mut self, input: Input) {
        let now = self.now();
        self.conversation.handle(input, now);
    }

    async fn attach(&mut self, link: MediaLink) {
        if let Some(old) = self.sink.replace(link.sink) {
            old.close().await;
        }
        self.events = Some(link.events);
        // A new connection may replace one that was alive: the old one is as good as lost.
        self.lost().await;
        self.seat.take();
        self.seat.settle();
        // It has all of the grace to come about.
        self.lost_since = Some(Instant::now());
    }

    async fn media(&mut self, event: Option<MediaEvent>) {
        match event {
            Some(MediaEvent::Connected) => {
                info!("candidate connected");
                // After an interruption the seat was free.
                self.seat.take();
                self.lost_since = None;
                self.begun = true;
                self.voice.link(self.recorded_sink()).await;
                self.diary.connected().await;
                let said = self.diary.transcript().await;
                if let Some(sink) = &self.sink {
                    for segment in &said {
                        sink.send_message(messages::caption_of(segment));
                    }
                }
                if std::mem::take(&mut self.forgetful) {
                    self.conversation.remember(&said);
                }
                self.feed(Input::Connected);
            }
            Some(MediaEvent::Audio { pcm, received }) => self.hear(&pcm, received).await,
            Some(MediaEvent::Message(text)) => match messages::read(&text) {
                Meaning::Input(input) => self.feed(input),
                Meaning::Answer(answer) => self.send(answer),
            },
            Some(MediaEvent::Interrupted) => {
                // Nobody knows whether the candidate comes back on this connection or makes another.
                self.seat.leave();
                self.lost().await;
            }
            Some(MediaEvent::Closed) | None => {
                self.events = None;
                self.sink = None;
                self.seat.leave();
                self.lost().await;
            }
        }
    }

    /// The way to the candidate, past the recorder where there is one.
    fn recorded_sink(&self) -> Option<Arc<dyn MediaSink>> {
        let (sink, Some(recorder)) = (self.sink.clone()?, &self.recorder) else {
            return self.sink.clone();
        };
        Some(Arc::new(RecordedSink {
            sink,
            recorder: recorder.clone(),
            began: self.began,
            offset: self.offset,
        }))
    }

    async fn lost(&mut self) {
        if self.lost_since.is_none() {
            info!("candidate disconnected");
            self.lost_since = Some(Instant::now());
            self.voice.link(None).await;
            self.feed(Input::Disconnected);
            self.diary.disconnected(self.now()).await;
        }
    }

    async fn hear(&mut self, pcm: &[f32; 320], received: bool) {
        let now = self.now();
        self.ears.push(pcm, now);
        if let Some(recorder) = &self.recorder {
            recorder.candidate(pcm, self.ears.end().minus(FRAME_MS));
        }
        while let Some((frame, at)) = self.ears.next_vad_frame() {
            let speech = self.speech_in(&frame).await;
            self.conversation.handle(
                Input::Frame {
                    speech,
                    level_dbfs: level_dbfs(&frame),
                    received,
                },
                at,
            );
            self.perform_all().await;
        }
    }

    /// How probably the candidate speaks in a frame; not known is silence. A model that hangs is waited for once, then
    /// no longer than keeps pace with the audio, until it answers again.
    async fn speech_in(&mut self, frame: &[f32; VAD_FRAME]) -> f32 {
        let patience = if self.vad_hangs { VAD_HASTE } else { VAD_TIMEOUT };
        let scored = tokio::time::timeout(patience, self.vad.score(frame)).await;
        self.vad_hangs = scored.is_err();
        match scored.unwrap_or(Err(SpeechError::TimedOut)) {
            Ok(speech) => speech,
            Err(error) => {
                if !std::mem::replace(&mut self.vad_failed, true) {
                    warn!(%error, "voice activity was not known for a frame; further ones are not told");
                }
                0.0
            }
        }
    }

    async fn perform_all(&mut self) {
        while let Some(output) = self.conversation.poll() {
            if let Some(message) = messages::from_output(&output) {
                self.send(message);
            }
            self.perform(output).await;
        }
        match (self.conversation.candidate_has_the_floor(), &self.quiet) {
            (true, None) => self.quiet = Some(self.engines.background.hold()),
            (false, Some(_)) => self.quiet = None,
            _ => {}
        }
    }

    async fn perform(&mut self, output: Output) {
        match output {
            Output::Transcribe {
                tag,
                audio,
                speech_ms,
                context,
                certain,
            } => self.transcribe(tag, audio, speech_ms, context, certain),
            Output::JudgeTurn { tag, audio, silence_ms } => self.judge(tag, audio, silence_ms),
            Output::Discard { tag } => self.discard(tag),
            Output::Reply { tag, request } => self.reply(tag, request),
            Output::Speak { utterance, text } => self.voice.speak(utterance, text, self.spans.speaking()),
            Output::PausePlayout => self.voice.pause().await,
            Output::ResumePlayout => self.voice.resume().await,
            Output::StopPlayout => self.voice.stop().await,
            Output::Store(segment) => self.diary.segment(segment).await,
            Output::Covered(coverage) => self.diary.covered(coverage, self.now()).await,
            Output::PauseBegan => self.diary.paused().await,
            Output::PauseEnded => self.diary.connected().await,
            Output::Flag(flag) => self.diary.flag(&flag, self.now()).await,
            Output::Answered { turn, latency, .. } => {
                info!(
                    turn,
                    total_ms = latency.total_ms,
                    end_of_turn_ms = latency.end_of_turn_ms,
                    transcription_ms = latency.transcription_ms,
                    first_token_ms = latency.first_token_ms,
                    reply_ms = latency.reply_ms,
                    first_audio_ms = latency.first_audio_ms,
                    "turn answered"
                );
                self.spans.answered(turn, &latency);
                metrics::histogram!(TURN_LATENCY).record(latency.total_ms as f64 / 1000.0);
            }
            Output::End(reason) => self.end(reason).await,
            Output::Caption { .. } | Output::Show(_) | Output::Progress { .. } => {}
        }
    }

    fn transcribe(&mut self, tag: Tag, audio: Span, speech_ms: u64, context: String, certain: bool) {
        let job = TranscriptionJob {
            audio: self.ears.stretch(audio),
            priority: if certain { Priority::Live } else { Priority::Speculative },
            language: self.talk.plan.language.clone(),
            context,
            speech_ms: Some(speech_ms),
            cancel: self.token(tag),
        };
        let stt = self.engines.speech_to_text.clone();
        let span = self.spans.hearing(tag, certain);
        self.spawn(tag, span, async move {
            let transcript = match tokio::time::timeout(TRANSCRIBE_TIMEOUT, stt.transcribe(job)).await {
                Ok(Ok(transcript)) => {
                    ended("done");
                    Some(transcript)
                }
                Ok(Err(error)) => {
                    ended("failed");
                    warn!(%error, turn = tag.turn, "a transcription failed");
                    None
                }
                Err(_) => {
                    ended("timed out");
                    warn!(turn = tag.turn, "a transcription took too long");
                    None
                }
            };
            Input::Transcribed { tag, transcript }
        });
    }

    fn judge(&mut self, tag: Tag, audio: Span, silence_ms: u64) {
        let audio = self.ears.stretch(audio);
        let judge = self.engines.turn_judge.clone();
        let span = self.spans.judging(tag, silence_ms);
        self.spawn(tag, span, async move {
            // Not knowing is "unfinished": the policy's patience then decides.
            let probability = match tokio::time::timeout(JUDGE_TIMEOUT, judge.judge(audio)).await {
                Ok(Ok(probability)) => {
                    ended("done");
                    probability
                }
                Ok(Err(error)) => {
                    ended("failed");
                    warn!(%error, "the turn model gave no answer");
                    0.0
                }
                Err(_) => {
                    ended("timed out");
                    0.0
                }
            };
            debug!(turn = tag.turn, silence_ms, probability, "turn judged");
            Input::TurnJudged {
                tag,
                silence_ms,
                probability,
            }
        });
    }

    fn reply(&mut self, tag: Tag, request: ReplyRequest) {
        let (interviewer, talk) = (self.engines.interviewer.clone(), self.talk.clone());
        let report = self.report.clone();
        let span = self.spans.replying(tag);
        self.spawn(tag, span, async move {
            // Bounded: the interviewer waits until a part was handed on.
            let (early, mut news) = mpsc::channel(4);
            let work = tokio::time::timeout(REPLY_TIMEOUT, interviewer.reply(&talk, &request, &early));
            tokio::pin!(work);
            let reply = loop {
                tokio::select! {
                    biased;
                    Some(news) = news.recv() => {
                        // A closed channel means the call is over.
                        let _ = report.send(early_input(tag, news)).await;
                    }
                    reply = &mut work => break reply,
                }
            };
            while let Ok(news) = news.try_recv() {
                let _ = report.send(early_input(tag, news)).await;
            }
            ended(if reply.is_ok() { "done" } else { "timed out" });
            let reply = reply.unwrap_or_else(|_| {
                warn!(turn = tag.turn, "the interviewer took too long");
                interviewer.without_help(&talk, &request)
            });
            Input::ReplyReady { tag, reply }
        });
    }

    fn token(&mut self, tag: Tag) -> CancellationToken {
        // Work of turns long gone has reported or timed out.
        self.work.retain(|old, _| old.turn + 2 > tag.turn);
        self.work.entry(tag).or_default().clone()
    }

    /// `span` is that of the work; without an outcome it was thrown away.
    fn spawn(&mut self, tag: Tag, span: tracing::Span, work: impl Future<Output = Input> + Send + 'static) {
        let (cancel, report) = (self.token(tag), self.report.clone());
        let task = async move {
            tokio::select! {
                biased;
                () = cancel.cancelled() => {}
                input = work.instrument(span) => {
                    // A closed channel means the call is over.
                    let _ = report.send(input).await;
                }
            }
        };
        tokio::spawn(task.in_current_span());
    }

    fn discard(&mut self, tag: Tag) {
        if let Some(token) = self.work.remove(&tag) {
            token.cancel();
        }
    }

    fn send(&self, message: String) {
        if let Some(sink) = &self.sink {
            sink.send_message(message);
        }
    }

    async fn end(&mut self, reason: EndReason) {
        self.ended = true;
        for token in self.work.values() {
            token.cancel();
        }
        let coverage = self.conversation.coverage().clone();
        let status = self.diary.finish(reason, coverage, self.now()).await;
        self.send(messages::ended(status, reason));
        if let Some(sink) = self.sink.take() {
            tokio::time::sleep(LINGER).await;
            sink.close().await;
        }
    }

    async fn suspend(mut self) {
        info!("session suspended");
        self.feed(Input::Disconnected);
        while let Some(output) = self.conversation.poll() {
            if let Output::Store(segment) = output {
                self.diary.segment(segment).await;
            }
        }
        self.diary.disconnected(self.now()).await;
        self.diary.close().await;
        if let Some(sink) = self.sink.take() {
            sink.close().await;
        }
    }
}

/// Notes how the work of the current span ended.
fn ended(outcome: &str) {
    tracing::Span::current().record("outcome", outcome);
}

async fn next_event(events: Option<&mut mpsc::Receiver<MediaEvent>>) -> Option<MediaEvent> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn early_input(tag: Tag, news: Early) -> Input {
    match news {
        Early::FirstToken => Input::FirstToken { tag },
        Early::Part(part) => Input::ReplyPart { tag, part },
    }
}

#[cfg(test)]
mod tests;
