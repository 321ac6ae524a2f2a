//! Randomness as an argument, so that a test can repeat it.

use std::cell::RefCell;
use std::fmt::Debug;

use uuid::{Builder, Uuid};

/// Where the service gets unpredictable bytes: ids and secrets rest on them.
pub trait Entropy: Debug + Send + Sync {
    /// Fills `bytes` with unpredictable values.
    fn fill(&self, bytes: &mut [u8]);

    /// Returns a fresh UUID of version 4 (RFC 9562, section 5.4): 122 random bits.
    fn uuid_v4(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        Builder::from_random_bytes(bytes).into_uuid()
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
        // Going on without randomness would hand out guessable secrets, so this ends the process.
        let ask = |bytes: &mut [u8]| {
            getrandom::fill(bytes).expect("the operating system has a random number generator");
        };
        if bytes.len() > POOL_BYTES {
            return ask(bytes);
        }
        POOL.with_borrow_mut(|(pool, left)| {
            if *left < bytes.len() {
                ask(pool);
                *left = POOL_BYTES;
            }
            let given = &mut pool[*left - bytes.len()..*left];
            bytes.copy_from_slice(given);
            given.fill(0); // what was handed out is in one place alone
            *left -= bytes.len();
        });
    }
}

/// Asked for at once: a call takes as long for a few hundred bytes as for sixteen.
const POOL_BYTES: usize = 512;

thread_local! {
    /// Bytes from the system, and how many of them were not handed out yet.
    static POOL: RefCell<([u8; POOL_BYTES], usize)> = const { RefCell::new(([0; POOL_BYTES], 0)) };
}
