//! The canonical form of a transcript.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::screening::calls::domain::segment::{Speaker, TranscriptSegment};

/// SHA-256, in hex, of the transcript: one line `speaker<TAB>start_ms<TAB>end_ms<TAB>text` per segment.
pub fn transcript_sha256(segments: &[TranscriptSegment]) -> String {
    let mut hasher = Sha256::new();
    for segment in segments {
        let speaker = match segment.speaker {
            Speaker::Emma => "emma",
            Speaker::Candidate => "candidate",
        };
        hasher.update(format!(
            "{speaker}\t{}\t{}\t{}\n",
            segment.start_ms.ms(),
            segment.end_ms.ms(),
            segment.text
        ));
    }
    hasher.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
