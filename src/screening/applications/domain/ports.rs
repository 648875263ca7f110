//! What applications need from outside.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::screening::applications::domain::application::ScreeningApplication;
use crate::screening::applications::domain::candidate::Candidate;
use crate::screening::applications::domain::consent::Consent;
use crate::screening::applications::domain::invitation::Invitation;
use crate::screening::applications::domain::job_offer::{ExternalRef, JobOffer, JobOfferStatus};
use crate::screening::shared::ids::{ApplicationId, CallId, CandidateId, InvitationId, JobOfferId};
use crate::screening::shared::plan::{InterviewPlan, MadeBy};
use crate::shared::errors::StoreError;
use crate::shared::events::Event;

/// Part of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    pub limit: u32,
    /// Only what comes after this id.
    pub after: Option<String>,
}

/// Job offers, candidates, applications and all that hangs on them. Lookups answer `None` for what is not there.
#[async_trait]
pub trait ApplicationStore: Send + Sync {
    async fn insert_job_offer(&self, offer: &JobOffer, now: DateTime<Utc>) -> Result<(), StoreError>;
    async fn job_offer(&self, id: &JobOfferId) -> Result<Option<JobOffer>, StoreError>;
    /// The one that was taken over from there.
    async fn imported_job_offer(&self, origin: &ExternalRef) -> Result<Option<JobOffer>, StoreError>;
    /// False when there is no such offer.
    async fn set_job_offer_status(&self, id: &JobOfferId, status: JobOfferStatus) -> Result<bool, StoreError>;
    async fn job_offers(&self, slice: &Slice) -> Result<Vec<JobOffer>, StoreError>;

    /// Conflict when the username is taken.
    async fn insert_candidate(&self, candidate: &Candidate) -> Result<(), StoreError>;
    async fn candidate(&self, id: &CandidateId) -> Result<Option<Candidate>, StoreError>;
    async fn candidate_named(&self, username: &str) -> Result<Option<Candidate>, StoreError>;
    async fn candidates(&self, slice: &Slice) -> Result<Vec<Candidate>, StoreError>;

    /// Stores all of it in one transaction. When the pair applied before, nothing is stored and the id of that
    /// application is returned. Conflict, and nothing stored, when a new candidate or offer is here already, or the offer
    /// is not open.
    async fn submit(&self, submission: &Submission) -> Result<ApplicationId, StoreError>;
    /// The application of this pair.
    async fn application_of(
        &self,
        candidate: &CandidateId,
        offer: &JobOfferId,
    ) -> Result<Option<ApplicationId>, StoreError>;
    async fn application(&self, id: &ApplicationId) -> Result<Option<ScreeningApplication>, StoreError>;
    async fn applications(&self, slice: &Slice) -> Result<Vec<ScreeningApplication>, StoreError>;
    /// Those whose interview has begun and is not known to be over.
    async fn in_screening(&self) -> Result<Vec<ScreeningApplication>, StoreError>;
    /// Stores the status. Conflict when somebody else moved the application since it was read.
    async fn save_application(&self, application: &ScreeningApplication) -> Result<(), StoreError>;

    /// Stores a link, and with a personal one its application's status, in one transaction.
    async fn insert_invitation(
        &self,
        invitation: &Invitation,
        application: Option<&ScreeningApplication>,
    ) -> Result<(), StoreError>;
    async fn invitation_by_hash(&self, token_hash: &str) -> Result<Option<Invitation>, StoreError>;
    /// The links for anybody of a job offer, oldest first.
    async fn open_invitations(&self, offer: &JobOfferId) -> Result<Vec<Invitation>, StoreError>;
    async fn invitation(&self, id: &InvitationId) -> Result<Option<Invitation>, StoreError>;
    async fn invitations_of(&self, application: &ApplicationId) -> Result<Vec<Invitation>, StoreError>;
    /// The personal link made last through an open one.
    async fn latest_child(&self, open: &InvitationId) -> Result<Option<Invitation>, StoreError>;
    async fn children(&self, open: &InvitationId) -> Result<u32, StoreError>;
    async fn revoke_invitation(&self, id: &InvitationId, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// Stores everything that consenting through an open link makes, in one transaction. Conflict, and nothing stored,
    /// when the job offer is not open.
    async fn admit(&self, admission: &Admission) -> Result<(), StoreError>;

    /// Appends an answer to the consent text, and stores the application's status with it.
    async fn put_consent(&self, application: &ScreeningApplication, consent: &Consent) -> Result<(), StoreError>;
    async fn consent(&self, application: &ApplicationId) -> Result<Option<Consent>, StoreError>;
    /// Marks every consent given until the event's time as withdrawn. The event is stored with that, and only where
    /// there was something to withdraw.
    async fn withdraw_consent(&self, application: &ApplicationId, event: &Event) -> Result<(), StoreError>;

    /// Conflict when the owner has a plan of this version.
    async fn insert_plan(&self, owner: &PlanOwner, plan: &InterviewPlan, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// The plan of this version.
    async fn plan_version(&self, owner: &PlanOwner, version: u32) -> Result<Option<InterviewPlan>, StoreError>;
    /// The newest plan of an owner.
    async fn plan(&self, owner: &PlanOwner) -> Result<Option<InterviewPlan>, StoreError>;
    /// All plans of an owner, newest first.
    async fn plan_versions(&self, owner: &PlanOwner) -> Result<Vec<PlanVersion>, StoreError>;
    /// Stores the edited plan as the next version and gives it back. Conflict when the plan in force is not the one
    /// that was edited.
    async fn edit_plan(&self, edit: &PlanEdit, now: DateTime<Utc>) -> Result<InterviewPlan, StoreError>;
}

/// A new application, and who and what is stored with it.
#[derive(Debug, Clone)]
pub struct Submission {
    pub application: ScreeningApplication,
    pub applied: Event,
    /// The candidate, where it is not here yet.
    pub new_candidate: Option<Candidate>,
    /// The job offer, where it is not here yet.
    pub new_offer: Option<JobOffer>,
    pub now: DateTime<Utc>,
}

impl Submission {
    /// Whether something is taken over from elsewhere with it.
    pub fn imports(&self) -> bool {
        self.new_candidate.is_some() || self.new_offer.is_some()
    }
}

/// A version of a plan.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct PlanVersion {
    pub version: u32,
    pub created_at: DateTime<Utc>,
    pub made_by: MadeBy,
}

/// A plan that takes the place of the one in force.
#[derive(Debug, Clone)]
pub struct PlanEdit {
    pub owner: PlanOwner,
    /// Whose plan is in force where the owner has none of its own.
    pub fallback: Option<PlanOwner>,
    /// The version whose place it takes; 0 where there is none.
    pub base: u32,
    /// Its version is set by the store.
    pub plan: InterviewPlan,
    /// Published with it.
    pub edited: Event,
}

/// Published when another plan is in force, edited or drafted: what was prepared from the plan before is out of date.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct InterviewPlanEdited {
    pub job_offer_id: JobOfferId,
    /// None where the plan is for everybody who applies to the offer.
    pub application_id: Option<ApplicationId>,
}

impl InterviewPlanEdited {
    /// The name under which it is published.
    pub const NAME: &'static str = "InterviewPlanEdited";
}

/// What a plan was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanOwner {
    JobOffer(JobOfferId),
    Application(ApplicationId),
}

/// What consenting through an open link makes.
#[derive(Debug, Clone)]
pub struct Admission {
    pub candidate: Candidate,
    pub application: ScreeningApplication,
    pub applied: Event,
    pub invitation: Invitation,
    pub consent: Consent,
}

/// Makes the interview plan of a job offer.
#[async_trait]
pub trait PlanMaker: Send + Sync {
    /// # Errors
    /// Says what the offer lacks.
    async fn make(&self, offer: &JobOffer, version: u32) -> Result<InterviewPlan, String>;
}

/// The interviews of applications, as far as applications need to know them.
#[async_trait]
pub trait InterviewCalls: Send + Sync {
    /// The call to enter: the one that is open, one that goes on after a technical break, or a new attempt.
    async fn open(&self, application: &ApplicationId, plan: &InterviewPlan) -> Result<CallId, OpenError>;
    async fn progress(&self, application: &ApplicationId) -> Result<Progress, StoreError>;
    /// Ends the call that waits for its candidate, if any.
    async fn call_off(&self, application: &ApplicationId) -> Result<(), StoreError>;
    /// Ends the open call because consent was withdrawn and deletes everything that was said in any call, of the calls
    /// that were begun until then.
    async fn forget(&self, application: &ApplicationId, until: DateTime<Utc>) -> Result<(), StoreError>;
}

/// Deletes what is personal.
#[async_trait]
pub trait Eraser: Send + Sync {
    /// Stores the erased application's status, deletes everything else about it and the candidate that no other
    /// application needs, and publishes [`ApplicationErased`](super::application::ApplicationErased), all in one
    /// transaction. Tells whose recordings are left for [`wipe`](Self::wipe). From then on nothing is stored for these ids.
    /// Conflict, and nothing deleted, when a call is not over or somebody moved the application since it was read.
    async fn erase(&self, application: &ScreeningApplication, now: DateTime<Utc>) -> Result<Vec<CallId>, StoreError>;
    /// Deletes the recordings of these calls and what the database's files still hold of what was deleted. Doing it again
    /// harms nothing.
    async fn wipe(&self, calls: &[CallId]) -> Result<(), StoreError>;
}

/// What the analyses of applications came to, as far as a list shows it.
#[async_trait]
pub trait Verdicts: Send + Sync {
    /// Of each application's latest call; nothing for those that have no analysis yet.
    async fn of(&self, applications: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Verdict>, StoreError>;
}

/// What an analysis came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// E.g. `completed`.
    pub status: String,
    /// 0 to 100; none where too little was said.
    pub fit_score: Option<u8>,
    /// E.g. `review`.
    pub recommendation: Option<String>,
}

/// Why no call can be entered.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The interview was held.
    #[error("the interview is over")]
    Over,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How far an application's interview has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub stage: Stage,
    /// When each attempt so far was made.
    pub attempts: Vec<DateTime<Utc>>,
    pub call_id: Option<CallId>,
    /// Of the last call, unless the next one begins afresh.
    pub plan_version: Option<u32>,
    /// Questions of the last call that are behind the candidate.
    pub topics_done: usize,
    /// How long that call has run, ms.
    pub elapsed_ms: u64,
    /// Why the last call ended, e.g. `agenda_completed`.
    pub end_reason: Option<String>,
    pub ended_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// No call yet.
    None,
    /// A call can be entered, for the first time or after a technical break.
    Ready,
    Live,
    Reconnecting,
    Over,
}

/// Reads the text of an uploaded file.
#[async_trait]
pub trait DocumentReader: Send + Sync {
    async fn read(&self, bytes: Vec<u8>) -> Result<String, DocumentError>;
}

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    #[error("the file is larger than {0} MiB")]
    TooLarge(usize),
    #[error("only PDF, DOCX, Markdown and plain text are read")]
    UnknownKind,
    #[error("the text is not written in UTF-8; save it in that encoding and send it again")]
    NotUtf8,
    /// Damaged, encrypted, or made to do harm.
    #[error("{0}")]
    Unreadable(&'static str),
    #[error("no text was found in the file; a scanned page must be typed in")]
    NoText,
    /// Too many files are being read.
    #[error("busy reading other files")]
    Busy,
}
