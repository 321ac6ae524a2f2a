//! Rejects requests that were signed for an earlier tenant of the same name.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use s3s::{S3ErrorCode, S3Result};

use super::s3_errors::{retry_later, with_message};
use crate::domain::DatabaseName;

/// Tolerates a clock of this service that was set back since the tenant was created.
const TOLERANCE: Duration = Duration::from_mins(1);

/// Looks up when tenants were created.
#[async_trait]
pub trait TenantLookup: Debug + Send + Sync {
    /// Returns when the tenant of this name was created; `Ok(None)` if there is none.
    async fn created_at(
        &self,
        name: &DatabaseName,
    ) -> Result<Option<Timestamp>, Box<dyn std::error::Error + Send + Sync>>;
}

/// The time at which a presigned URL or form was signed; `None` for a request signed with the key pair itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignedAt(pub Option<Timestamp>);

impl SignedAt {
    /// Parses `X-Amz-Date`. An invalid date is rejected when the signature is verified.
    pub(crate) fn parse(date: Option<&str>) -> Self {
        let date = date.and_then(|date| DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok());
        let date = date.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
        Self(date.map(|date| date.timestamp()))
    }
}

/// Rejects what was signed before the tenant was created. Call this after verifying the signature: the
/// answer must not tell strangers how old a tenant is.
pub(crate) async fn check(
    tenants: Option<&Arc<dyn TenantLookup>>,
    name: &DatabaseName,
    signed_at: SignedAt,
) -> S3Result<()> {
    let (Some(tenants), SignedAt(Some(signed_at))) = (tenants, signed_at) else {
        return Ok(());
    };
    let created_at = tenants.created_at(name).await.map_err(|error| {
        tracing::warn!(%name, %error, "cannot look up when a tenant was created");
        retry_later(S3ErrorCode::ServiceUnavailable)
    })?;
    let latest = signed_at.checked_add(TOLERANCE).unwrap_or(Timestamp::MAX);
    if created_at.is_some_and(|created_at| latest < created_at) {
        let message = "This was signed before the tenant of this name was created.";
        return Err(with_message(S3ErrorCode::AccessDenied, message));
    }
    Ok(())
}
