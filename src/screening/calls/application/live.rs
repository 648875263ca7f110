//! The calls that run in this process: at most one per application, at most one candidate in each.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::screening::calls::domain::ports::MediaLink;
use crate::screening::calls::domain::status::EndReason;
use crate::screening::shared::ids::{ApplicationId, CallId, ConnectionId};

/// The running calls.
#[derive(Debug, Default)]
pub struct LiveCalls(Mutex<BTreeMap<ApplicationId, LiveCall>>);

/// One running call, seen from outside.
#[derive(Debug, Clone)]
pub struct LiveCall {
    pub call_id: CallId,
    /// Bounded: whoever commands a call waits until it has taken the command.
    commands: mpsc::Sender<Command>,
    /// A candidate is connected, or is being connected.
    pub seat: Seat,
    pub connection: LastConnection,
}

/// What others tell a running call.
pub enum Command {
    /// A new connection of the candidate; an older one is closed.
    Attach(MediaLink),
    End(EndReason),
    /// The server stops: the call is left as it is and goes on when the server is back.
    Suspend,
}

impl LiveCall {
    /// A call that is about to run; its session takes the commands.
    pub fn new(call_id: CallId) -> (Self, mpsc::Receiver<Command>) {
        let (commands, received) = mpsc::channel(8);
        let live = Self {
            call_id,
            commands,
            seat: Seat::default(),
            connection: LastConnection::default(),
        };
        (live, received)
    }

    /// False where the call takes no commands any more.
    pub async fn tell(&self, command: Command) -> bool {
        self.commands.send(command).await.is_ok()
    }
}

/// The connection over WebRTC that the candidate made last; none since the server started.
#[derive(Debug, Clone, Default)]
pub struct LastConnection(Arc<Mutex<Option<ConnectionId>>>);

impl LastConnection {
    pub fn set(&self, connection: &ConnectionId) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.clone());
    }

    pub fn get(&self) -> Option<ConnectionId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The one place in a call that a candidate's connection takes. The session looks after who sits on it; whoever lets
/// somebody in has it promised until the session has the connection. Neither undoes what the other did.
#[derive(Debug, Clone, Default)]
pub struct Seat(Arc<AtomicU8>);

const TAKEN: u8 = 1;
const PROMISED: u8 = 2;

impl Seat {
    /// Promises the seat to a connection that is being made; false where it is not free.
    pub fn promise(&self) -> bool {
        self.0
            .compare_exchange(0, PROMISED, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// The connection it was promised to came, or will not come.
    pub fn settle(&self) {
        self.0.fetch_and(!PROMISED, Ordering::AcqRel);
    }

    /// The call's connection sits on it.
    pub fn take(&self) {
        self.0.fetch_or(TAKEN, Ordering::AcqRel);
    }

    pub fn leave(&self) {
        self.0.fetch_and(!TAKEN, Ordering::AcqRel);
    }

    /// By a connection, or by a promise.
    pub fn is_taken(&self) -> bool {
        self.0.load(Ordering::Acquire) != 0
    }
}

/// Has a call forgotten when its session is over, however that came about.
#[must_use = "the call is forgotten when this is dropped"]
pub struct Running {
    calls: Arc<LiveCalls>,
    application: ApplicationId,
}

impl Running {
    pub fn new(calls: Arc<LiveCalls>, application: ApplicationId) -> Self {
        Self { calls, application }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.application);
    }
}

impl LiveCalls {
    pub fn get(&self, application: &ApplicationId) -> Option<LiveCall> {
        self.lock().get(application).cloned()
    }

    /// The running call of an application; where there is none, the one `start` makes.
    pub fn get_or_start(&self, application: &ApplicationId, start: impl FnOnce() -> LiveCall) -> LiveCall {
        self.lock().entry(application.clone()).or_insert_with(start).clone()
    }

    pub fn all(&self) -> Vec<LiveCall> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ApplicationId, LiveCall>> {
        // Nothing is done under the lock that could leave the map half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
