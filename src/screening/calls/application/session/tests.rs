//! Sessions in virtual time, with engines that say nothing.

use async_trait::async_trait;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::*;
use crate::screening::applications::domain::demo::demo_posting;
use crate::screening::applications::domain::job_offer::JobOffer;
use crate::screening::applications::domain::plan::deterministic_plan;
use crate::screening::calls::application::diary::tests::{OneCall, a_call};
use crate::screening::calls::application::guided::GuidedInterviewer;
use crate::screening::calls::application::live::LiveCall;
use crate::screening::calls::domain::audio::{EAR_FRAME, VOICE_FRAME};
use crate::screening::calls::domain::ports::{RoleFact, RoleKnowledge, SpeechChunk, SpeechRequest, Transcript};
use crate::screening::shared::ids::JobOfferId;
use crate::shared::clock::SystemClock;

const GRACE: Duration = Duration::from_mins(1);
const NEARLY_GRACE: Duration = Duration::from_secs(57);
/// Long enough for a session to have dealt with everything it was told: time goes on when nobody has anything to do.
const A_MOMENT: Duration = Duration::from_secs(1);

/// Every engine at once.
#[derive(Clone, Default)]
struct Silent {
    /// Frames that voice activity was asked about, and never answers.
    asked: Arc<Notify>,
}

#[async_trait]
impl VoiceStream for Silent {
    async fn score(&mut self, _: &[f32; VAD_FRAME]) -> Result<f32, SpeechError> {
        self.asked.notify_one();
        std::future::pending().await
    }
}

impl VoiceActivity for Silent {
    fn open(&self) -> Box<dyn VoiceStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl TurnJudge for Silent {
    async fn judge(&self, _: Arc<[f32]>) -> Result<f32, SpeechError> {
        Err(SpeechError::Overloaded)
    }
}

#[async_trait]
impl SpeechToText for Silent {
    async fn transcribe(&self, _: TranscriptionJob) -> Result<Transcript, SpeechError> {
        Err(SpeechError::Overloaded)
    }
}

#[async_trait]
impl TextToSpeech for Silent {
    async fn speak(&self, _: SpeechRequest) -> Result<mpsc::Receiver<Result<SpeechChunk, SpeechError>>, SpeechError> {
        Err(SpeechError::Overloaded)
    }
}

#[async_trait]
impl RoleKnowledge for Silent {
    async fn search(&self, _: &JobOfferId, _: &str, _: usize) -> Result<Vec<RoleFact>, SpeechError> {
        Ok(Vec::new())
    }
}

impl BackgroundWork for Silent {
    fn hold(&self) -> Box<dyn Send> {
        Box::new(())
    }
}

/// A candidate's end of a connection.
struct Line {
    events: mpsc::Sender<MediaEvent>,
    closed: watch::Sender<bool>,
}

/// A sink that notes that it was closed.
struct Noting(watch::Sender<bool>);

#[async_trait]
impl MediaSink for Noting {
    fn send_audio(&self, _: &[i16; VOICE_FRAME]) {}

    fn send_message(&self, _: String) {}

    async fn close(&self) {
        self.0.send_replace(true);
    }
}

/// A session that runs.
struct Held {
    live: LiveCall,
    store: Arc<OneCall>,
    silent: Silent,
    running: JoinHandle<()>,
}

impl Held {
    fn begin() -> Self {
        let plan = deterministic_plan(&JobOffer::new(demo_posting()), 1).expect("the demo has a plan");
        let silent = Silent::default();
        let all = Arc::new(silent.clone());
        let engines = Engines {
            voice_activity: all.clone(),
            turn_judge: all.clone(),
            speech_to_text: all.clone(),
            text_to_speech: all.clone(),
            interviewer: Arc::new(GuidedInterviewer {
                knowledge: all.clone(),
                second_look: None,
            }),
            background: all,
            style: VoiceStyle {
                voice: "silent".to_owned(),
                speed: 1.0,
            },
            limits: Limits::default(),
            reconnect_grace: GRACE,
            versions: serde_json::Value::Null,
        };
        let talk = Talk {
            job_offer_id: JobOfferId::generate(),
            plan: Arc::new(plan),
            call_id: None,
        };
        let (call, store) = (a_call(), Arc::new(OneCall::default()));
        let (live, commands) = LiveCall::new(call.id.clone());
        let diary = Diary::open(call.clone(), store.clone(), Arc::new(SystemClock));
        let session = Session::new(
            engines,
            Arc::new(talk),
            &call,
            diary,
            commands,
            live.seat.clone(),
            false,
        );
        Self {
            live,
            store,
            silent,
            running: tokio::spawn(session.run()),
        }
    }

    /// Another connection, whose seat was promised before.
    async fn attach(&self) -> Line {
        let (events, received) = mpsc::channel(64);
        let line = Line {
            events,
            closed: watch::Sender::new(false),
        };
        let sink = Arc::new(Noting(line.closed.clone()));
        assert!(
            self.live
                .tell(Command::Attach(MediaLink { events: received, sink }))
                .await
        );
        line
    }

    async fn joined() -> (Self, Line) {
        let held = Self::begin();
        assert!(held.live.seat.promise());
        let line = held.attach().await;
        line.tells(MediaEvent::Connected).await;
        (held, line)
    }

    fn is_over(&self) -> bool {
        self.running.is_finished()
    }
}

impl Line {
    async fn tells(&self, event: MediaEvent) {
        self.events.send(event).await.expect("a session");
        sleep(A_MOMENT).await;
    }
}

// spec: CALL-2, CALL-3
#[tokio::test(start_paused = true)]
async fn a_candidate_whose_connection_recovers_sits_again() {
    let (held, line) = Held::joined().await;
    assert!(held.live.seat.is_taken());
    line.tells(MediaEvent::Interrupted).await;
    assert!(!held.live.seat.is_taken(), "another connection may be made");
    line.tells(MediaEvent::Connected).await;
    assert!(held.live.seat.is_taken());
    assert!(!held.live.seat.promise(), "nobody else gets in");
}

// spec: CALL-2, CALL-3
#[tokio::test(start_paused = true)]
async fn the_end_of_a_lost_connection_does_not_give_away_a_promised_seat() {
    let (held, first) = Held::joined().await;
    first.tells(MediaEvent::Interrupted).await;
    assert!(held.live.seat.promise(), "for the connection that is being made now");
    first.tells(MediaEvent::Closed).await;
    assert!(held.live.seat.is_taken(), "it is still promised");
    let second = held.attach().await;
    second.tells(MediaEvent::Connected).await;
    assert!(held.live.seat.is_taken());
    second.tells(MediaEvent::Closed).await;
    assert!(!held.live.seat.is_taken());
}

// spec: CALL-3, CALL-7
#[tokio::test(start_paused = true)]
async fn a_candidate_who_comes_back_at_the_last_moment_has_time_to_connect() {
    let (held, first) = Held::joined().await;
    first.tells(MediaEvent::Closed).await;
    sleep(NEARLY_GRACE).await;
    let second = held.attach().await;
    sleep(NEARLY_GRACE).await;
    assert!(!held.is_over(), "the connection is still being made");
    second.tells(MediaEvent::Connected).await;
    sleep(4 * A_MOMENT).await;
    assert!(!held.is_over(), "the candidate is in the call");

    second.tells(MediaEvent::Interrupted).await;
    sleep(GRACE + A_MOMENT).await;
    assert!(held.is_over());
    let reasons: Vec<_> = held.store.kept().events.iter().map(|event| event.end_reason).collect();
    assert_eq!(reasons, [EndReason::DisconnectTimeout]);
}

// spec: CALL-3
#[tokio::test(start_paused = true)]
async fn a_newer_connection_has_the_older_one_closed() {
    let (held, first) = Held::joined().await;
    let second = held.attach().await;
    second.tells(MediaEvent::Connected).await;
    assert!(*first.closed.borrow() && !*second.closed.borrow());
    assert!(held.live.seat.is_taken());
}

// spec: CALL-3
#[tokio::test(start_paused = true)]
async fn a_voice_activity_model_that_hangs_holds_up_no_call() {
    let (held, line) = Held::joined().await;
    let asked = held.silent.asked.clone();
    // Two seconds of audio, as it comes.
    for _ in 0..100 {
        let pcm = Box::new([0.1; EAR_FRAME]);
        line.events
            .send(MediaEvent::Audio { pcm, received: true })
            .await
            .expect("a session");
        sleep(Duration::from_millis(20)).await;
    }
    timeout(A_MOMENT, asked.notified()).await.expect("it was asked");
    let began = Instant::now();
    assert!(held.live.tell(Command::End(EndReason::CandidateEnded)).await);
    timeout(GRACE, held.running).await.expect("it ends").expect("no panic");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
