//! The secrets of a tenant.

use jiff::Timestamp;
use subtle::ConstantTimeEq;

use crate::domain::ClientId;

/// The secrets of a tenant that are accepted, as SHA-256 of their texts. Times are in whole microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSecrets {
    pub client_id: ClientId,
    pub current_sha256: [u8; 32],
    pub previous: Option<PreviousSecret>,
    /// `None` if it is still the tenant's first secret.
    pub rotated_at: Option<Timestamp>,
}

/// The secret before the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousSecret {
    pub sha256: [u8; 32],
    pub valid_until: Timestamp,
}

impl TenantSecrets {
    /// Returns the digests of the secrets that are accepted now.
    pub fn accepted(&self, now: Timestamp) -> impl Iterator<Item = &[u8; 32]> {
        let previous = self.previous.iter().filter(move |it| it.valid_until > now);
        std::iter::once(&self.current_sha256).chain(previous.map(|it| &it.sha256))
    }

    /// Tells whether a secret with this digest is accepted now. Compares with both, however the first comparison ends.
    pub fn accept(&self, sha256: &[u8; 32], now: Timestamp) -> bool {
        let is_current = self.current_sha256.ct_eq(sha256);
        let previous = self.previous.as_ref().filter(|it| it.valid_until > now);
        let previous = previous.map_or(&self.current_sha256, |it| &it.sha256);
        (is_current | previous.ct_eq(sha256)).into()
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{PreviousSecret, TenantSecrets};
    use crate::domain::{ClientId, SystemEntropy};

    #[test]
    fn the_previous_secret_is_accepted_for_a_while() {
        let now = Timestamp::UNIX_EPOCH;
        let secrets = TenantSecrets {
            client_id: ClientId::random(&SystemEntropy),
            current_sha256: [1; 32],
            previous: Some(PreviousSecret {
                sha256: [2; 32],
                valid_until: now + SignedDuration::from_secs(1),
            }),
            rotated_at: Some(now),
        };
        let later = now + SignedDuration::from_secs(1);
        for (secret, now, is_accepted) in [
            (1, now, true),
            (2, now, true),
            (3, now, false),
            (1, later, true),
            (2, later, false),
        ] {
            assert_eq!(secrets.accept(&[secret; 32], now), is_accepted, "{secret}");
            let mut accepted = secrets.accepted(now);
            assert_eq!(accepted.any(|it| *it == [secret; 32]), is_accepted);
        }
        let never_rotated = TenantSecrets {
            previous: None,
            ..secrets
        };
        assert!(never_rotated.accept(&[1; 32], now));
        assert!(!never_rotated.accept(&[0; 32], now));
    }
}
