//! What was sent to a server, and what it promised.

use serde_json::Value;

use crate::support::Tenant;

/// What was sent, and how long the record was when the answer was there.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) tenants: Vec<SentTenant>,
    pub(super) events: Vec<SentEvent>,
    pub(super) files: Vec<SentFile>,
    /// Answers that no disk excuses.
    pub(super) unexpected: Vec<String>,
    /// How often a writer was told to come again.
    pub(super) refused: usize,
}

#[derive(Debug)]
pub(super) struct SentTenant {
    pub(super) tenant: Tenant,
    pub(super) created_at: u64,
    pub(super) deletion_asked_at: Option<u64>,
    pub(super) deleted_at: Option<u64>,
}

#[derive(Debug)]
pub(super) struct SentEvent {
    /// The place in [`Ledger::tenants`].
    pub(super) tenant: usize,
    pub(super) id: String,
    pub(super) data: Value,
    pub(super) file_id: Option<String>,
    pub(super) acknowledged_at: Option<u64>,
}

#[derive(Debug)]
pub(super) struct SentFile {
    pub(super) tenant: usize,
    pub(super) id: String,
    pub(super) bytes: Vec<u8>,
    pub(super) acknowledged_at: Option<u64>,
}

impl Ledger {
    pub(super) fn summary(&self) -> String {
        let events = self.events.iter().filter(|it| it.acknowledged_at.is_some());
        let files = self.files.iter().filter(|it| it.acknowledged_at.is_some());
        format!(
            "{} of {} events, {} of {} files, {} tenants acknowledged, {} refusals",
            events.count(),
            self.events.len(),
            files.count(),
            self.files.len(),
            self.tenants.len(),
            self.refused,
        )
    }
}
