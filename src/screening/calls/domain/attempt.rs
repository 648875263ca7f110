//! Which call of an application can be entered now.

use chrono::{DateTime, TimeDelta, Utc};

use crate::screening::calls::domain::call::ScreeningCall;
use crate::screening::calls::domain::status::EndReason;

/// How long after a technical break the interview can go on.
const RESUMABLE: TimeDelta = TimeDelta::hours(24);

/// What entering the interview means at this moment.
#[derive(Debug, PartialEq)]
pub enum Entry<'a> {
    /// There was no call yet.
    First,
    /// This call waits for its candidate, or runs.
    Current(&'a ScreeningCall),
    /// This call broke off; the next attempt goes on where it stopped.
    Resume(&'a ScreeningCall),
    /// The interview was held, or ended for good.
    Over(&'a ScreeningCall),
}

/// Decides from an application's calls, oldest first.
pub fn entry(calls: &[ScreeningCall], now: DateTime<Utc>) -> Entry<'_> {
    match calls.last() {
        None => Entry::First,
        Some(call) if !call.status().is_final() => Entry::Current(call),
        // A call that nobody joined says nothing; the one before it does.
        Some(call) => match calls
            .iter()
            .rfind(|call| call.end_reason() != Some(EndReason::InviteExpired))
        {
            // Nobody ever came: with a new link it begins.
            None => Entry::Resume(call),
            Some(held) if broke_off(held) && held.ended_at.is_some_and(|ended| now - ended < RESUMABLE) => {
                Entry::Resume(call)
            }
            Some(_) => Entry::Over(call),
        },
    }
}

/// Whether the call ended without anybody wanting it to.
fn broke_off(call: &ScreeningCall) -> bool {
    match call.end_reason() {
        // Consent given anew after it was withdrawn or declined begins afresh: nothing of the old call is left.
        Some(
            EndReason::DisconnectTimeout
            | EndReason::NoAudio
            | EndReason::SystemError
            | EndReason::ConsentDeclined
            | EndReason::ConsentWithdrawn,
        ) => true,
        Some(
            EndReason::AgendaCompleted
            | EndReason::TimeLimit
            | EndReason::CandidateEnded
            | EndReason::HumanRequested
            | EndReason::AccommodationRequested
            | EndReason::WellbeingStop
            | EndReason::ConductStop
            | EndReason::RecruiterCancelled
            | EndReason::InviteExpired,
        )
        | None => false,
    }
}

/// The attempts that a call goes on from, oldest first. None from before consent was withdrawn, and none that another
/// plan was asked in.
pub fn gone_on_from<'a>(call: &ScreeningCall, calls: &'a [ScreeningCall]) -> Vec<&'a ScreeningCall> {
    let mut earlier = Vec::new();
    for known in calls.iter().filter(|known| known.attempt < call.attempt) {
        let afresh = known.end_reason() == Some(EndReason::ConsentWithdrawn) || known.plan_version != call.plan_version;
        if afresh {
            earlier.clear();
        } else {
            earlier.push(known);
        }
    }
    earlier
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screening::calls::domain::coverage::Coverage;
    use crate::screening::shared::ids::ApplicationId;

    fn ended(reason: EndReason) -> ScreeningCall {
        let start = DateTime::UNIX_EPOCH;
        let mut call = ScreeningCall::ready(ApplicationId::generate(), 1, 1, Coverage(Vec::new()), start);
        call.start(start).expect("ready");
        call.finish(reason, String::new(), start).expect("live");
        call
    }

    // spec: CALL-4
    #[test]
    fn a_call_that_nobody_joined_can_be_held_with_a_later_link() {
        let start = DateTime::UNIX_EPOCH;
        let mut call = ScreeningCall::ready(ApplicationId::generate(), 1, 1, Coverage(Vec::new()), start);
        let event = call
            .finish(EndReason::InviteExpired, String::new(), start)
            .expect("ready");
        assert_eq!(
            event.status,
            crate::screening::calls::domain::status::CallStatus::Expired
        );
        let calls = [call];
        assert_eq!(entry(&calls, start + TimeDelta::days(30)), Entry::Resume(&calls[0]));
    }

    // spec: CALL-7
    #[test]
    fn a_call_goes_on_from_what_was_said_to_the_same_plan_since_consent() {
        let attempt = |attempt, plan_version, reason| {
            let mut call = ended(reason);
            (call.attempt, call.plan_version) = (attempt, plan_version);
            call
        };
        let from = |calls: &[ScreeningCall]| {
            let last = calls.last().expect("a call");
            gone_on_from(last, calls).iter().map(|c| c.attempt).collect::<Vec<_>>()
        };
        let dropped = EndReason::DisconnectTimeout;
        let mut calls = vec![attempt(1, 1, dropped), attempt(2, 1, dropped), attempt(3, 1, dropped)];
        assert_eq!(from(&calls), [1, 2]);
        assert_eq!(from(&calls[..1]), [0_u32; 0]);
        calls[1] = attempt(2, 1, EndReason::ConsentWithdrawn);
        assert_eq!(from(&calls), [0_u32; 0]);
        calls.push(attempt(4, 1, dropped));
        assert_eq!(from(&calls), [3]);
        calls.push(attempt(5, 2, dropped));
        assert_eq!(from(&calls), [0_u32; 0]);
    }

    // spec: CALL-7
    #[test]
    fn a_call_that_nobody_joined_does_not_keep_a_broken_one_open() {
        let late = DateTime::UNIX_EPOCH + TimeDelta::hours(24);
        let mut unjoined = ScreeningCall::ready(
            ApplicationId::generate(),
            2,
            1,
            Coverage(Vec::new()),
            DateTime::UNIX_EPOCH,
        );
        unjoined
            .finish(EndReason::InviteExpired, String::new(), late)
            .expect("ready");
        let calls = [ended(EndReason::DisconnectTimeout), unjoined];
        assert_eq!(entry(&calls, late), Entry::Over(&calls[1]));
        assert_eq!(entry(&calls, DateTime::UNIX_EPOCH), Entry::Resume(&calls[1]));
    }

    // spec: CALL-7
    #[test]
    fn a_broken_call_goes_on_for_a_day_and_a_finished_one_never() {
        let soon = DateTime::UNIX_EPOCH + TimeDelta::hours(23);
        let late = DateTime::UNIX_EPOCH + TimeDelta::hours(24);
        let dropped = [ended(EndReason::DisconnectTimeout)];
        assert_eq!(entry(&dropped, soon), Entry::Resume(&dropped[0]));
        assert_eq!(entry(&dropped, late), Entry::Over(&dropped[0]));
        let held = [ended(EndReason::AgendaCompleted)];
        assert_eq!(entry(&held, soon), Entry::Over(&held[0]));
        assert_eq!(entry(&[], soon), Entry::First);
    }
}
