//! Sends our candidates to the server as they are found.

use tokio::sync::mpsc;

use crate::talk::http::{Connection, Interview};
use crate::talk::peer::Gathered;
use crate::talk::trickle;

/// Runs beside the call until all candidates are found; one that the server refuses is only one path less.
pub fn start(interview: Interview, connection: Connection, offer: String, gathered: Option<mpsc::Receiver<Gathered>>) {
    let Some(mut gathered) = gathered else { return };
    tokio::spawn(async move {
        let mut done = false;
        while !done {
            let Some(first) = gathered.recv().await else { return };
            let mut candidates = Vec::new();
            let mut next = Some(first);
            while let Some(found) = next {
                match found {
                    Gathered::Candidate(candidate) if trickle::is_in(&offer, &candidate) => {}
                    Gathered::Candidate(candidate) => candidates.push(candidate),
                    Gathered::Done => done = true,
                }
                next = gathered.try_recv().ok();
            }
            if candidates.is_empty() && !done {
                continue;
            }
            if let Err(error) = interview
                .trickle(&connection, trickle::fragment(&offer, &candidates, done))
                .await
            {
                tracing::debug!(%error, "a candidate was not taken");
                return;
            }
        }
    });
}
