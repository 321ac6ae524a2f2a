//! A code that opens the viewer signed in, once, for whoever starts the service and prints a link, as the demo does.

use std::sync::{Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A view token for whoever presents its code first. It is in memory alone, and `serve` never has one.
#[derive(Debug, Default)]
pub struct SignInCode(Mutex<Option<Pending>>);

#[derive(Debug)]
struct Pending {
    /// Comparing digests, which have one length, reveals nothing about the code.
    code_sha256: [u8; 32],
    token: SecretString,
}

impl SignInCode {
    /// Hands `token` out for `code`, and nothing for an earlier code.
    pub fn set(&self, code: &SecretString, token: SecretString) {
        let code_sha256 = Sha256::digest(code.expose_secret()).into();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Pending { code_sha256, token });
    }

    /// Returns the token of this code, and forgets both. `None` if there is no such code, or no more.
    pub(in crate::http) fn redeem(&self, code: &str) -> Option<SecretString> {
        let digest: [u8; 32] = Sha256::digest(code).into();
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let redeemed = pending.take_if(|it| it.code_sha256.ct_eq(&digest).into());
        redeemed.map(|it| it.token)
    }
}
