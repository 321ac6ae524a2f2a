//! View tokens: what a web page may hold, to read one tenant's history for a while.
//!
//! A token is a JSON Web Token (RFC 7519), signed with HMAC-SHA256. Nothing of it is stored. The key that signs it is derived
//! (HKDF, RFC 5869) from a key of the settings, the id of the store and the day, whose number is the token's `kid`: replicas
//! with the same settings accept each other's tokens, those of another deployment are refused, and the key of a day is worth
//! nothing two days later.

use std::sync::Once;

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::{ClientId, KeyId};
use crate::service::Error;

const ISSUER: &str = "event-history";

/// Distinguishes this use of the keys of the settings from any other.
const INFO: &[u8] = b"event-history view tokens";

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Secrets are random: this many bytes tell them apart.
const FINGERPRINT_BYTES: usize = 8;

/// The longest life of a token, so that it ends while the key of its day still counts: on the next day.
pub const MAX_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// What a token allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) struct ViewToken {
    pub(super) client_id: ClientId,
    /// The one record that it shows; `None`: all of the tenant's.
    pub(super) record_id: Option<i64>,
    /// In whole seconds.
    pub(super) expires_at: Timestamp,
    pub(super) made_with: MadeWith,
}

impl ViewToken {
    /// Returns the stored key with which it was made, if it was one.
    pub(in crate::service) const fn made_with_key(&self) -> Option<KeyId> {
        match self.made_with {
            MadeWith::StoredKey(id) => Some(id),
            MadeWith::ConfiguredKey | MadeWith::TenantSecret(_) => None,
        }
    }
}

/// The credential with which a token was made: the token is accepted no longer than that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MadeWith {
    /// A key of the settings, which is the one that signs.
    ConfiguredKey,
    StoredKey(KeyId),
    /// A secret of the tenant, by its [`fingerprint`].
    TenantSecret(String),
}

/// Returns what names a secret in a token, from its digest, which the token does not tell.
pub(super) fn fingerprint(secret_sha256: &[u8; 32]) -> String {
    hex::encode(&Sha256::digest(secret_sha256)[..FINGERPRINT_BYTES])
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    /// The tenant's client id.
    sub: Uuid,
    /// Seconds since 1970-01-01T00:00:00Z, as below.
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record_id: Option<i64>,
    /// The stored key with which it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_id: Option<Uuid>,
    /// The tenant's secret with which it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// Signs a token; `digest` is that of a key of the settings.
pub(super) fn sign(
    token: &ViewToken,
    digest: &[u8; 32],
    store: Uuid,
    now: Timestamp,
) -> Option<String> {
    let ViewToken {
        client_id,
        record_id,
        expires_at,
        made_with,
    } = token;
    let day = now.as_second().div_euclid(DAY_SECONDS);
    let (key_id, secret) = match made_with {
        MadeWith::ConfiguredKey => (None, None),
        MadeWith::StoredKey(id) => (Some(id.uuid()), None),
        MadeWith::TenantSecret(secret) => (None, Some(secret.clone())),
    };
    let claims = Claims {
        iss: ISSUER.to_owned(),
        sub: client_id.uuid(),
        iat: now.as_second(),
        exp: expires_at.as_second(),
        record_id: *record_id,
        key_id,
        secret,
    };
    install_hmac();
    let header = Header {
        kid: Some(day.to_string()),
        ..Header::new(Algorithm::HS256)
    };
    let key = EncodingKey::from_secret(&derive(digest, store, day));
    jsonwebtoken::encode(&header, &claims, &key).ok()
}

/// Returns what a token allows that was signed by one of these keys of the settings. One that has expired is told apart from
/// what was never a token.
pub(super) fn verify(
    token: &[u8],
    digests: &[[u8; 32]],
    store: Uuid,
    now: Timestamp,
) -> Result<ViewToken, Error> {
    let today = now.as_second().div_euclid(DAY_SECONDS);
    let (day, claims) = signed_claims(token, digests, store).ok_or(Error::KeyRefused)?;
    let Claims {
        iss: _,
        sub,
        iat: _,
        exp,
        record_id,
        key_id,
        secret,
    } = claims;
    // The clock of the replica that signed it may be ahead.
    if day > today + 1 {
        return Err(Error::KeyRefused);
    }
    let expires_at = Timestamp::from_second(exp).map_err(|_| Error::KeyRefused)?;
    if day < today - 1 || expires_at <= now {
        return Err(Error::ViewTokenExpired);
    }
    Ok(ViewToken {
        client_id: ClientId::from_uuid(sub),
        record_id,
        expires_at,
        made_with: match (key_id, secret) {
            (Some(id), _) => MadeWith::StoredKey(KeyId::from_uuid(id)),
            (None, Some(secret)) => MadeWith::TenantSecret(secret),
            (None, None) => MadeWith::ConfiguredKey,
        },
    })
}

/// Returns the day of a token's key, and its claims, if one of these keys of the settings signed it.
fn signed_claims(token: &[u8], digests: &[[u8; 32]], store: Uuid) -> Option<(i64, Claims)> {
    install_hmac();
    let day: i64 = jsonwebtoken::decode_header(token).ok()?.kid?.parse().ok()?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["iss", "sub", "exp"]);
    validation.validate_exp = false; // by the clock of the service, afterwards
    let decoded = digests.iter().find_map(|digest| {
        let key = DecodingKey::from_secret(&derive(digest, store, day));
        jsonwebtoken::decode::<Claims>(token, &key, &validation).ok()
    });
    Some((day, decoded?.claims))
}

/// HKDF-SHA256 for one block of output: extract with the store's id as the salt, then expand.
fn derive(digest: &[u8; 32], store: Uuid, day: i64) -> [u8; 32] {
    let pseudorandom = hmac_sha256(store.as_bytes(), &[digest]);
    hmac_sha256(&pseudorandom, &[INFO, &day.to_be_bytes(), &[1]])
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// HMAC-SHA256 for `jsonwebtoken`, which would otherwise bring all algorithms that a token can have.
struct HmacSha256(Hmac<Sha256>);

impl Signer<Vec<u8>> for HmacSha256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let mut mac = self.0.clone();
        mac.update(message);
        Ok(mac.finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for HmacSha256 {
    /// Compares in constant time.
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.verify_slice(signature)
            .map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for HmacSha256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for HmacSha256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

fn with_key(algorithm: Algorithm, key: &[u8]) -> jsonwebtoken::errors::Result<HmacSha256> {
    let is_known = algorithm == Algorithm::HS256;
    let mac = is_known.then(|| Hmac::new_from_slice(key).ok()).flatten();
    mac.map(HmacSha256)
        .ok_or_else(|| ErrorKind::InvalidAlgorithm.into())
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(with_key(*algorithm, key.as_bytes())?)),
    verifier_factory: |algorithm, key| Ok(Box::new(with_key(*algorithm, key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

fn install_hmac() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error means that one is installed already, and nothing else installs any.
        let _ = PROVIDER.install_default();
    });
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use jiff::{SignedDuration, Timestamp};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::{DAY_SECONDS, MadeWith, ViewToken, fingerprint, sign, verify};
    use crate::domain::{ClientId, KeyId, SystemEntropy};
    use crate::service::Error;

    const DIGEST: [u8; 32] = [7; 32];
    const STORE: Uuid = Uuid::from_u128(5);

    fn now() -> Timestamp {
        Timestamp::from_second(20_000 * DAY_SECONDS + 80_000).unwrap()
    }

    fn token() -> ViewToken {
        ViewToken {
            client_id: ClientId::random(&SystemEntropy),
            record_id: Some(-42),
            expires_at: now() + SignedDuration::from_hours(3),
            made_with: MadeWith::StoredKey(KeyId::random(&SystemEntropy)),
        }
    }

    fn is_refused(outcome: &Result<ViewToken, Error>) -> bool {
        matches!(outcome, Err(Error::KeyRefused))
    }

    fn has_expired(outcome: &Result<ViewToken, Error>) -> bool {
        matches!(outcome, Err(Error::ViewTokenExpired))
    }

    #[test]
    fn a_token_is_accepted_until_it_expires() {
        let made_with = [
            MadeWith::ConfiguredKey,
            MadeWith::StoredKey(KeyId::random(&SystemEntropy)),
            MadeWith::TenantSecret(fingerprint(&[9; 32])),
        ];
        for made_with in made_with {
            let token = ViewToken {
                made_with,
                ..token()
            };
            let text = sign(&token, &DIGEST, STORE, now()).unwrap();
            let verify_at = |now| verify(text.as_bytes(), &[[8; 32], DIGEST], STORE, now);
            assert_eq!(verify_at(now()).unwrap(), token);
            // On the next day too.
            let last = token.expires_at - SignedDuration::from_secs(1);
            assert_eq!(verify_at(last).unwrap(), token);
            assert!(has_expired(&verify_at(token.expires_at)));
            let later = token.expires_at + SignedDuration::from_hours(24 * 365);
            assert!(has_expired(&verify_at(later)));
        }
    }

    #[test]
    fn a_token_of_another_key_store_or_day_is_refused() {
        let long = ViewToken {
            expires_at: now() + SignedDuration::from_hours(1000),
            ..token()
        };
        let text = sign(&long, &DIGEST, STORE, now()).unwrap();
        let text = text.as_bytes();
        assert!(is_refused(&verify(text, &[[8; 32]], STORE, now())));
        assert!(is_refused(&verify(text, &[], STORE, now())));
        let elsewhere = Uuid::from_u128(6);
        assert!(is_refused(&verify(text, &[DIGEST], elsewhere, now())));
        // However long its claims say.
        let later = now() + SignedDuration::from_hours(48);
        assert!(has_expired(&verify(text, &[DIGEST], STORE, later)));
        let earlier = now() - SignedDuration::from_hours(48);
        assert!(is_refused(&verify(text, &[DIGEST], STORE, earlier)));
    }

    #[test]
    fn a_changed_token_is_refused() {
        let text = sign(&token(), &DIGEST, STORE, now()).unwrap();
        let parts: Vec<&str> = text.split('.').collect();
        let decode = |part: &str| -> Value {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
            serde_json::from_slice(&bytes).unwrap()
        };
        let encode = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let with_header = |name: &str, value: Value, signature: &str| {
            let mut header = decode(parts[0]);
            header[name] = value;
            format!("{}.{}.{signature}", encode(&header), parts[1])
        };
        let with_claim = |name: &str, value: Value| {
            let mut claims = decode(parts[1]);
            claims[name] = value;
            format!("{}.{}.{}", parts[0], encode(&claims), parts[2])
        };
        let short = &parts[2][..8];
        let changed = [
            with_claim("record_id", json!(43)),
            with_claim("record_id", Value::Null),
            with_claim("exp", json!(i64::MAX)),
            with_claim("key_id", Value::Null),
            with_header("alg", json!("none"), ""),
            with_header("alg", json!("none"), parts[2]),
            with_header("alg", json!("HS512"), parts[2]),
            with_header("alg", json!("RS256"), parts[2]),
            with_header("kid", json!("20001"), parts[2]),
            with_header("kid", json!("x"), parts[2]),
            with_header("kid", Value::Null, parts[2]),
            format!("{}.{}.{short}", parts[0], parts[1]),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}.{}", parts[0], parts[1]),
            format!("{text}.{}", parts[2]),
            String::new(),
            "..".to_owned(),
        ];
        for changed in changed {
            let outcome = verify(changed.as_bytes(), &[DIGEST], STORE, now());
            assert!(is_refused(&outcome), "{changed}: {outcome:?}");
        }
        // Nor does any other character pass.
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let outcome = verify(&bytes, &[DIGEST], STORE, now());
            assert!(is_refused(&outcome), "{at}: {outcome:?}");
        }
    }
}
