//! The calls that run in this process: at most one per application, at most one candidate in each.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::screening::calls::application::session::Command;
use crate::screening::shared::ids::{ApplicationId, CallId, ConnectionId};

/// The running calls.
#[derive(Debug, Default)]
pub struct LiveCalls(Mutex<BTreeMap<ApplicationId, LiveCall>>);

/// One running call, seen from outside.
#[derive(Debug, Clone)]
pub struct LiveCall {
    pub call_id: CallId,
    pub commands: mpsc::Sender<Command>,
    /// A candidate is connected, or is being connected.
    pub seat: Seat,
    pub connection: LastConnection,
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

/// The one place in a call that a candidate's connection takes.
#[derive(Debug, Clone, Default)]
pub struct Seat(Arc<AtomicBool>);

impl Seat {
    /// Takes the seat; false where somebody sits on it.
    pub fn take(&self) -> bool {
        self.0
            .compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    pub fn leave(&self) {
        self.0.store(false, Ordering::Release);
    }

    pub fn is_taken(&self) -> bool {
        self.0.load(Ordering::Acquire)
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

    pub fn remove(&self, application: &ApplicationId) {
        self.lock().remove(application);
    }

    pub fn all(&self) -> Vec<LiveCall> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ApplicationId, LiveCall>> {
        // Nothing is done under the lock that could leave the map half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
