//! What is wrong with a sentence of a language model.

/// Why a sentence is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Breach {
    /// Not speech: Markdown, lists, code, links.
    Markup,
    TooLong,
    /// Something no interviewer may ask or remark on.
    Prohibited,
    /// An offer, a decision, a score, a chance.
    Promise,
    /// How the candidate sounds or feels.
    Person,
    /// About the machinery behind her, or passing for a person.
    Machinery,
    /// A statement about the role that the posting does not make.
    Unsupported,
    /// Praise or blame.
    Judgement,
    /// Not in the language of the interview.
    Language,
    /// About something else than the candidate's words, the open question or the posting.
    OffPoint,
    /// Tells the candidate what to do or what comes: the program leads.
    Leads,
    /// Speaks as the candidate, or for the company.
    AsCandidate,
    /// Said before, by Emma or by the candidate.
    Repeats,
    /// Reads out instructions, or talks about the interview instead of to the candidate.
    Script,
    /// Cut off, or stuck in a loop.
    Garbled,
}

impl Breach {
    /// Whether leaving the sentence out mends it. Everything else makes the whole reply suspect.
    pub const fn is_mild(self) -> bool {
        matches!(
            self,
            Self::Judgement
                | Self::OffPoint
                | Self::Leads
                | Self::AsCandidate
                | Self::Repeats
                | Self::Script
                | Self::Garbled
        )
    }

    /// One word for logs and counts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Markup => "markup",
            Self::TooLong => "too_long",
            Self::Prohibited => "prohibited",
            Self::Promise => "promise",
            Self::Person => "person",
            Self::Machinery => "machinery",
            Self::Unsupported => "unsupported",
            Self::Judgement => "judgement",
            Self::Language => "language",
            Self::OffPoint => "off_point",
            Self::Leads => "leads",
            Self::AsCandidate => "as_candidate",
            Self::Repeats => "repeats",
            Self::Script => "script",
            Self::Garbled => "garbled",
        }
    }
}
