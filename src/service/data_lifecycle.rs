//! How long events live: retention, redaction and legal holds.

use serde::Serialize;

use super::{Access, Error};
use crate::domain::{
    Act, ActKind, Event, EventId, Hold, HoldId, Holds, MAX_HOLDS, MemberPointer, Reason, Redaction,
    RetentionRules,
};
use crate::store::Redacted;

impl Access {
    pub async fn holds(&self) -> Result<Holds, Error> {
        Ok(self.service.store.holds(&self.tenant).await?)
    }

    /// Places a hold of a record, or of all records: from now on nothing that it covers is deleted.
    pub async fn place_hold(&self, record_id: Option<i64>, reason: Reason) -> Result<Hold, Error> {
        if self.holds().await?.as_slice().len() >= MAX_HOLDS {
            return Err(Error::TooManyHolds(MAX_HOLDS));
        }
        let hold = Hold {
            id: HoldId::random(&*self.service.entropy),
            record_id,
            reason,
            created_at: self.service.clock.now(),
        };
        let act = of_hold(ActKind::HoldPlaced, record_id)
            .set("hold_id", hold.id)
            .set("reason", &hold.reason);
        let placed = self.audited(act, async {
            Ok(self.service.store.place_hold(&self.tenant, &hold).await?)
        });
        placed.await?;
        tracing::info!(tenant = %self.database_name(), hold = %hold.id, record_id, "legal hold placed");
        Ok(hold)
    }

    pub async fn release_hold(&self, hold_id: HoldId) -> Result<(), Error> {
        let not_found = || Error::HoldNotFound { hold_id };
        let holds = self.holds().await?;
        let hold = holds.as_slice().iter().find(|it| it.id == hold_id);
        let hold = hold.ok_or_else(not_found)?;
        let act = of_hold(ActKind::HoldReleased, hold.record_id)
            .unset("hold_id", hold_id)
            .unset("reason", &hold.reason);
        let store = &self.service.store;
        let released = self.audited(act, async {
            let released = store.release_hold(&self.tenant, hold_id).await?;
            released.then_some(()).ok_or_else(not_found)
        });
        released.await?;
        tracing::info!(tenant = %self.database_name(), hold = %hold_id, "legal hold released");
        Ok(())
    }

    pub async fn retention(&self) -> Result<RetentionRules, Error> {
        Ok(self.service.store.retention(&self.tenant).await?)
    }

    /// Replaces the retention rules, which are followed from now on.
    pub async fn set_retention(&self, rules: &RetentionRules) -> Result<(), Error> {
        let store = &self.service.store;
        let former = self.retention().await?;
        let act = Act::of(ActKind::RetentionSet).change("rules", text(&former), text(rules));
        let set = self.audited(act, async {
            Ok(store.set_retention(&self.tenant, rules).await?)
        });
        set.await?;
        let rules = rules.as_slice().len();
        tracing::info!(tenant = %self.database_name(), rules, "retention rules set");
        Ok(())
    }

    /// Removes members of an event for good, and returns the event as it is now. A second time changes nothing.
    pub async fn redact(
        &self,
        event_id: EventId,
        members: Vec<MemberPointer>,
        reason: Reason,
    ) -> Result<Event, Error> {
        if self.tenant.is_system() {
            return Err(Error::SystemTenant);
        }
        let redaction = Redaction {
            members,
            reason,
            redacted_by: self.credential_name(),
            redacted_at: self.service.clock.now(),
        };
        let before = self.event(event_id).await?;
        if self.holds().await?.cover(before.record_id) {
            return Err(Error::EventUnderHold { event_id });
        }
        let is_new = before.redacted(&redaction);
        let is_new = is_new.map_err(Error::RedactionRefused)?.is_some();
        let redacting = self.redact_in_store(event_id, &redaction);
        if !is_new {
            return redacting.await; // which finishes one that was interrupted
        }
        let act = Act::of(ActKind::EventRedacted)
            .about_record(before.record_id)
            .set("event_id", event_id)
            .set("members", text(&redaction.members))
            .set("reason", &redaction.reason);
        let event = self.audited(act, redacting).await?;
        let members = redaction.members.len();
        tracing::info!(tenant = %self.database_name(), event = %event_id, members, "event redacted");
        Ok(event)
    }

    async fn redact_in_store(
        &self,
        event_id: EventId,
        redaction: &Redaction,
    ) -> Result<Event, Error> {
        let store = &self.service.store;
        match store.redact(&self.tenant, event_id, redaction).await? {
            Redacted::Event(event) => Ok(*event),
            Redacted::NoSuchEvent => Err(Error::EventNotFound { event_id }),
            Redacted::UnderHold => Err(Error::EventUnderHold { event_id }),
            Redacted::Refused(problems) => Err(Error::RedactionRefused(problems)),
        }
    }

    /// Fails if the tenant has a hold.
    pub(super) async fn require_no_hold(&self) -> Result<(), Error> {
        if self.holds().await?.is_empty() {
            return Ok(());
        }
        Err(Error::UnderHold {
            tenant: self.database_name().to_string(),
        })
    }
}

/// Begins the act about a hold: of a record, or of the whole tenant.
fn of_hold(kind: ActKind, record_id: Option<i64>) -> Act {
    match record_id {
        Some(id) => Act::of(kind).about_record(id).set("record_id", id),
        None => Act::of(kind).set("record_id", "all"),
    }
}

/// Returns rules or pointers as the audit shows them.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default() // numbers and words never fail
}
