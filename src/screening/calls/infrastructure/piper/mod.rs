//! Piper.
