//! Applications and all that hangs on them, in SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};

use crate::screening::applications::domain::application::ScreeningApplication;
use crate::screening::applications::domain::candidate::Candidate;
use crate::screening::applications::domain::consent::Consent;
use crate::screening::applications::domain::invitation::{Invitation, InvitationKind, InvitationTarget};
use crate::screening::applications::domain::job_offer::{ExternalRef, JobOffer, JobOfferStatus};
use crate::screening::applications::domain::ports::{
    Admission, ApplicationStore, PlanEdit, PlanOwner, PlanVersion, Slice, Submission,
};
use crate::screening::applications::infrastructure::plans;
use crate::screening::shared::ids::{ApplicationId, CandidateId, InvitationId, JobOfferId};
use crate::screening::shared::plan::InterviewPlan;
use crate::shared::db::{Db, Write, from_json, from_ms, from_word, to_json, to_ms, to_word};
use crate::shared::erased;
use crate::shared::errors::StoreError;
use crate::shared::events::Event;
use crate::shared::outbox;

/// Applications in SQLite.
#[derive(Clone)]
pub struct SqliteApplicationStore {
    db: Db,
}

impl SqliteApplicationStore {
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}

#[async_trait]
impl ApplicationStore for SqliteApplicationStore {
    async fn insert_job_offer(&self, offer: &JobOffer, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut write = self.db.write().await?;
        insert_job_offer(&mut write, offer, now).await?;
        Ok(write.commit().await?)
    }

    async fn imported_job_offer(&self, origin: &ExternalRef) -> Result<Option<JobOffer>, StoreError> {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT body FROM job_offers WHERE external_source = $1 AND external_id = $2")
                .bind(&origin.source)
                .bind(&origin.id)
                .fetch_optional(self.db.reader())
                .await?;
        row.map(|(body,)| from_json(&body)).transpose()
    }

    async fn set_job_offer_status(&self, id: &JobOfferId, status: JobOfferStatus) -> Result<bool, StoreError> {
        let mut write = self.db.write().await?;
        let changed =
            sqlx::query("UPDATE job_offers SET status = $2, body = json_set(body, '$.status', $2) WHERE id = $1")
                .bind(id.as_str())
                .bind(to_word(&status)?)
                .execute(&mut *write)
                .await?;
        write.commit().await?;
        Ok(changed.rows_affected() == 1)
    }

    async fn job_offer(&self, id: &JobOfferId) -> Result<Option<JobOffer>, StoreError> {
        let row: Option<(String,)> = sqlx::query_as("SELECT body FROM job_offers WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db.reader())
            .await?;
        row.map(|(body,)| from_json(&body)).transpose()
    }

    async fn job_offers(&self, slice: &Slice) -> Result<Vec<JobOffer>, StoreError> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT body FROM job_offers WHERE $1 IS NULL OR id < $1 ORDER BY id DESC LIMIT $2")
                .bind(&slice.after)
                .bind(slice.limit)
                .fetch_all(self.db.reader())
                .await?;
        rows.iter().map(|(body,)| from_json(body)).collect()
    }

    async fn insert_candidate(&self, candidate: &Candidate) -> Result<(), StoreError> {
        let mut write = self.db.write().await?;
        insert_candidate(&mut write, candidate).await?;
        Ok(write.commit().await?)
    }

    async fn candidate(&self, id: &CandidateId) -> Result<Option<Candidate>, StoreError> {
        let row = sqlx::query("SELECT * FROM candidates WHERE id = $1 AND id NOT IN (SELECT id FROM erased)")
            .bind(id.as_str())
            .fetch_optional(self.db.reader())
            .await?;
        row.as_ref().map(candidate).transpose()
    }

    async fn candidate_named(&self, username: &str) -> Result<Option<Candidate>, StoreError> {
        let row = sqlx::query("SELECT * FROM candidates WHERE username = $1")
            .bind(username)
            .fetch_optional(self.db.reader())
            .await?;
        row.as_ref().map(candidate).transpose()
    }

    async fn candidates(&self, slice: &Slice) -> Result<Vec<Candidate>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM candidates WHERE ($1 IS NULL OR id < $1) AND id NOT IN (SELECT id FROM erased)
             ORDER BY id DESC LIMIT $2",
        )
        .bind(&slice.after)
        .bind(slice.limit)
        .fetch_all(self.db.reader())
        .await?;
        rows.iter().map(candidate).collect()
    }

    async fn submit(&self, submission: &Submission) -> Result<ApplicationId, StoreError> {
        let new = &submission.application;
        let mut write = self.db.write().await?;
        let same_pair: Option<(String,)> =
            sqlx::query_as("SELECT id FROM applications WHERE candidate_id = $1 AND job_offer_id = $2")
                .bind(new.candidate_id.as_str())
                .bind(new.job_offer_id.as_str())
                .fetch_optional(&mut *write)
                .await?;
        if let Some((id,)) = same_pair {
            return from_word(&id);
        }
        if let Some(candidate) = &submission.new_candidate {
            insert_candidate(&mut write, candidate).await?;
        }
        if let Some(offer) = &submission.new_offer {
            insert_job_offer(&mut write, offer, submission.now).await?;
        }
        refuse_unless_open(&mut write, &new.job_offer_id).await?;
        insert_application(&mut write, new).await?;
        outbox::append(&mut write, &submission.applied).await?;
        write.commit().await?;
        self.db.new_events().notify_one();
        Ok(new.id.clone())
    }

    async fn application_of(
        &self,
        candidate: &CandidateId,
        offer: &JobOfferId,
    ) -> Result<Option<ApplicationId>, StoreError> {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT id FROM applications WHERE candidate_id = $1 AND job_offer_id = $2")
                .bind(candidate.as_str())
                .bind(offer.as_str())
                .fetch_optional(self.db.reader())
                .await?;
        row.map(|(id,)| from_word(&id)).transpose()
    }

    async fn application(&self, id: &ApplicationId) -> Result<Option<ScreeningApplication>, StoreError> {
        let row = sqlx::query("SELECT * FROM applications WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db.reader())
            .await?;
        row.as_ref().map(application).transpose()
    }

    async fn applications(&self, slice: &Slice) -> Result<Vec<ScreeningApplication>, StoreError> {
        let rows = sqlx::query("SELECT * FROM applications WHERE $1 IS NULL OR id < $1 ORDER BY id DESC LIMIT $2")
            .bind(&slice.after)
            .bind(slice.limit)
            .fetch_all(self.db.reader())
            .await?;
        rows.iter().map(application).collect()
    }

    async fn in_screening(&self) -> Result<Vec<ScreeningApplication>, StoreError> {
        let rows = sqlx::query("SELECT * FROM applications WHERE status = 'in_screening'")
            .fetch_all(self.db.reader())
            .await?;
        rows.iter().map(application).collect()
    }

    async fn save_application(&self, application: &ScreeningApplication) -> Result<(), StoreError> {
        let mut write = self.db.write().await?;
        save_status(&mut write, application).await?;
        Ok(write.commit().await?)
    }

    async fn insert_invitation(
        &self,
        invitation: &Invitation,
        application: Option<&ScreeningApplication>,
    ) -> Result<(), StoreError> {
        let mut write = self.db.write().await?;
        insert_invitation(&mut write, invitation).await?;
        if let Some(application) = application {
            save_status(&mut write, application).await?;
        }
        Ok(write.commit().await?)
    }

    async fn invitation_by_hash(&self, token_hash: &str) -> Result<Option<Invitation>, StoreError> {
        let row = sqlx::query("SELECT * FROM invitations WHERE token_hash = $1")
            .bind(token_hash)
            .fetch_optional(self.db.reader())
            .await?;
        row.as_ref().map(invitation).transpose()
    }

    async fn invitation(&self, id: &InvitationId) -> Result<Option<Invitation>, StoreError> {
        let row = sqlx::query("SELECT * FROM invitations WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db.reader())
            .await?;
        row.as_ref().map(invitation).transpose()
    }

    async fn invitations_of(&self, application: &ApplicationId) -> Result<Vec<Invitation>, StoreError> {
        let rows = sqlx::query("SELECT * FROM invitations WHERE application_id = $1 ORDER BY id")
            .bind(application.as_str())
            .fetch_all(self.db.reader())
            .await?;
        rows.iter().map(invitation).collect()
    }

    async fn open_invitations(&self, offer: &JobOfferId) -> Result<Vec<Invitation>, StoreError> {
        let rows = sqlx::query("SELECT * FROM invitations WHERE kind = 'open' AND job_offer_id = $1 ORDER BY id")
            .bind(offer.as_str())
            .fetch_all(self.db.reader())
            .await?;
        rows.iter().map(invitation).collect()
    }

    async fn latest_child(&self, open: &InvitationId) -> Result<Option<Invitation>, StoreError> {
        let row = sqlx::query("SELECT * FROM invitations WHERE parent_id = $1 ORDER BY rowid DESC LIMIT 1")
            .bind(open.as_str())
            .fetch_optional(self.db.reader())
            .await?;
        row.as_ref().map(invitation).transpose()
    }

    async fn children(&self, open: &InvitationId) -> Result<u32, StoreError> {
        let (count,): (u32,) = sqlx::query_as("SELECT count(*) FROM invitations WHERE parent_id = $1")
            .bind(open.as_str())
            .fetch_one(self.db.reader())
            .await?;
        Ok(count)
    }

    async fn revoke_invitation(&self, id: &InvitationId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut write = self.db.write().await?;
        sqlx::query("UPDATE invitations SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1")
            .bind(id.as_str())
            .bind(to_ms(now))
            .execute(&mut *write)
            .await?;
        Ok(write.commit().await?)
    }

    async fn admit(&self, admission: &Admission) -> Result<(), StoreError> {
        let mut write = self.db.write().await?;
        refuse_unless_open(&mut write, &admission.application.job_offer_id).await?;
        insert_candidate(&mut write, &admission.candidate).await?;
        insert_application(&mut write, &admission.application).await?;
        insert_invitation(&mut write, &admission.invitation).await?;
        insert_consent(&mut write, &admission.application.id, &admission.consent).await?;
        outbox::append(&mut write, &admission.applied).await?;
        write.commit().await?;
        self.db.new_events().notify_one();
        Ok(())
    }

    async fn put_consent(&self, application: &ScreeningApplication, consent: &Consent) -> Result<(), StoreError> {
        let mut write = self.db.write().await?;
        insert_consent(&mut write, &application.id, consent).await?;
        save_status(&mut write, application).await?;
        Ok(write.commit().await?)
    }

    async fn consent(&self, application: &ApplicationId) -> Result<Option<Consent>, StoreError> {
        let row: Option<(String, bool, bool, i64, Option<i64>)> = sqlx::query_as(
            "SELECT version, accepted, recording, given_at, withdrawn_at FROM consents
             WHERE application_id = $1 ORDER BY position DESC LIMIT 1",
        )
        .bind(application.as_str())
        .fetch_optional(self.db.reader())
        .await?;
        row.map(|(version, accepted, recording, given_at, withdrawn_at)| {
            let withdrawn_at = withdrawn_at.map(from_ms).transpose()?;
            Ok(Consent {
                version,
                accepted,
                recording,
                given_at: from_ms(given_at)?,
                withdrawn_at,
            })
        })
        .transpose()
    }

    async fn withdraw_consent(&self, application: &ApplicationId, event: &Event) -> Result<(), StoreError> {
        let mut write = self.db.write().await?;
        let marked = sqlx::query(
            "UPDATE consents SET withdrawn_at = $2
             WHERE application_id = $1 AND accepted AND withdrawn_at IS NULL AND given_at <= $2",
        )
        .bind(application.as_str())
        .bind(to_ms(event.time))
        .execute(&mut *write)
        .await?;
        if marked.rows_affected() == 0 {
            return Ok(());
        }
        outbox::append(&mut write, event).await?;
        write.commit().await?;
        self.db.new_events().notify_one();
        Ok(())
    }

    async fn insert_plan(&self, owner: &PlanOwner, plan: &InterviewPlan, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut write = self.db.write().await?;
        erased::refuse(&mut write, owner.as_str()).await?;
        sqlx::query("INSERT INTO interview_plans (owner, version, body, created_at) VALUES ($1, $2, $3, $4)")
            .bind(owner.as_str())
            .bind(plan.version)
            .bind(to_json(plan)?)
            .bind(to_ms(now))
            .execute(&mut *write)
            .await?;
        Ok(write.commit().await?)
    }

    async fn plan_version(&self, owner: &PlanOwner, version: u32) -> Result<Option<InterviewPlan>, StoreError> {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT body FROM interview_plans WHERE owner = $1 AND version = $2")
                .bind(owner.as_str())
                .bind(version)
                .fetch_optional(self.db.reader())
                .await?;
        row.map(|(body,)| from_json(&body)).transpose()
    }

    async fn plan(&self, owner: &PlanOwner) -> Result<Option<InterviewPlan>, StoreError> {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT body FROM interview_plans WHERE owner = $1 ORDER BY version DESC LIMIT 1")
                .bind(owner.as_str())
                .fetch_optional(self.db.reader())
                .await?;
        row.map(|(body,)| from_json(&body)).transpose()
    }

    async fn plan_versions(&self, owner: &PlanOwner) -> Result<Vec<PlanVersion>, StoreError> {
        plans::versions(&self.db, owner).await
    }

    async fn edit_plan(&self, edit: &PlanEdit, now: DateTime<Utc>) -> Result<InterviewPlan, StoreError> {
        plans::edit(&self.db, edit, now).await
    }
}

async fn insert_job_offer(write: &mut Write, offer: &JobOffer, now: DateTime<Utc>) -> Result<(), StoreError> {
    let origin = offer.external.as_ref();
    sqlx::query(
        "INSERT INTO job_offers (id, status, title, body, created_at, external_source, external_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(offer.id.as_str())
    .bind(to_word(&offer.status)?)
    .bind(&offer.posting.title)
    .bind(to_json(offer)?)
    .bind(to_ms(now))
    .bind(origin.map(|o| &o.source))
    .bind(origin.map(|o| &o.id))
    .execute(&mut **write)
    .await?;
    Ok(())
}

/// Somebody may pause or close the offer while an application is on its way.
async fn refuse_unless_open(write: &mut Write, offer: &JobOfferId) -> Result<(), StoreError> {
    let open: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM job_offers WHERE id = $1 AND status = $2)")
        .bind(offer.as_str())
        .bind(to_word(&JobOfferStatus::Open)?)
        .fetch_one(&mut **write)
        .await?;
    if open {
        Ok(())
    } else {
        Err(StoreError::Conflict("the job offer takes no applications".to_owned()))
    }
}

async fn insert_candidate(write: &mut Write, candidate: &Candidate) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO candidates (id, username, name, email, headline, resume_text, source, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(candidate.id.as_str())
    .bind(&candidate.username)
    .bind(&candidate.name)
    .bind(&candidate.email)
    .bind(&candidate.headline)
    .bind(&candidate.resume_text)
    .bind(&candidate.source)
    .bind(to_ms(candidate.created_at))
    .execute(&mut **write)
    .await?;
    Ok(())
}

async fn insert_application(write: &mut Write, application: &ScreeningApplication) -> Result<(), StoreError> {
    erased::refuse(write, application.candidate_id.as_str()).await?;
    sqlx::query(
        "INSERT INTO applications (id, candidate_id, job_offer_id, status, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(application.id.as_str())
    .bind(application.candidate_id.as_str())
    .bind(application.job_offer_id.as_str())
    .bind(to_word(&application.status())?)
    .bind(to_ms(application.created_at))
    .execute(&mut **write)
    .await?;
    Ok(())
}

/// Also where the status is the same: what is stored beside it is meant for the application as it was read.
pub(super) async fn save_status(write: &mut Write, application: &ScreeningApplication) -> Result<(), StoreError> {
    let changed = sqlx::query("UPDATE applications SET status = $2 WHERE id = $1 AND status = $3")
        .bind(application.id.as_str())
        .bind(to_word(&application.status())?)
        .bind(to_word(&application.read_status())?)
        .execute(&mut **write)
        .await?;
    match changed.rows_affected() {
        1 => Ok(()),
        _ => Err(StoreError::Conflict("the application was moved meanwhile".to_owned())),
    }
}

async fn insert_invitation(write: &mut Write, invitation: &Invitation) -> Result<(), StoreError> {
    let (application_id, parent) = match &invitation.target {
        InvitationTarget::Personal { application_id, parent } => (Some(application_id.as_str()), parent.as_ref()),
        InvitationTarget::Open => (None, None),
    };
    sqlx::query(
        "INSERT INTO invitations (id, kind, application_id, job_offer_id, parent_id, token_hash, max_attempts,
                                  created_at, expires_at, revoked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(invitation.id.as_str())
    .bind(to_word(&invitation.kind())?)
    .bind(application_id)
    .bind(invitation.job_offer_id.as_str())
    .bind(parent.map(InvitationId::as_str))
    .bind(&invitation.token_hash)
    .bind(invitation.max_attempts)
    .bind(to_ms(invitation.created_at))
    .bind(to_ms(invitation.expires_at))
    .bind(invitation.revoked_at.map(to_ms))
    .execute(&mut **write)
    .await?;
    Ok(())
}

async fn insert_consent(write: &mut Write, application: &ApplicationId, consent: &Consent) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO consents (application_id, version, accepted, recording, given_at, withdrawn_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(application.as_str())
    .bind(&consent.version)
    .bind(consent.accepted)
    .bind(consent.recording)
    .bind(to_ms(consent.given_at))
    .bind(consent.withdrawn_at.map(to_ms))
    .execute(&mut **write)
    .await?;
    Ok(())
}

fn candidate(row: &SqliteRow) -> Result<Candidate, StoreError> {
    Ok(Candidate {
        id: from_word(row.try_get("id")?)?,
        username: row.try_get("username")?,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        headline: row.try_get("headline")?,
        resume_text: row.try_get("resume_text")?,
        source: row.try_get("source")?,
        created_at: from_ms(row.try_get("created_at")?)?,
    })
}

fn application(row: &SqliteRow) -> Result<ScreeningApplication, StoreError> {
    let (id, candidate, offer, status, created_at): (String, String, String, String, i64) = FromRow::from_row(row)?;
    let (id, candidate, offer) = (from_word(&id)?, from_word(&candidate)?, from_word(&offer)?);
    Ok(ScreeningApplication::restore(
        id,
        candidate,
        offer,
        from_word(&status)?,
        from_ms(created_at)?,
    ))
}

fn invitation(row: &SqliteRow) -> Result<Invitation, StoreError> {
    let target = match from_word(row.try_get("kind")?)? {
        InvitationKind::Open => InvitationTarget::Open,
        InvitationKind::Personal => InvitationTarget::Personal {
            application_id: from_word(row.try_get("application_id")?)?,
            parent: row
                .try_get::<Option<&str>, _>("parent_id")?
                .map(from_word)
                .transpose()?,
        },
    };
    Ok(Invitation {
        id: from_word(row.try_get("id")?)?,
        target,
        job_offer_id: from_word(row.try_get("job_offer_id")?)?,
        token_hash: row.try_get("token_hash")?,
        max_attempts: row.try_get("max_attempts")?,
        created_at: from_ms(row.try_get("created_at")?)?,
        expires_at: from_ms(row.try_get("expires_at")?)?,
        revoked_at: row.try_get::<Option<i64>, _>("revoked_at")?.map(from_ms).transpose()?,
    })
}
