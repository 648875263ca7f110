//! One call from the link to its end: joins, talks, listens, and reports.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::talk::At;
use crate::talk::FRAME_TIME;
use crate::talk::console::Console;
use crate::talk::emma_audio::EmmaAudio;
use crate::talk::error::{CONNECT, CallError};
use crate::talk::files::Content;
use crate::talk::http::Interview;
use crate::talk::line::Line;
use crate::talk::pacing::{self, Microphone};
use crate::talk::peer::PeerEvent;
use crate::talk::protocol::{self, EmmaState, Ended, ServerMessage};
use crate::talk::recording::Recording;
use crate::talk::report::{CallReport, Summary, TurnReport};
use crate::talk::settings::Settings;
use crate::talk::transcript::Transcript;
use crate::talk::turn_tracker::{Action, TurnTracker};

/// After asking for the end, for the server to say that it has ended.
const GOODBYE: Duration = Duration::from_secs(4);
/// After the server said so, for the last audio in flight.
const LAST_AUDIO: Duration = Duration::from_millis(300);

/// Makes the call; a failure is in the report, beside what had happened until then.
pub async fn run(settings: &Settings, number: usize, console: Console, cancel: CancellationToken) -> CallReport {
    let joined = tokio::select! {
        joined = Box::pin(Call::join(settings, number, console)) => joined,
        () = cancel.cancelled() => {
            return CallReport { error: Some("interrupted before the call began".to_owned()), ..CallReport::default() };
        }
    };
    let mut call = match joined {
        Ok(call) => call,
        Err(error) => {
            return CallReport {
                error: Some(error.to_string()),
                ..CallReport::default()
            };
        }
    };
    let result = call.talk(&cancel).await;
    let result = call.hang_up(result).await;
    call.report(result.err().map(|error| error.to_string()))
}

struct Call<'a> {
    settings: &'a Settings,
    console: Console,
    interview: Interview,
    line: Line,
    started: Instant,
    microphone: Microphone,
    emma: EmmaAudio,
    tracker: TurnTracker,
    transcript: Transcript,
    recording: Option<Recording>,
    /// Frames of the call's clock that have passed.
    ticks: u64,
    ended: Option<Ended>,
    /// When the loop ends, once the end is near.
    leave_at: Option<Instant>,
    channel_closed: bool,
    /// This side asked for the end: whatever closes now is no failure.
    asked_to_end: bool,
}

impl<'a> Call<'a> {
    async fn join(settings: &'a Settings, number: usize, console: Console) -> Result<Self, CallError> {
        let mut interview = Interview::open(&settings.url)?;
        let description = interview.describe().await?;
        interview.consent(&description).await?;
        let seed = settings.seed.wrapping_add(number as u64);
        let line = Line::join(&interview, description.ice_servers, settings, seed).await?;
        let recording = settings
            .record_path(number)
            .map(|path| Recording::create(&path).map_err(|e| CallError::Recording(format!("{}: {e}", path.display()))))
            .transpose()?;
        Ok(Self {
            settings,
            console,
            interview,
            line,
            started: Instant::now(),
            microphone: Microphone::new(settings.noise_dbfs, seed),
            emma: EmmaAudio::default(),
            tracker: TurnTracker::new(settings.habits),
            transcript: Transcript::default(),
            recording,
            ticks: 0,
            ended: None,
            leave_at: None,
            channel_closed: false,
            asked_to_end: false,
        })
    }

    fn now(&self) -> At {
        self.started.elapsed()
    }

    /// Talks until the call is over. `Ok` is an orderly end, by either side.
    async fn talk(&mut self, cancel: &CancellationToken) -> Result<(), CallError> {
        tokio::select! {
            connected = self.connected() => connected?,
            () = cancel.cancelled() => return Ok(()),
        }
        self.started = Instant::now();
        self.console.start(self.started);
        self.console.note("connected");
        let out_of_time = self.started + self.settings.timeout;
        let mut drop = self.settings.drop;
        let mut clock = pacing::clock();
        while self.leave_at.is_none_or(|at| Instant::now() < at) {
            tokio::select! {
                _ = clock.tick() => self.tick().await?,
                () = sleep_until(drop.map_or(out_of_time, |drop| self.started + drop.after)), if drop.is_some() => {
                    let away = drop.take().map_or(Duration::ZERO, |drop| drop.away);
                    self.drop_and_come_back(away).await?;
                    clock.reset();
                }
                event = self.line.event() => match event {
                    Some(PeerEvent::Message(text)) => self.message(&text),
                    Some(PeerEvent::Connected) => {}
                    Some(PeerEvent::ChannelClosed) => {
                        self.channel_closed = true;
                        self.closing(GOODBYE);
                    }
                    Some(PeerEvent::Refused(why)) => return Err(CallError::Refused(why)),
                    Some(PeerEvent::Failed) | None => return self.gone().await,
                },
                () = cancel.cancelled() => {
                    self.console.note("hanging up");
                    return Ok(());
                }
                () = sleep_until(out_of_time) => return Err(CallError::Timeout(self.settings.timeout)),
            }
        }
        if self.channel_closed && self.ended.is_none() {
            self.gone().await
        } else {
            Ok(())
        }
    }

    async fn connected(&mut self) -> Result<(), CallError> {
        let connect = async {
            loop {
                match self.line.event().await {
                    Some(PeerEvent::Connected) => return Ok(()),
                    Some(PeerEvent::Refused(why)) => return Err(CallError::Refused(why)),
                    Some(_) => {}
                    None => return Err(CallError::Lost),
                }
            }
        };
        timeout(CONNECT, connect).await.map_err(|_| CallError::NotConnected)?
    }

    /// Loses the connection, stays away and makes another for the same call.
    async fn drop_and_come_back(&mut self, away: Duration) -> Result<(), CallError> {
        self.console.note("the connection drops");
        self.microphone.stop();
        self.line.cut().await;
        sleep(away).await;
        self.line.rejoin(&self.interview).await?;
        self.connected().await?;
        self.tracker.came_back(self.now());
        self.fill_recording();
        self.console.note("connected again");
        Ok(())
    }

    /// Silence for the time without a connection, so that the recording stays on the call's clock.
    fn fill_recording(&mut self) {
        let due = (self.now().as_millis() / FRAME_TIME.as_millis()) as u64;
        if let Some(recording) = &mut self.recording {
            recording.add_silence(due.saturating_sub(self.ticks));
        }
        self.ticks = self.ticks.max(due);
    }

    /// 20 ms of the call: speaks, listens, decides.
    async fn tick(&mut self) -> Result<(), CallError> {
        let frame = self.microphone.frame();
        self.ticks += 1;
        self.line.send(&frame.samples).await?;
        let now = self.now();
        if frame.first_speech {
            self.tracker.first_speech_sent(now);
        }
        if frame.last_speech {
            self.tracker.last_speech_sent(now);
        }
        if frame.end {
            self.tracker.answer_done();
        }
        let played = self.line.hear(now, self.started);
        let heard = self.emma.frame(&played.samples, played.arrived);
        match (heard.onset, heard.audible) {
            (Some(arrived), _) => self.tracker.onset(now, arrived),
            (None, true) => self.tracker.audible(now, played.arrived.unwrap_or(now)),
            (None, false) => {}
        }
        if let Some(recording) = &mut self.recording {
            recording.add(&frame.samples, &played.samples);
        }
        match self.tracker.tick(now) {
            Some(Action::Answer { turn }) => self.answer(turn).await,
            Some(Action::HangUp) => {
                self.console.note("that was the last answer; saying goodbye");
                self.asked_to_end = true;
                self.line.say(&json!({"type": "end"})).await?;
                self.closing(GOODBYE);
                Ok(())
            }
            None => Ok(()),
        }
    }

    async fn answer(&mut self, turn: usize) -> Result<(), CallError> {
        let answer = Arc::clone(self.settings.answer(turn));
        self.console.note(&format!("turn {}: {}", turn + 1, answer.name));
        match &answer.content {
            Content::Spoken { .. } => self.microphone.play(answer),
            Content::Typed(text) => {
                self.line.say(&json!({"type": "text", "text": text})).await?;
                let now = self.now();
                self.tracker.first_speech_sent(now);
                self.tracker.last_speech_sent(now);
                self.tracker.answer_done();
            }
        }
        Ok(())
    }

    fn message(&mut self, text: &str) {
        let message = match protocol::parse(text) {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(%error, "a message on the data channel makes no sense");
                return;
            }
        };
        match message {
            ServerMessage::State { state } => {
                self.tracker.state(state);
                if state == EmmaState::Ended {
                    self.closing(GOODBYE);
                }
            }
            ServerMessage::Caption(caption) => {
                let turn = self.tracker.turns().len().checked_sub(1);
                let at = self.now();
                if let Some(line) = self.transcript.caption(caption, at, turn) {
                    self.console.said(line);
                }
            }
            ServerMessage::Turn { parts } => self.tracker.server_turn(parts),
            ServerMessage::Error { code, message } => self.console.note(&format!("error {code}: {message}")),
            ServerMessage::Ended(ended) => {
                self.ended = Some(ended);
                self.leave_at = Some(Instant::now() + LAST_AUDIO);
            }
            ServerMessage::Other => {}
        }
    }

    /// The end is near: whatever comes, the call is left after `wait`.
    fn closing(&mut self, wait: Duration) {
        self.leave_at.get_or_insert(Instant::now() + wait);
    }

    /// The connection is gone: an end the server knows of is an end, anything else a failure.
    async fn gone(&mut self) -> Result<(), CallError> {
        if self.ended.is_none() {
            self.ask_how_it_ended().await;
        }
        if self.ended.is_some() {
            Ok(())
        } else {
            Err(CallError::Lost)
        }
    }

    async fn ask_how_it_ended(&mut self) {
        if let Ok(description) = self.interview.describe().await
            && matches!(description.status.as_str(), "finished" | "declined")
        {
            let (status, end_reason) = (Some(description.status), description.end_reason);
            self.ended = Some(Ended {
                status,
                end_reason,
                message: None,
            });
        }
    }

    /// Leaves politely, whatever the call came to.
    async fn hang_up(&mut self, result: Result<(), CallError>) -> Result<(), CallError> {
        if self.ended.is_none() {
            self.line.hang_up(&self.interview).await;
            let goodbye = async {
                while let Some(event) = self.line.event().await {
                    if let PeerEvent::Message(text) = event
                        && let Ok(ServerMessage::Ended(ended)) = protocol::parse(&text)
                    {
                        return Some(ended);
                    }
                }
                None
            };
            self.ended = timeout(LAST_AUDIO, goodbye).await.ok().flatten();
        }
        if self.ended.is_none() {
            self.ask_how_it_ended().await;
        }
        self.line.close().await;
        match self.recording.take().map(Recording::finish) {
            Some(Err(problem)) => result.and(Err(CallError::Recording(problem))),
            Some(Ok(())) | None => result,
        }
    }

    fn report(self, error: Option<String>) -> CallReport {
        let turns: Vec<TurnReport> = (0..)
            .zip(self.tracker.turns())
            .map(|(number, turn)| {
                let answer = self.settings.answer(number);
                let transcript = self.transcript.of_candidate(number);
                let errors = self.settings.word_errors(answer, &transcript);
                TurnReport::new(&answer.name, transcript, turn, errors)
            })
            .collect();
        let traffic = self.line.traffic();
        let summary = Summary {
            packets_sent: traffic.sent,
            packets_lost: traffic.lost,
            packets_received: traffic.received,
            packets_missing: traffic.missing,
            ..Summary::of(&turns)
        };
        let ended = self.ended.unwrap_or_default();
        let segments = self.transcript.finals();
        CallReport {
            turns,
            segments,
            status: ended.status,
            end_reason: ended.end_reason,
            error,
            summary,
        }
    }
}
