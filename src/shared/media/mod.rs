//! Opus over WebRTC: the pieces the server's link and the headless caller have in common.
//!
//! [`peer::Peer`] is one connection (offering or answering), [`receiver::AudioReceiver`] turns its packets into
//! steady 20 ms frames, [`sdp`] checks and completes descriptions, [`sockets`] decides where a connection listens.
//!
//! A caller in a few lines:
//! ```ignore
//! let (peer, mut streams, offer) = Peer::offer(PeerConfig::default()).await?;
//! // POST the offer, get the answer
//! peer.accept_answer(&answer).await?;
//! peer.send_audio(&pcm_48k_20ms);              // every 20 ms, silence included
//! peer.send_message(r#"{"type":"ping"}"#.into());
//! let mut ears = AudioReceiver::new(DecodeRate::Full)?;   // 48 kHz; DecodeRate::Ears is 16 kHz
//! // on each packet of streams.audio:  ears.push(&packet);
//! // every 20 ms:                      let received = ears.next_frame(&mut frame);
//! ```

pub mod allowance;
pub mod codec;
pub mod jitter;
pub mod peer;
pub mod receiver;
pub mod sdp;
pub mod sockets;
