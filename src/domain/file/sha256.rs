//! The SHA-256 of a file.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::Invalid;

/// The SHA-256 of a file's bytes. Its text form is hexadecimal, as `sha256sum` prints it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FileSha256([u8; 32]);

impl FileSha256 {
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses base64, as S3 writes checksums.
    pub fn from_base64(text: &str) -> Result<Self, Invalid> {
        let bytes = STANDARD.decode(text).ok();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| {
                let message = "Input should be a SHA-256 in base64, 44 characters";
                Invalid::new("sha256_base64", message)
            })
    }

    pub fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }

    /// Parses the text form.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for FileSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for FileSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
