//! Calls from outside: a candidate connects, hangs up, withdraws; a server starts and stops.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info, info_span, warn};

use crate::screening::calls::application::diary::{self, Diary};
use crate::screening::calls::application::interviewing::Talk;
use crate::screening::calls::application::live::{Command, LiveCall, LiveCalls, Running};
use crate::screening::calls::application::session::{Engines, Session};
use crate::screening::calls::domain::attempt::gone_on_from;
use crate::screening::calls::domain::call::ScreeningCall;
use crate::screening::calls::domain::ports::{IceCandidate, MediaError, MediaGateway, MediaLink, Recordings, SdpOffer};
use crate::screening::calls::domain::segment::TranscriptSegment;
use crate::screening::calls::domain::status::{CallStatus, EndReason};
use crate::screening::calls::domain::store::CallStore;
use crate::screening::shared::ids::{ApplicationId, CallId, ConnectionId};
use crate::shared::clock::Clock;
use crate::shared::errors::StoreError;

/// How long a candidate's connection waits for engines that are still being loaded.
const LOADING: Duration = Duration::from_secs(25);

/// What an interview of an application is about; kept by the applications module.
#[async_trait]
pub trait Interviews: Send + Sync {
    async fn talk_of(&self, application: &ApplicationId, plan_version: u32) -> Result<Option<Talk>, StoreError>;
    /// Whether the candidate agreed that the sound of the call is kept.
    async fn is_recorded(&self, application: &ApplicationId) -> Result<bool, StoreError>;
    /// Until when a link lets the candidate in; none where no link does any more.
    async fn open_until(&self, application: &ApplicationId) -> Result<Option<DateTime<Utc>>, StoreError>;
}

/// Calls, from the point of view of those outside them.
pub struct CallService {
    /// Empty until the models are loaded.
    engines: watch::Receiver<Option<Engines>>,
    gateway: Arc<dyn MediaGateway>,
    store: Arc<dyn CallStore>,
    interviews: Arc<dyn Interviews>,
    clock: Arc<dyn Clock>,
    /// None where nothing is recorded.
    recordings: Option<Arc<dyn Recordings>>,
    live: Arc<LiveCalls>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

/// Why a candidate cannot be connected.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("no consent was given yet")]
    ConsentRequired,
    #[error("the interview is over")]
    Over,
    #[error("the interview is being held in another window")]
    AlreadyLive,
    #[error("the server is being stopped")]
    Stopping,
    #[error("the models are still being loaded")]
    Loading,
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What calling off a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOff {
    /// It ends now, or as soon as the candidate was told.
    Done,
    Over,
    Unknown,
}

/// How a second connection of a candidate is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seating {
    /// A call whose candidate is connected is left alone.
    OnlyIfFree,
    /// The candidate says this replaces the connection there is, e.g. after a reload of the page.
    TakeOver,
}

/// A connection that was accepted.
#[derive(Debug, Clone)]
pub struct Connected {
    pub connection: ConnectionId,
    pub answer: String,
}

/// A candidate's seat in a call. It is free again when this is dropped before a connection was made.
#[derive(Debug)]
pub struct Seated {
    live: LiveCall,
    /// It was free: not that of a connection that is to be replaced.
    holds: bool,
}

impl Seated {
    /// Gives the call its connection; from then on the session looks after the seat.
    pub async fn attach(mut self, link: MediaLink) -> Result<(), ConnectError> {
        if !self.live.tell(Command::Attach(link)).await {
            return Err(ConnectError::Over);
        }
        self.holds = false;
        Ok(())
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        if self.holds {
            self.live.seat.settle();
        }
    }
}

impl CallService {
    pub fn new(
        engines: watch::Receiver<Option<Engines>>,
        gateway: Arc<dyn MediaGateway>,
        store: Arc<dyn CallStore>,
        interviews: Arc<dyn Interviews>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            engines,
            gateway,
            store,
            interviews,
            clock,
            recordings: None,
            live: Arc::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        }
    }

    /// Keeps the sound of calls whose candidates agree.
    #[must_use]
    pub fn recording_to(mut self, recordings: Arc<dyn Recordings>) -> Self {
        self.recordings = Some(recordings);
        self
    }

    /// Connects a candidate who has consented to the call of the application, over WebRTC.
    pub async fn connect(
        &self,
        application: &ApplicationId,
        offer: SdpOffer,
        seating: Seating,
    ) -> Result<Connected, ConnectError> {
        // What can never be answered is refused at once, also while the engines are being loaded.
        self.gateway.check(&offer)?;
        let seated = self.seat(application, seating).await?;
        let accepted = self.gateway.accept(offer).await?;
        seated.live.connection.set(&accepted.connection);
        if let Err(error) = seated.attach(accepted.link).await {
            self.gateway.close(&accepted.connection).await;
            return Err(error);
        }
        Ok(Connected {
            connection: accepted.connection,
            answer: accepted.answer,
        })
    }

    /// Seats a candidate who has consented in the call of the application, whatever they connect over.
    pub async fn seat(&self, application: &ApplicationId, seating: Seating) -> Result<Seated, ConnectError> {
        if self.closing.is_cancelled() {
            return Err(ConnectError::Stopping);
        }
        let call = self
            .current_call(application)
            .await?
            .ok_or(ConnectError::ConsentRequired)?;
        if call.status().is_final() {
            return Err(ConnectError::Over);
        }
        if call.status() == CallStatus::Created {
            return Err(ConnectError::ConsentRequired);
        }
        let talk = self.interviews.talk_of(application, call.plan_version).await?;
        let talk = talk.ok_or_else(|| StoreError::Damaged("an application without a plan".to_owned()))?;
        let recordings = self.recordings_for(application).await?;
        let earlier = self.earlier_attempts(&call).await?;
        let live = self.start(self.engines().await?, &call, talk, recordings, &earlier);
        let holds = live.seat.promise();
        if !holds && seating == Seating::OnlyIfFree {
            return Err(ConnectError::AlreadyLive);
        }
        Ok(Seated { live, holds })
    }

    /// Hands on candidates of the browser's side that were found later. Only to the connection of this application.
    pub async fn add_candidates(
        &self,
        application: &ApplicationId,
        connection: &ConnectionId,
        candidates: Vec<IceCandidate>,
    ) -> Result<(), MediaError> {
        let live = self.live.get(application);
        if live.is_none_or(|live| live.connection.get().as_ref() != Some(connection)) {
            return Err(MediaError::UnknownConnection);
        }
        self.gateway.add_candidates(connection, candidates).await
    }

    /// Ends the call of an application. True where one was running or waiting.
    pub async fn end(&self, application: &ApplicationId, reason: EndReason) -> Result<bool, StoreError> {
        if let Some(live) = self.live.get(application)
            && live.tell(Command::End(reason)).await
        {
            return Ok(true);
        }
        let Some(mut call) = self.current_call(application).await? else {
            return Ok(false);
        };
        if call.status().is_final() {
            return Ok(false);
        }
        diary::finish(&mut call, reason, &*self.store, &*self.clock).await?;
        Ok(true)
    }

    /// The candidate ends the running call over this connection. One that was replaced meanwhile ends nothing; after a
    /// restart of the server, which knows no connections any more, any does.
    pub async fn hang_up(&self, application: &ApplicationId, connection: &ConnectionId) -> Result<(), MediaError> {
        let live = self.live.get(application).ok_or(MediaError::UnknownConnection)?;
        if live.connection.get().is_some_and(|last| last != *connection) {
            return Err(MediaError::UnknownConnection);
        }
        // A session that takes no commands any more has ended.
        live.tell(Command::End(EndReason::CandidateEnded)).await;
        Ok(())
    }

    /// Calls off one call: a candidate who is in it hears so. Nothing happens to a call that is over.
    pub async fn cancel(&self, id: &CallId) -> Result<CallOff, StoreError> {
        let Some(call) = self.store.find(id).await? else {
            return Ok(CallOff::Unknown);
        };
        if call.status().is_final() {
            return Ok(CallOff::Over);
        }
        // A call that is not final is the application's current one.
        self.end(&call.application_id, EndReason::RecruiterCancelled).await?;
        Ok(CallOff::Done)
    }

    /// Ends the calls that wait for candidates whom no link lets in any more. What fails for one call is logged and
    /// tried again the next time.
    ///
    /// # Errors
    /// When the calls cannot be read.
    pub async fn expire_unjoined(&self) -> Result<(), StoreError> {
        for mut call in self.store.unfinished().await? {
            if let Err(error) = self.expire(&mut call).await {
                warn!(call.id = %call.id, %error, "a call that waits in vain could not be ended");
            }
        }
        Ok(())
    }

    async fn expire(&self, call: &mut ScreeningCall) -> Result<(), StoreError> {
        let waits = matches!(call.status(), CallStatus::Created | CallStatus::Ready);
        if !waits || self.live.get(&call.application_id).is_some() {
            return Ok(());
        }
        let until = self.interviews.open_until(&call.application_id).await?;
        if until.is_none_or(|until| until <= self.clock.now()) {
            diary::finish(call, EndReason::InviteExpired, &*self.store, &*self.clock).await?;
        }
        Ok(())
    }

    /// Whether no call is going on.
    pub fn is_idle(&self) -> bool {
        self.live.all().is_empty()
    }

    /// Whether a candidate is connected to the application's call now.
    pub fn is_occupied(&self, application: &ApplicationId) -> bool {
        self.live.get(application).is_some_and(|live| live.seat.is_taken())
    }

    /// Takes up the calls that are under way and that no session looks after, as after the server went down: their
    /// candidates have the usual time to come back, then the calls end. What fails for one call is logged and tried
    /// again the next time. Does nothing while the engines are not loaded.
    ///
    /// # Errors
    /// When the calls cannot be read.
    pub async fn recover(&self) -> Result<(), StoreError> {
        let Some(engines) = self.engines.borrow().clone() else {
            return Ok(());
        };
        for mut call in self.store.unfinished().await? {
            let runs = self.live.get(&call.application_id).is_some();
            if call.status().is_live()
                && !runs
                && let Err(error) = self.recover_one(&engines, &mut call).await
            {
                warn!(call.id = %call.id, %error, "a call could not be taken up again");
            }
        }
        Ok(())
    }

    async fn recover_one(&self, engines: &Engines, call: &mut ScreeningCall) -> Result<(), StoreError> {
        let Some(talk) = self.interviews.talk_of(&call.application_id, call.plan_version).await? else {
            return diary::finish(call, EndReason::SystemError, &*self.store, &*self.clock).await;
        };
        let recordings = self.recordings_for(&call.application_id).await?;
        let earlier = self.earlier_attempts(call).await?;
        // A server that stops leaves its calls for the next one; the candidate may have come back meanwhile.
        if self.closing.is_cancelled() || self.live.get(&call.application_id).is_some() {
            return Ok(());
        }
        // Its session may have ended between the look at the database and the look at those that are live.
        let Some(mut call) = self
            .store
            .find(&call.id)
            .await?
            .filter(|call| !call.status().is_final())
        else {
            return Ok(());
        };
        let call = &mut call;
        if call.lose_connection().is_ok() {
            self.store.save(call).await?;
        }
        info!(call.id = %call.id, "a call is taken up again");
        self.start(engines.clone(), call, talk, recordings, &earlier);
        Ok(())
    }

    /// Takes no more candidates, gives running calls `drain` to end, then suspends them.
    pub async fn shut_down(&self, drain: Duration) {
        self.closing.cancel();
        let running: Vec<_> = self
            .live
            .all()
            .into_iter()
            .filter(|live| live.seat.is_taken())
            .collect();
        if !running.is_empty() {
            info!(
                calls = running.len(),
                seconds = drain.as_secs(),
                "waiting for running calls to end"
            );
        }
        let until = Instant::now() + drain;
        self.tasks.close();
        // Calls without a candidate have nobody to wait for.
        for live in self.live.all().into_iter().filter(|live| !live.seat.is_taken()) {
            live.tell(Command::Suspend).await;
        }
        if tokio::time::timeout_at(until, self.tasks.wait()).await.is_ok() {
            return;
        }
        for live in self.live.all() {
            live.tell(Command::Suspend).await;
        }
        if tokio::time::timeout(Duration::from_secs(5), self.tasks.wait())
            .await
            .is_err()
        {
            warn!("some calls did not stop in time; they go on when the server is back");
        }
    }

    /// The engines, waited for while they are being loaded.
    async fn engines(&self) -> Result<Engines, ConnectError> {
        let mut engines = self.engines.clone();
        let loaded = tokio::select! {
            () = self.closing.cancelled() => return Err(ConnectError::Stopping),
            loaded = tokio::time::timeout(LOADING, engines.wait_for(Option::is_some)) => loaded,
        };
        match loaded {
            Ok(Ok(engines)) => engines.clone().ok_or(ConnectError::Loading),
            Ok(Err(_)) | Err(_) => Err(ConnectError::Loading),
        }
    }

    async fn current_call(&self, application: &ApplicationId) -> Result<Option<ScreeningCall>, StoreError> {
        Ok(self.store.of_application(application).await?.pop())
    }

    /// What was said in the attempts that this call goes on from, oldest first.
    async fn earlier_attempts(&self, call: &ScreeningCall) -> Result<Vec<TranscriptSegment>, StoreError> {
        if call.attempt <= 1 {
            return Ok(Vec::new());
        }
        let attempts = self.store.of_application(&call.application_id).await?;
        let mut said = Vec::new();
        for known in gone_on_from(call, &attempts) {
            said.extend(self.store.transcript(&known.id).await?);
        }
        Ok(said)
    }

    /// Where the call of an application is recorded, if it is.
    async fn recordings_for(&self, application: &ApplicationId) -> Result<Option<Arc<dyn Recordings>>, StoreError> {
        Ok(match &self.recordings {
            Some(recordings) if self.interviews.is_recorded(application).await? => Some(recordings.clone()),
            _ => None,
        })
    }

    /// The running session of a call, started where it does not run.
    fn start(
        &self,
        engines: Engines,
        call: &ScreeningCall,
        talk: Talk,
        recordings: Option<Arc<dyn Recordings>>,
        earlier: &[TranscriptSegment],
    ) -> LiveCall {
        let application = call.application_id.clone();
        self.live.get_or_start(&application, || {
            let (live, received) = LiveCall::new(call.id.clone());
            let seat = live.seat.clone();
            let resumed = call.started_at.is_some();
            let span = info_span!(parent: None, "call", call.id = %call.id);
            let talk = Talk {
                call_id: Some(call.id.clone()),
                ..talk
            };
            let mut call = call.clone();
            call.held_with(&engines.versions);
            let diary = {
                let _in_call = span.enter();
                Diary::open(call.clone(), self.store.clone(), self.clock.clone())
            };
            let session = {
                let _in_call = span.enter();
                Session::new(engines, Arc::new(talk), &call, diary, received, seat, resumed)
                    .recorded_by(recordings.map(|recordings| recordings.open(&call.id)))
                    .going_on_from(earlier)
            };
            let running = Running::new(self.live.clone(), application.clone());
            let task = async move {
                // Also when the session panics: the candidate may come back then, and the call is taken up.
                let _running = running;
                session.run().await;
            };
            self.tasks.spawn(task.instrument(span));
            live
        })
    }
}
