//! Permissions end with the tenant that they were given for: its name may be another's by now.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use s3s::{S3ErrorCode, S3Result};

use super::errors::{later, worded};
use crate::domain::DatabaseName;

/// How far back the service's own clock may have been set since a tenant was made.
const TOLERANCE: Duration = Duration::from_mins(1);

/// Knows since when tenants have their names.
#[async_trait]
pub trait TenantAges: Debug + Send + Sync {
    /// Returns when the tenant of this name was made; `Ok(None)` if there is none.
    async fn created_at(
        &self,
        name: &DatabaseName,
    ) -> Result<Option<Timestamp>, Box<dyn std::error::Error + Send + Sync>>;
}

/// When the permission was signed that came with a request; `None` where it is the key pair itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignedAt(pub Option<Timestamp>);

impl SignedAt {
    /// Reads `X-Amz-Date`; what is none is for whoever verifies the signature to refuse.
    pub(super) fn parse(date: Option<&str>) -> Self {
        let date = date.and_then(|date| DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok());
        let date = date.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
        Self(date.map(|date| date.timestamp()))
    }
}

/// Refuses a permission that was signed before the tenant was made. To be called once the signature is
/// verified: an answer must not tell strangers how old a tenant is.
pub(super) async fn check(
    tenants: Option<&Arc<dyn TenantAges>>,
    name: &DatabaseName,
    signed_at: SignedAt,
) -> S3Result<()> {
    let (Some(tenants), SignedAt(Some(signed_at))) = (tenants, signed_at) else {
        return Ok(());
    };
    let created_at = tenants.created_at(name).await.map_err(|error| {
        tracing::warn!(%name, %error, "cannot tell since when a tenant has its name");
        later(S3ErrorCode::ServiceUnavailable)
    })?;
    let latest = signed_at.checked_add(TOLERANCE).unwrap_or(Timestamp::MAX);
    if created_at.is_some_and(|created_at| latest < created_at) {
        let message = "This was signed before the tenant of this name was made.";
        return Err(worded(S3ErrorCode::AccessDenied, message));
    }
    Ok(())
}
