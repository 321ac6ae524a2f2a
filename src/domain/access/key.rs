//! Keys that are made while the service runs.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Scopes;
use crate::domain::{ClientId, Entropy, KeyId};

/// By this, people and programs that search texts for secrets know a key.
const PREFIX: &str = "ehk_";

/// The hexadecimal digits of an id and of a secret.
const ID_DIGITS: usize = 32;
const SECRET_DIGITS: usize = 64;

/// A key as stores keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    pub id: KeyId,
    /// SHA-256 of the key's text, which is not kept: 256 random bits need no salt.
    pub sha256: [u8; 32],
    /// A name for people.
    pub name: String,
    pub scopes: Scopes,
    /// The tenant that the key is for; `None`: all tenants.
    pub client_id: Option<ClientId>,
    pub created_at: Timestamp,
    /// In whole microseconds.
    pub expires_at: Option<Timestamp>,
}

impl StoredKey {
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// A key with the time of its last use, which may be a minute late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    pub key: StoredKey,
    pub last_used_at: Option<Timestamp>,
}

/// The text of a key, which is shown once: `ehk_`, the id, `_` and 256 random bits, in hexadecimal digits.
#[derive(Debug, Clone)]
pub struct KeyText(SecretString);

impl KeyText {
    pub fn random(id: KeyId, entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; SECRET_DIGITS / 2];
        entropy.fill(&mut bytes);
        let (id, secret) = (id.uuid().simple(), hex::encode(bytes));
        Self(format!("{PREFIX}{id}_{secret}").into())
    }

    /// Returns the text for the response that contains it.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.reveal()).into()
    }

    /// Returns the id in a text that has the form of a key; `None` for any other.
    pub fn id_in(text: &[u8]) -> Option<KeyId> {
        let rest = text.strip_prefix(PREFIX.as_bytes())?;
        let (id, secret) = rest.split_at_checked(ID_DIGITS)?;
        let secret = secret.strip_prefix(b"_")?;
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_well_formed = secret.len() == SECRET_DIGITS && id.iter().chain(secret).all(is_digit);
        let uuid = is_well_formed.then(|| Uuid::try_parse_ascii(id).ok());
        uuid.flatten().map(KeyId::from_uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::KeyText;
    use crate::domain::{KeyId, SystemEntropy};

    #[test]
    fn a_key_has_its_id() {
        let id = KeyId::random(&SystemEntropy);
        let key = KeyText::random(id, &SystemEntropy);
        let text = key.reveal().as_bytes();
        assert_eq!(KeyText::id_in(text), Some(id));
        assert_eq!(KeyText::id_in(&text[1..]), None);
        assert_eq!(KeyText::id_in(&text[..text.len() - 1]), None);
        assert_eq!(KeyText::id_in(&[text, b"0"].concat()), None);
        assert_eq!(KeyText::id_in(&text.to_ascii_uppercase()), None);
        assert_eq!(KeyText::id_in("ehk_ä".as_bytes()), None);
        assert!(!format!("{key:?}").contains(key.reveal()));
    }
}
