//! Randomness as an argument, so that tests can make it repeatable.

use std::fmt::Debug;
use std::time::Duration;

use uuid::{Builder, Uuid};

/// A source of unpredictable bytes for ids and secrets.
pub trait Entropy: Debug + Send + Sync {
    /// Fills `bytes` with unpredictable values.
    fn fill(&self, bytes: &mut [u8]);

    /// Returns a fresh UUID of version 4 (RFC 9562, section 5.4): 122 random bits.
    fn uuid_v4(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        Builder::from_random_bytes(bytes).into_uuid()
    }

    /// Returns a pause of between half and one and a half times `about`, so that replicas that started together drift apart.
    fn jittered(&self, about: Duration) -> Duration {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        let part = f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX);
        about / 2 + about.mul_f64(part)
    }
}

/// The random number generator of the operating system.
#[derive(Debug, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the system for bytes"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness ids and secrets would be guessable, so this ends the process.
        getrandom::fill(bytes).expect("the operating system has a random number generator");
    }
}
