//! Tenants: customers of the platform, each with its own database.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::{ClientId, Entropy, Invalid};

/// A tenant entry: maps a client id to a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    pub client_id: ClientId,
    pub database_name: DatabaseName,
    pub client_label: String,
    /// SHA-256 of the client secret's text; the secret itself is not kept.
    pub client_secret_sha256: [u8; 32],
    pub created_at: Timestamp,
}

impl Tenant {
    /// Tells whether this is the system tenant, see [`DatabaseName::system`].
    pub fn is_system(&self) -> bool {
        self.database_name.is_system()
    }

    /// Returns the tenants with these names, or all if there are no names. Fails with the first unknown name.
    pub fn named<T: Borrow<Self>>(
        mut tenants: Vec<T>,
        names: &BTreeSet<DatabaseName>,
    ) -> Result<Vec<T>, DatabaseName> {
        if names.is_empty() {
            return Ok(tenants);
        }
        tenants.retain(|tenant| names.contains(&tenant.borrow().database_name));
        let known: BTreeSet<_> = tenants
            .iter()
            .map(|it| &it.borrow().database_name)
            .collect();
        match names.iter().find(|name| !known.contains(name)) {
            Some(unknown) => Err(unknown.clone()),
            None => Ok(tenants),
        }
    }
}

/// A selection of tenants, in the order of their names, byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantQuery {
    /// Those behind this name.
    pub after: Option<DatabaseName>,
    /// Those with this text in their name or their label, where upper and lower case ASCII letters are the same, or with
    /// this client id.
    pub text: Option<String>,
    /// The most tenants of a page, at least one.
    pub limit: u32,
}

impl TenantQuery {
    /// Tells whether a list has this tenant, on one of its pages. The system tenant is on none.
    ///
    /// This defines the meaning of a query. Backends filter in SQL, and the conformance suite compares them with this.
    pub fn matches(&self, tenant: &Tenant) -> bool {
        let Self {
            after,
            text,
            limit: _,
        } = self;
        let is_behind = after.as_ref().is_none_or(|it| tenant.database_name > *it);
        let has_text = text.as_ref().is_none_or(|text| {
            let lower = text.to_ascii_lowercase();
            let has = |it: &str| it.to_ascii_lowercase().contains(&lower);
            has(tenant.database_name.as_str())
                || has(&tenant.client_label)
                || ClientId::parse(text).is_ok_and(|id| id == tenant.client_id)
        });
        is_behind && has_text && !tenant.is_system()
    }
}

impl TenantPage {
    /// Returns the first tenants of those that were found, which are one more than the limit if others follow.
    pub fn first(limit: u32, mut found: Vec<Tenant>) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| has_more);
        let next = last.map(|it| it.database_name.clone());
        Self {
            tenants: found,
            next,
        }
    }
}

/// A page of a list of tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantPage {
    pub tenants: Vec<Tenant>,
    /// The name behind which the next page begins; `None` at the end.
    pub next: Option<DatabaseName>,
}

/// A tenant that was deleted, and can be restored for a while. No lookup finds it, and its name stays taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiddenTenant {
    pub tenant: Tenant,
    pub restorable_until: Timestamp,
    /// Its files are deleted with it.
    pub with_files: bool,
    /// Nobody can restore it any more: it may be deleted for good.
    pub is_due: bool,
}

/// The files that a tenant's events reference, each counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileTotals {
    pub files: u64,
    /// As recorded with the events. A file of which nothing was recorded counts as 0.
    pub bytes: u64,
}

/// Where a store keeps a tenant's events, where it has a choice. It is no property of the tenant: a copy of one may be
/// placed elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Placement {
    /// In tables that tenants share: any number of tenants.
    #[default]
    Pooled,
    /// In tables of its own, which can be backed up, restored and dropped by themselves: few tenants.
    Dedicated,
}

impl Placement {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "pooled" => Some(Self::Pooled),
            "dedicated" => Some(Self::Dedicated),
            _ => None,
        }
    }
}

/// The name of a tenant's database: 1 to 64 of ASCII letters, digits, `_` and `-`, starting with a
/// letter or digit.
///
/// It is used as a file name, a database name and a key prefix. Names are case-sensitive: a backend whose names are not
/// encodes them. One name is reserved: that of the system tenant, which no caller can give to a tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseName(String);

impl DatabaseName {
    pub const MAX_LENGTH: usize = 64;

    /// The name of the system tenant. It begins with what no other name begins with.
    pub const SYSTEM: &'static str = "_system";

    /// Returns the name of the system tenant, whose history is the audit of administrators.
    pub fn system() -> Self {
        Self(Self::SYSTEM.to_owned())
    }

    pub fn is_system(&self) -> bool {
        self.0 == Self::SYSTEM
    }

    /// Parses a name that a store has kept: also that of the system tenant, which [`DatabaseName::parse`] refuses.
    pub fn parse_stored(text: &str) -> Result<Self, Invalid> {
        if text == Self::SYSTEM {
            return Ok(Self::system());
        }
        Self::parse(text)
    }

    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let all_allowed = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if !starts_well || !all_allowed || text.len() > Self::MAX_LENGTH {
            return Err(Invalid::new(
                "string_pattern_mismatch",
                "Input should be 1 to 64 of letters, digits, '_' and '-', starting with a letter or \
                 digit",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A client secret: 256 random bits, returned once when the tenant is created.
#[derive(Debug, Clone)]
pub struct ClientSecret(SecretString);

impl ClientSecret {
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(hex::encode(bytes).into())
    }

    /// Returns the secret's text, 64 hexadecimal digits, for the response that contains it.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.reveal()).into()
    }
}

/// The member of an EventBridge envelope that names the tenant of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TenantMember {
    #[default]
    Source,
    Account,
    DetailType,
}

impl TenantMember {
    /// Returns the member's name in the envelope.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Account => "account",
            Self::DetailType => "detail-type",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Source, Self::Account, Self::DetailType]
            .into_iter()
            .find(|it| it.name() == text)
    }
}
