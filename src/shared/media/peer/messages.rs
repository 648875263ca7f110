//! The data channel: text in and out, bounded both ways.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webrtc::data_channel::{DataChannel, DataChannelEvent};

use crate::shared::media::allowance::{Allowance, Verdict};
use crate::shared::media::peer::CHANNEL_LABEL;

/// The longest message taken, bytes.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024;
/// Bytes given to the network stack and not yet acknowledged; above it messages wait in the outbox.
pub(super) const SEND_BUFFER_BYTES: usize = 256 * 1024;
/// Outgoing messages that wait; when full the oldest is dropped, since a newer one of its kind replaces it.
const WAITING: usize = 256;

/// What came in over the data channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerMessage {
    Text(String),
    /// A message above 16 KiB was dropped.
    TooLong,
    /// Messages came too fast and are dropped from here on; said once per flood.
    TooMany,
}

/// The outgoing messages and the channel they go to once there is one.
pub(super) struct Outbox {
    waiting: Mutex<VecDeque<String>>,
    filled: Notify,
    adopted: AtomicBool,
    tasks: TaskTracker,
    cancel: CancellationToken,
    incoming: mpsc::Sender<PeerMessage>,
    per_second: u32,
}

impl Outbox {
    pub(super) fn new(
        tasks: TaskTracker,
        cancel: CancellationToken,
        incoming: mpsc::Sender<PeerMessage>,
        per_second: u32,
    ) -> Self {
        let (waiting, filled) = (Mutex::default(), Notify::new());
        Self {
            waiting,
            filled,
            adopted: AtomicBool::new(false),
            tasks,
            cancel,
            incoming,
            per_second,
        }
    }

    pub(super) fn push(&self, message: String) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING {
            waiting.pop_front();
        }
        waiting.push_back(message);
        drop(waiting);
        self.filled.notify_one();
    }

    fn pop(&self) -> Option<String> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Serves a channel if it is ours and the first one; closes it otherwise. Does not wait.
    pub(super) fn adopt(self: &Arc<Self>, channel: Arc<dyn DataChannel>) {
        let outbox = Arc::clone(self);
        self.tasks.spawn(async move {
            let cancel = outbox.cancel.clone();
            tokio::select! {
                () = cancel.cancelled() => {}
                () = outbox.serve(channel) => {}
            }
        });
    }

    async fn serve(&self, channel: Arc<dyn DataChannel>) {
        let ours = channel.label().await.is_ok_and(|label| label == CHANNEL_LABEL);
        if !ours || self.adopted.swap(true, Ordering::AcqRel) {
            if let Err(error) = channel.close().await {
                tracing::debug!(%error, "closing a channel that is not ours");
            }
            return;
        }
        let open = Notify::new();
        tokio::select! {
            () = self.receive(&*channel, &open) => {}
            () = self.send(&*channel, &open) => {}
        }
        tracing::debug!("the data channel is closed");
        // Another channel may take its place: a page that reloads its client code opens a new one.
        self.adopted.store(false, Ordering::Release);
    }

    /// Reads until the channel closes.
    async fn receive(&self, channel: &dyn DataChannel, open: &Notify) {
        let mut allowance = Allowance::new(self.per_second, Instant::now());
        while let Some(event) = channel.poll().await {
            match event {
                DataChannelEvent::OnOpen => open.notify_one(),
                DataChannelEvent::OnClose => return,
                DataChannelEvent::OnMessage(message) => {
                    let verdict = allowance.judge(Instant::now());
                    let message = match verdict {
                        Verdict::Take if message.data.len() > MAX_MESSAGE_BYTES => PeerMessage::TooLong,
                        Verdict::Take if !message.is_string => continue,
                        Verdict::Take => match std::str::from_utf8(&message.data) {
                            Ok(text) => PeerMessage::Text(text.to_owned()),
                            Err(_) => continue,
                        },
                        Verdict::Complain => PeerMessage::TooMany,
                        Verdict::Drop => continue,
                    };
                    if self.incoming.send(message).await.is_err() {
                        return;
                    }
                }
                _ => {}
            }
        }
    }

    /// Sends what waits for as long as the channel takes it.
    async fn send(&self, channel: &dyn DataChannel, open: &Notify) {
        open.notified().await;
        loop {
            while let Some(message) = self.pop() {
                if let Err(error) = channel.send_text(&message).await {
                    tracing::debug!(%error, "the data channel takes no more messages");
                    return;
                }
            }
            self.filled.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_waiting_message_gives_way() {
        let (incoming, _rx) = mpsc::channel(1);
        let outbox = Outbox::new(TaskTracker::new(), CancellationToken::new(), incoming, 1);
        for i in 0..300 {
            outbox.push(i.to_string());
        }
        assert_eq!(outbox.pop().as_deref(), Some("44"));
        assert_eq!(outbox.waiting.lock().unwrap().len(), 255);
    }
}
