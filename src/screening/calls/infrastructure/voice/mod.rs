//! What the local voices share: their queue, how words are pronounced, and how rendered audio is finished.

pub mod queue;
pub mod stop;
pub mod polish;
pub mod timing;
pub mod pronounce;
pub mod espeak;
