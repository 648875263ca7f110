//! Candidates over a WebSocket, where WebRTC does not get through: raw 16-bit audio both ways, messages as JSON.
//!
//! The client sends audio in real time, as binary messages or as `{"type":"audio","payload":"<base64>"}`, and the
//! messages of the data channel. It gets Emma's audio as binary messages while there is any (digital silence is not
//! sent), the messages of the data channel, and `{"type":"control","event":..}` with `emma_speaking`, `listening`,
//! `thinking` or `call_ended`. On `listening` it should drop what it has not played yet.

mod jitter;
mod outbox;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, interval, interval_at, timeout};

use self::jitter::Jitter;
use self::outbox::{Outbox, Outgoing};
use self::wire::{Incoming, Pcm};
use crate::screening::calls::application::messages;
use crate::screening::calls::domain::audio::{EAR_FRAME, EAR_RATE_HZ, VOICE_RATE_HZ};
use crate::screening::calls::domain::ports::{MediaError, MediaEvent, MediaLink};
use crate::screening::calls::infrastructure::voice::polish::{Upsampler, to_i16};
use crate::screening::calls::infrastructure::waiting::{LAST_EVENTS, Waiting};
use crate::shared::media::allowance::{Allowance, Bucket, Verdict};

/// The candidate's audio goes on in frames of this length.
const FRAME: Duration = Duration::from_millis(20);
/// Events that wait for the session; what is above waits in the link, which drops its oldest audio.
const EVENTS: usize = 64;
/// How often a client is asked whether it is still there.
const PING: Duration = Duration::from_secs(15);
/// A client that sent nothing for so long, not even an answer to two pings, is gone.
const GONE: Duration = Duration::from_secs(40);
/// A client that does not take what is sent to it for so long is gone.
const SENDING: Duration = Duration::from_secs(10);
/// How long the client's goodbye is waited for.
const GOODBYE: Duration = Duration::from_secs(2);
/// The largest message taken, bytes: more than a second of audio at 48 kHz in base64.
pub const MAX_MESSAGE: usize = 256 * 1024;
/// Another connection holds the call.
pub const ALREADY_LIVE: u16 = 4409;
const POLICY: u16 = 1008;

/// Sampling rates of a connection, Hz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// What the client sends.
    pub from_client: u32,
    /// What it wants to get.
    pub to_client: u32,
}

impl Rates {
    pub const DEFAULT: Self = Self {
        from_client: EAR_RATE_HZ,
        to_client: 24_000,
    };

    /// Whether both can be brought to ours in small steps.
    pub fn is_usable(self) -> bool {
        [self.from_client, self.to_client]
            .iter()
            .all(|rate| (8_000..=48_000).contains(rate) && rate % 25 == 0)
    }
}

/// Takes candidates over WebSockets, as many as there are places.
#[derive(Clone)]
pub struct WebSocketAdapter {
    places: Arc<Semaphore>,
}

impl WebSocketAdapter {
    /// `places` may be shared with other kinds of connections.
    pub fn new(places: Arc<Semaphore>) -> Self {
        Self { places }
    }

    /// Makes room for a connection.
    ///
    /// # Errors
    /// When all places are taken.
    pub fn prepare(&self, rates: Rates) -> Result<(MediaLink, Connection), MediaError> {
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| MediaError::TooManyConnections)?;
        let broken = MediaError::Internal;
        let (sender, events) = mpsc::channel(EVENTS);
        let outbox = Arc::new(Outbox::default());
        let connection = Connection {
            events: sender,
            outbox: outbox.clone(),
            hears: Resample::new(rates.from_client, EAR_RATE_HZ).map_err(broken)?,
            speaks: Resample::new(VOICE_RATE_HZ, rates.to_client).map_err(broken)?,
            rate: rates.from_client,
            _place: place,
        };
        Ok((MediaLink { events, sink: outbox }, connection))
    }
}

/// Tells a client why it is not taken, and hangs up.
pub async fn refuse(mut socket: WebSocket, code: u16, reason: &'static str) {
    let close = Message::Close(Some(CloseFrame {
        code,
        reason: reason.into(),
    }));
    if timeout(SENDING, socket.send(close))
        .await
        .is_ok_and(|sent| sent.is_ok())
    {
        // Until the client hangs up too: the reason could be lost otherwise.
        let _ = timeout(GOODBYE, async { while let Some(Ok(_)) = socket.recv().await {} }).await;
    }
}

/// One candidate's connection, from the moment the socket is there.
pub struct Connection {
    events: mpsc::Sender<MediaEvent>,
    outbox: Arc<Outbox>,
    hears: Resample,
    speaks: Resample,
    /// Of the client's audio, Hz.
    rate: u32,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// Carries audio and messages until either side ends it.
    pub async fn run(self, socket: WebSocket) {
        let (to_client, from_client) = socket.split();
        let mut ears = Ears {
            outbox: self.outbox.clone(),
            resample: self.hears,
            jitter: Jitter::default(),
            waiting: Waiting::default(),
            pcm: Pcm::default(),
            audio: wire::audio_allowance(self.rate, Instant::now()),
            messages: wire::message_allowance(Instant::now()),
        };
        ears.waiting.push(MediaEvent::Connected);
        {
            let mut listening = std::pin::pin!(ears.listen(from_client, &self.events));
            tokio::select! {
                () = &mut listening => {}
                () = speak(to_client, &self.outbox, self.speaks) => {
                    // The client's goodbye; what it says meanwhile is too late.
                    let _ = timeout(GOODBYE, listening).await;
                }
            }
        }
        ears.waiting.push(MediaEvent::Closed);
        if timeout(LAST_EVENTS, ears.waiting.empty_into(&self.events))
            .await
            .is_err()
        {
            tracing::warn!("the session did not read the end of its connection");
        }
        tracing::debug!(stats = ?ears.jitter.stats(), unsent = self.outbox.dropped(), "connection closed");
    }
}

/// The client's side.
struct Ears {
    outbox: Arc<Outbox>,
    resample: Resample,
    jitter: Jitter,
    waiting: Waiting,
    pcm: Pcm,
    /// What the client may still send: samples, and messages.
    audio: Bucket,
    messages: Allowance,
}

impl Ears {
    /// Every 20 ms one frame goes to the session, whatever has come. Ends when the client or the session has gone.
    async fn listen(&mut self, mut socket: SplitStream<WebSocket>, events: &mpsc::Sender<MediaEvent>) {
        let mut clock = interval(FRAME);
        let mut heard_at = Instant::now();
        loop {
            tokio::select! {
                () = events.closed() => {
                    self.outbox.close(1000, "the call is over");
                    return while let Some(Ok(_)) = socket.next().await {};
                }
                permit = events.reserve(), if !self.waiting.is_empty() => {
                    if let (Ok(permit), Some(event)) = (permit, self.waiting.pop()) {
                        permit.send(event);
                    }
                }
                // While too many messages wait the socket is not read: its flow control slows the client.
                message = socket.next(), if self.waiting.takes_messages() => {
                    let Some(Ok(message)) = message else { return };
                    heard_at = Instant::now();
                    self.take(message, heard_at);
                }
                now = clock.tick() => {
                    if now.saturating_duration_since(heard_at) > GONE {
                        tracing::info!("the client does not answer any more");
                        return;
                    }
                    let mut pcm = Box::new([0.0; EAR_FRAME]);
                    let received = self.jitter.next_frame(&mut pcm);
                    self.waiting.push(MediaEvent::Audio { pcm, received });
                }
            }
        }
    }

    fn take(&mut self, message: Message, now: Instant) {
        match wire::read(message) {
            Incoming::Audio(bytes) => {
                let samples = self.pcm.samples(&bytes);
                if !self.audio.take(samples.len() as f64, now) {
                    return self.outbox.close(POLICY, "audio comes faster than it can be spoken");
                }
                match self.resample.push(&samples) {
                    Ok(samples) => self.jitter.push(&samples),
                    Err(error) => tracing::warn!(%error, "the candidate's audio cannot be resampled"),
                }
            }
            Incoming::Message(text) => match self.messages.judge(now) {
                Verdict::Take => self.waiting.push(MediaEvent::Message(text)),
                Verdict::Complain => self.outbox.put_message(messages::too_many()),
                Verdict::Drop => {}
            },
            Incoming::TooLong => self.outbox.put_message(messages::too_long()),
            Incoming::BadAudio => {
                let why = messages::error("bad_audio", "The payload is not base64.");
                self.outbox.put_message(why);
            }
            Incoming::Nothing => {}
        }
    }
}

/// Sends what there is to send; ends after the goodbye, or when the client takes nothing any more.
async fn speak(mut socket: SplitSink<WebSocket, Message>, outbox: &Outbox, mut resample: Resample) {
    let mut pings = interval_at(Instant::now() + PING, PING);
    loop {
        let outgoing = tokio::select! {
            outgoing = outbox.next() => outgoing,
            _ = pings.tick() => Outgoing::Ping,
        };
        let is_last = matches!(outgoing, Outgoing::Close(..));
        let message = match outgoing {
            Outgoing::Message(text) => Message::text(text),
            Outgoing::Ping => Message::Ping(bytes::Bytes::new()),
            Outgoing::Close(code, reason) => Message::Close(Some(CloseFrame {
                code,
                reason: reason.into(),
            })),
            Outgoing::Audio(frame) => {
                let samples: Vec<f32> = frame.iter().map(|s| f32::from(*s) / 32_768.0).collect();
                match resample.push(&samples) {
                    Ok(samples) if samples.is_empty() => continue,
                    Ok(samples) => {
                        let bytes: Vec<u8> = to_i16(&samples).into_iter().flat_map(i16::to_le_bytes).collect();
                        Message::binary(bytes)
                    }
                    Err(error) => {
                        tracing::warn!(%error, "Emma's audio cannot be resampled");
                        continue;
                    }
                }
            }
        };
        if !timeout(SENDING, socket.send(message))
            .await
            .is_ok_and(|sent| sent.is_ok())
            || is_last
        {
            return;
        }
    }
}

/// From one rate to another; nothing to do between equal ones.
struct Resample(Option<Upsampler>);

impl Resample {
    fn new(from_hz: u32, to_hz: u32) -> Result<Self, String> {
        // 10 ms at a time.
        let step = (from_hz / 100) as usize;
        let resampler = (from_hz != to_hz).then(|| Upsampler::between(from_hz as usize, to_hz as usize, step));
        Ok(Self(resampler.transpose()?))
    }

    fn push(&mut self, samples: &[f32]) -> Result<Vec<f32>, String> {
        match &mut self.0 {
            Some(resampler) => resampler.push(samples),
            None => Ok(samples.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: CALL-2
    #[test]
    fn any_usual_rate_can_be_resampled_and_odd_ones_are_refused() {
        for rate in [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] {
            let rates = Rates {
                from_client: rate,
                to_client: rate,
            };
            assert!(rates.is_usable());
            let mut resample = Resample::new(rate, EAR_RATE_HZ).unwrap();
            let second = vec![0.1; rate as usize];
            let out = resample.push(&second).unwrap();
            assert!((15_000..=16_000).contains(&out.len()), "{rate}: {}", out.len());
        }
        for rate in [0, 7_999, 8_001, 96_000] {
            let rates = Rates {
                from_client: rate,
                ..Rates::DEFAULT
            };
            assert!(!rates.is_usable());
        }
    }

    // spec: CALL-2
    #[test]
    fn all_kinds_of_connections_share_their_places() {
        let adapter = WebSocketAdapter::new(Arc::new(Semaphore::new(1)));
        let first = adapter.prepare(Rates::DEFAULT);
        assert!(first.is_ok());
        assert_eq!(
            adapter.prepare(Rates::DEFAULT).err(),
            Some(MediaError::TooManyConnections)
        );
        drop(first);
        assert!(adapter.prepare(Rates::DEFAULT).is_ok());
    }
}
