//! Random numbers.

use event_history::domain::{Entropy, SystemEntropy};

/// Returns a number of 32 random bits.
pub(super) fn number() -> u64 {
    let (_, random) = SystemEntropy.uuid_v4().as_u64_pair();
    random & 0xffff_ffff // the higher ones mark the kind of UUID
}

/// Returns a number below `count`, each about as likely.
pub(super) fn below(count: usize) -> usize {
    usize::try_from(number()).unwrap_or_default() % count
}
