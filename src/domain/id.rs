//! Identifiers: UUIDs that cannot be taken for one another.

use std::fmt;
use std::marker::PhantomData;

use uuid::{Uuid, uuid};

use super::{Entropy, Invalid};

/// Identifies a tenant to the API, sent as `X-Client-Id`.
pub type ClientId = Id<ClientKind>;
/// Identifies an event within its tenant; chosen by the sender.
pub type EventId = Id<EventKind>;
/// Identifies a file within its tenant; chosen by this service.
pub type FileId = Id<FileKind>;
/// Identifies a legal hold within its tenant; chosen by this service.
pub type HoldId = Id<HoldKind>;
/// Identifies a key that was made while the service runs.
pub type KeyId = Id<KeyKind>;

/// A UUID of one kind. Its text form is lower case with hyphens, whatever was parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<Kind> {
    uuid: Uuid,
    kind: PhantomData<Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientKind {}
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {}
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {}
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoldKind {}
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {}

impl<Kind> Id<Kind> {
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self {
            uuid,
            kind: PhantomData,
        }
    }

    /// Returns a fresh random id (UUID version 4).
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self::from_uuid(entropy.uuid_v4())
    }

    /// Parses the text forms of RFC 9562 in either case.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Uuid::try_parse(text).map(Self::from_uuid).map_err(|error| {
            Invalid::new(
                "uuid_parsing",
                format!("Input should be a valid UUID, {error}"),
            )
        })
    }

    pub const fn uuid(&self) -> Uuid {
        self.uuid
    }
}

/// The namespace of the ids of `CloudEvents`: the UUID (version 5) of the URL `https://cloudevents.io/`.
const CLOUD_EVENTS: Uuid = uuid!("bb029af4-db24-5ccf-92da-7e3ecfc5d29a");

impl EventId {
    /// Returns the id of an event in the format of `CloudEvents`: its `id` if that is a UUID; else the UUID (version 5) of
    /// its `source`, a line feed and its `id`, which identify it together.
    pub fn of_cloud_event(source: &str, id: &str) -> Self {
        Self::parse(id).unwrap_or_else(|_| {
            let name = format!("{source}\n{id}");
            Self::from_uuid(Uuid::new_v5(&CLOUD_EVENTS, name.as_bytes()))
        })
    }
}

impl<Kind> fmt::Display for Id<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.as_hyphenated().fmt(f)
    }
}
