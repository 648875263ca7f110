//! The identifiers by which applications, calls and analysis refer to each other.

use crate::define_id;

define_id!(
    /// A person being interviewed.
    CandidateId, "cand"
);
define_id!(
    /// A position a recruiter wants to fill.
    JobOfferId, "job"
);
define_id!(
    /// One candidate applying to one job offer.
    ApplicationId, "app"
);
define_id!(
    /// A link that lets a candidate into an interview.
    InvitationId, "inv"
);
define_id!(
    /// One attempt at the interview.
    CallId, "call"
);
define_id!(
    /// Something one speaker said, as stored in the transcript.
    SegmentId, "seg"
);
define_id!(
    /// The assessment of one finished call.
    AnalysisId, "ana"
);
define_id!(
    /// One WebRTC connection of a call; a candidate who reconnects has another.
    ConnectionId, "conn"
);
