//! The audit of administrators: what an act looks like as an event of the system tenant.

use core::net::IpAddr;
use std::fmt::Display;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::catalogue::SOURCE_TYPES;
use crate::domain::{
    Catalogue, ClientId, Event, EventData, EventId, EventTime, KeyId, Redactions, Tenant,
};

/// The types of source of acts: see [`Catalogue`].
const USER: i32 = 0;
const SYSTEM: i32 = 2;

/// A kind of administrative act. Its number is an event type of the system tenant, which has its own catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActKind {
    TenantCreated = 101,
    TenantChanged = 102,
    TenantDeleted = 103,
    SecretRotated = 104,
    TenantRestored = 105,
    /// A deleted tenant that could have been restored until now.
    TenantErased = 106,
    KeyCreated = 111,
    KeyRevoked = 112,
    RetentionSet = 121,
    RetentionRun = 122,
    HoldPlaced = 123,
    HoldReleased = 124,
    EventRedacted = 125,
    /// A tenant's history was read, where the operator wants that recorded.
    HistoryRead = 141,
    /// An act that was recorded has failed.
    ActFailed = 199,
}

impl ActKind {
    const ALL: [Self; 15] = [
        Self::TenantCreated,
        Self::TenantChanged,
        Self::TenantDeleted,
        Self::SecretRotated,
        Self::TenantRestored,
        Self::TenantErased,
        Self::KeyCreated,
        Self::KeyRevoked,
        Self::RetentionSet,
        Self::RetentionRun,
        Self::HoldPlaced,
        Self::HoldReleased,
        Self::EventRedacted,
        Self::HistoryRead,
        Self::ActFailed,
    ];

    /// Returns the name of the event type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TenantCreated => "tenant_created",
            Self::TenantChanged => "tenant_changed",
            Self::TenantDeleted => "tenant_deleted",
            Self::SecretRotated => "secret_rotated",
            Self::TenantRestored => "tenant_restored",
            Self::TenantErased => "tenant_erased",
            Self::KeyCreated => "key_created",
            Self::KeyRevoked => "key_revoked",
            Self::RetentionSet => "retention_set",
            Self::RetentionRun => "retention_run",
            Self::HoldPlaced => "hold_placed",
            Self::HoldReleased => "hold_released",
            Self::EventRedacted => "event_redacted",
            Self::HistoryRead => "history_read",
            Self::ActFailed => "act_failed",
        }
    }

    pub const fn id(self) -> i32 {
        self as i32
    }
}

/// Returns the names of the types in the history of the system tenant.
pub fn catalogue() -> &'static Arc<Catalogue> {
    static CATALOGUE: LazyLock<Arc<Catalogue>> = LazyLock::new(|| {
        Arc::new(Catalogue {
            event_types: ActKind::ALL
                .map(|it| (it.id(), it.name().to_owned()))
                .into(),
            source_types: SOURCE_TYPES.map(|(id, name)| (id, name.to_owned())).into(),
        })
    });
    &CATALOGUE
}

/// By what somebody acted, or what acted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    ConfiguredKey,
    StoredKey,
    TenantSecret,
    /// Its `key_id` is that of the stored key with which it was made.
    ViewToken,
    /// The service, without having been asked.
    Service,
}

impl ActorKind {
    const fn name(self) -> &'static str {
        match self {
            Self::ConfiguredKey => "configured_key",
            Self::StoredKey => "stored_key",
            Self::TenantSecret => "tenant_secret",
            Self::ViewToken => "view_token",
            Self::Service => "service",
        }
    }

    const fn source_type_id(self) -> i32 {
        match self {
            Self::ConfiguredKey | Self::StoredKey | Self::TenantSecret | Self::ViewToken => USER,
            Self::Service => SYSTEM,
        }
    }
}

/// Who acts, and from where. Has no secret.
#[derive(Debug, Clone)]
pub struct Actor {
    pub kind: ActorKind,
    /// A name for people: that of a key, say.
    pub name: String,
    pub key_id: Option<KeyId>,
    /// The one tenant that the credential is for.
    pub of_tenant: Option<ClientId>,
    pub client_address: Option<IpAddr>,
    pub request_id: Option<String>,
}

impl Actor {
    /// Returns the service itself, which acts without having been asked.
    pub fn service() -> Self {
        Self {
            kind: ActorKind::Service,
            name: "the service".to_owned(),
            key_id: None,
            of_tenant: None,
            client_address: None,
            request_id: None,
        }
    }

    fn item(&self) -> Value {
        let Self {
            kind,
            name: _, // the event has it as `source_name`
            key_id,
            of_tenant,
            client_address,
            request_id,
        } = self;
        json!({
            "by": kind.name(),
            "key_id": key_id.map(|it| it.to_string()),
            "of_tenant": of_tenant.map(|it| it.to_string()),
            "client_address": client_address.map(|it| it.to_string()),
            "request_id": request_id,
        })
    }
}

/// An act, with what it changes: each a field with its old or new value, so that a history can be filtered by them.
#[derive(Debug, Clone)]
pub struct Act {
    kind: ActKind,
    record_id: i64,
    tenant: Vec<Value>,
    changes: Vec<Value>,
}

impl Act {
    pub const fn of(kind: ActKind) -> Self {
        Self {
            kind,
            record_id: 0,
            tenant: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Says which record it is about, in place of none.
    #[must_use]
    pub const fn about_record(mut self, record_id: i64) -> Self {
        self.record_id = record_id;
        self
    }

    /// Says which tenant it is about.
    #[must_use]
    pub fn of_tenant(mut self, tenant: &Tenant) -> Self {
        let side = match self.kind {
            ActKind::TenantDeleted | ActKind::TenantErased => "old",
            _ => "new",
        };
        let (id, name) = (
            tenant.client_id.to_string(),
            tenant.database_name.to_string(),
        );
        self.tenant = vec![
            json!({"field": "client_id", side: id}),
            json!({"field": "database_name", side: name}),
        ];
        self
    }

    /// Adds a field that gets a value. Values are no secrets.
    #[must_use]
    pub fn set(mut self, field: &str, new: impl Display) -> Self {
        let change = json!({"field": field, "new": new.to_string()});
        self.changes.push(change);
        self
    }

    /// Adds a field that loses its value.
    #[must_use]
    pub fn unset(mut self, field: &str, old: impl Display) -> Self {
        let change = json!({"field": field, "old": old.to_string()});
        self.changes.push(change);
        self
    }

    /// Adds a field whose value is replaced.
    #[must_use]
    pub fn change(mut self, field: &str, old: impl Display, new: impl Display) -> Self {
        let change = json!({"field": field, "old": old.to_string(), "new": new.to_string()});
        self.changes.push(change);
        self
    }

    /// Returns the act of this one's failure, which was recorded as the event `recorded`.
    #[must_use]
    pub fn failed(self, recorded: EventId, reason: impl Display) -> Self {
        let act = self.kind.name();
        let failed = Self {
            kind: ActKind::ActFailed,
            ..self
        };
        failed
            .set("act", act)
            .set("act_event_id", recorded)
            .set("failure", reason)
    }

    /// Returns the event that records the act.
    pub fn into_event(self, actor: &Actor, id: EventId, now: Timestamp) -> Event {
        let Self {
            kind,
            record_id,
            tenant,
            changes,
        } = self;
        let items: Vec<Value> = [vec![actor.item()], tenant, changes].concat();
        Event {
            id,
            time: EventTime::clamped(now.as_microsecond()),
            event_type_id: kind.id(),
            record_id,
            source_id: 0,
            source_type_id: actor.kind.source_type_id(),
            source_name: actor.name.clone(),
            source_info: actor
                .client_address
                .map(|it| it.to_string())
                .unwrap_or_default(),
            data: EventData::from_stored(Value::Array(items).to_string()),
            files: Vec::new(),
            received_at: None,
            redactions: Redactions::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::{Act, ActKind, Actor, ActorKind, catalogue};
    use crate::domain::{EventId, SystemEntropy};

    #[test]
    fn the_history_of_the_system_tenant_names_every_kind() {
        for kind in ActKind::ALL {
            assert_eq!(catalogue().event_type(kind.id()), Some(kind.name()));
        }
        assert_eq!(catalogue().event_types.len(), ActKind::ALL.len());
    }

    #[test]
    fn an_act_says_who_did_what_from_where() {
        let actor = Actor {
            kind: ActorKind::StoredKey,
            name: "Émile \"x\"".to_owned(),
            client_address: Some("192.0.2.1".parse().unwrap()),
            request_id: Some("r1".to_owned()),
            ..Actor::service()
        };
        let act = Act::of(ActKind::HoldPlaced)
            .about_record(42)
            .set("reason", "a \"b\"");
        let id = EventId::random(&SystemEntropy);
        let event = act.clone().into_event(&actor, id, Timestamp::UNIX_EPOCH);
        assert_eq!((event.event_type_id, event.record_id), (123, 42));
        assert_eq!(
            (event.source_name, event.source_info),
            (actor.name.clone(), "192.0.2.1".to_owned())
        );
        let data: Value = serde_json::from_str(event.data.as_str()).unwrap();
        let by = json!({
            "by": "stored_key", "key_id": null, "of_tenant": null, "client_address": "192.0.2.1", "request_id": "r1",
        });
        assert_eq!(data, json!([by, {"field": "reason", "new": "a \"b\""}]));
        let failed = act
            .failed(id, "why")
            .into_event(&actor, id, Timestamp::UNIX_EPOCH);
        assert_eq!((failed.event_type_id, failed.record_id), (199, 42));
    }
}
