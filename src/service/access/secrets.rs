//! Rotating the secret of a tenant.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Access;
use crate::domain::{Act, ActKind, ClientSecret, PreviousSecret, TenantSecrets};
use crate::service::Error;

/// The time for which the previous secret is accepted, unless the caller says otherwise: a day to change it everywhere.
const OVERLAP: Duration = Duration::from_hours(24);

/// The longest time for which it can be accepted.
pub const MAX_OVERLAP: Duration = Duration::from_hours(24 * 30);

/// A secret that was just made.
#[derive(Debug)]
pub struct RotatedSecret {
    pub client_secret: ClientSecret,
    pub previous_valid_until: Timestamp,
}

impl Access {
    /// Gives the tenant another secret, and returns it, which is returned only once. The previous one is accepted for
    /// `overlap`, and the one before no longer.
    pub async fn rotate_secret(&self, overlap: Option<Duration>) -> Result<RotatedSecret, Error> {
        let service = &self.service;
        let id = self.tenant.client_id;
        // Two rotations at once by this replica take turns: each replaces the secret of the one before.
        let _turn = service.credentials.rotation.lock().await;
        let former = service.store.find_secrets(&[id]).await?.pop();
        let former = former.ok_or(Error::ClientUnknown)?; // deleted just now
        let now = microseconds(service.clock.now());
        let overlap = overlap.unwrap_or(OVERLAP).min(MAX_OVERLAP);
        let valid_until = now + SignedDuration::try_from(overlap).unwrap_or_default();
        let client_secret = ClientSecret::random(&*service.entropy);
        let after_former = former
            .rotated_at
            .map(|it| it + SignedDuration::from_micros(1));
        let secrets = TenantSecrets {
            client_id: id,
            current_sha256: client_secret.sha256(),
            previous: Some(PreviousSecret {
                sha256: former.current_sha256,
                valid_until,
            }),
            // The latest rotation counts, also by a clock that was set back.
            rotated_at: Some(after_former.map_or(now, |it| it.max(now))),
        };
        let act = Act::of(ActKind::SecretRotated).set("previous_valid_until", valid_until);
        let replaced = self.audited(act, async {
            Ok(service.store.replace_secrets(&secrets).await?)
        });
        replaced.await?;
        service.credentials.secrets.remove(id);
        tracing::info!(client_id = %id, "secret of a tenant rotated");
        Ok(RotatedSecret {
            client_secret,
            previous_valid_until: valid_until,
        })
    }
}

fn microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}
