//! The applications' part of an erasure.

use crate::screening::applications::domain::application::ScreeningApplication;
use crate::screening::applications::infrastructure::store::save_status;
use crate::shared::db::Write;
use crate::shared::errors::StoreError;

/// Stores the erased application's status and deletes its links, consents and plan, in the caller's transaction.
///
/// # Errors
/// Conflict when somebody moved the application since it was read.
pub async fn erase_application(write: &mut Write, application: &ScreeningApplication) -> Result<(), StoreError> {
    save_status(write, application).await?;
    for statement in [
        "DELETE FROM invitations WHERE application_id = $1",
        "DELETE FROM consents WHERE application_id = $1",
        "DELETE FROM interview_plans WHERE owner = $1",
        // Why a job failed may quote what it worked on.
        "UPDATE jobs SET last_error = NULL WHERE event_id IN (SELECT id FROM outbox WHERE subject = $1)",
    ] {
        sqlx::query(statement)
            .bind(application.id.as_str())
            .execute(&mut **write)
            .await?;
    }
    Ok(())
}

/// Empties the row of the application's candidate, in the caller's transaction, where no other application needs it.
/// True where it did.
///
/// # Errors
/// When the database refuses.
pub async fn erase_candidate(write: &mut Write, application: &ScreeningApplication) -> Result<bool, StoreError> {
    let emptied = sqlx::query(
        "UPDATE candidates SET username = NULL, name = '', email = NULL, headline = NULL, resume_text = NULL, source = NULL
         WHERE id = $1
           AND NOT EXISTS (SELECT 1 FROM applications WHERE candidate_id = $1 AND status <> 'erased')",
    )
    .bind(application.candidate_id.as_str())
    .execute(&mut **write)
    .await?;
    Ok(emptied.rows_affected() == 1)
}
