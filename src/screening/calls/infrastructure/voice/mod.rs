//! What the local voices share: their queue, how words are pronounced, and how rendered audio is finished.

pub mod choice;
pub mod espeak;
pub mod polish;
pub mod pronounce;
pub mod queue;
pub mod stop;
pub mod timing;
pub mod verdict;
