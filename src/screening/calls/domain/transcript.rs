//! The fingerprint of a transcript: what an assessment was made from can be checked later.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::screening::calls::domain::segment::{Speaker, TranscriptSegment};

/// SHA-256, hex, of one line per segment in the given order: `speaker TAB start_ms TAB end_ms TAB text NEWLINE`.
/// Tabs and line ends inside a text count as spaces, so that no text can look like two segments.
pub fn transcript_sha256(segments: &[TranscriptSegment]) -> String {
    let mut hash = Sha256::new();
    for segment in segments {
        let speaker = match segment.speaker {
            Speaker::Emma => "emma",
            Speaker::Candidate => "candidate",
        };
        let text = segment.text.replace(['\t', '\n', '\r'], " ");
        hash.update(format!(
            "{speaker}\t{}\t{}\t{text}\n",
            segment.start_ms.ms(),
            segment.end_ms.ms()
        ));
    }
    hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screening::calls::domain::audio::CallTime;
    use crate::screening::calls::domain::segment::SegmentKind;
    use crate::screening::shared::ids::SegmentId;

    fn said(speaker: Speaker, text: &str, start: u64, end: u64) -> TranscriptSegment {
        TranscriptSegment {
            id: SegmentId::generate(),
            speaker,
            text: text.to_owned(),
            start_ms: CallTime(start),
            end_ms: CallTime(end),
            words: Vec::new(),
            question_id: None,
            kind: SegmentKind::Answer,
            interrupted: false,
            typed: false,
            source_refs: Vec::new(),
            set_aside: Vec::new(),
            latency: None,
        }
    }

    // The expected digests are those of `printf '…' | sha256sum`.
    #[test]
    fn the_fingerprint_is_that_of_the_canonical_text() {
        assert_eq!(
            transcript_sha256(&[]),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        let talk = [
            said(Speaker::Emma, "Hello.", 0, 800),
            said(Speaker::Candidate, "Hi Emma", 1000, 1600),
        ];
        assert_eq!(
            transcript_sha256(&talk),
            "8bd12ba65fb5ca134b6483e3de59462d359ab64548459b6c42505012eb6fb1f3"
        );
        let mut other = talk.clone();
        other[1].text = "Hi Emma!".to_owned();
        assert_ne!(transcript_sha256(&talk), transcript_sha256(&other));
    }
}
