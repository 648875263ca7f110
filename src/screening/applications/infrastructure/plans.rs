//! Versions of interview plans, in SQLite.

use chrono::{DateTime, Utc};

use crate::screening::applications::domain::ports::{PlanEdit, PlanOwner, PlanVersion};
use crate::screening::shared::plan::InterviewPlan;
use crate::shared::db::{Db, Write, from_json, from_ms, to_json, to_ms};
use crate::shared::erased;
use crate::shared::errors::StoreError;
use crate::shared::outbox;

/// Stores an edit as the next version. It counts on from both the owner's versions and those it had before: a call
/// knows its plan by application and version alone.
pub(super) async fn edit(db: &Db, edit: &PlanEdit, now: DateTime<Utc>) -> Result<InterviewPlan, StoreError> {
    let mut write = db.write().await?;
    erased::refuse(&mut write, edit.owner.as_str()).await?;
    let own = newest(&mut write, &edit.owner).await?;
    let before = match &edit.fallback {
        Some(fallback) => newest(&mut write, fallback).await?,
        None => None,
    };
    let in_force = own.or(before).unwrap_or(0);
    if in_force != edit.base {
        let told = format!("the plan in force is version {in_force}, not {}", edit.base);
        return Err(StoreError::Conflict(told));
    }
    let mut plan = edit.plan.clone();
    plan.version = own.max(before).unwrap_or(0) + 1;
    sqlx::query("INSERT INTO interview_plans (owner, version, body, created_at) VALUES ($1, $2, $3, $4)")
        .bind(edit.owner.as_str())
        .bind(plan.version)
        .bind(to_json(&plan)?)
        .bind(to_ms(now))
        .execute(&mut *write)
        .await?;
    outbox::append(&mut write, &edit.edited).await?;
    write.commit().await?;
    db.new_events().notify_one();
    Ok(plan)
}

/// All versions of an owner, newest first.
pub(super) async fn versions(db: &Db, owner: &PlanOwner) -> Result<Vec<PlanVersion>, StoreError> {
    let rows: Vec<(u32, i64, String)> =
        sqlx::query_as("SELECT version, created_at, body FROM interview_plans WHERE owner = $1 ORDER BY version DESC")
            .bind(owner.as_str())
            .fetch_all(db.reader())
            .await?;
    rows.into_iter()
        .map(|(version, created_at, body)| {
            let plan: InterviewPlan = from_json(&body)?;
            Ok(PlanVersion {
                version,
                created_at: from_ms(created_at)?,
                made_by: plan.made_by,
            })
        })
        .collect()
}

async fn newest(write: &mut Write, owner: &PlanOwner) -> Result<Option<u32>, StoreError> {
    let (version,): (Option<u32>,) = sqlx::query_as("SELECT max(version) FROM interview_plans WHERE owner = $1")
        .bind(owner.as_str())
        .fetch_one(&mut **write)
        .await?;
    Ok(version)
}

impl PlanOwner {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::JobOffer(id) => id.as_str(),
            Self::Application(id) => id.as_str(),
        }
    }
}
