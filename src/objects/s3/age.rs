//! The age of objects: by the storage's clock, which dates them, unless the local clock says less.

use std::sync::PoisonError;
use std::time::Duration;

use http::header::DATE;
use jiff::{SignedDuration, Timestamp};

use super::S3;
use crate::objects::Error;

/// The resolution of the header `Date`.
const DATE_STEP: SignedDuration = SignedDuration::from_secs(1);
/// The difference of the clocks above which a warning is logged. Signatures fail at 15 minutes.
const WARN_ABOVE: SignedDuration = SignedDuration::from_mins(5);

impl S3 {
    /// Both clocks have to agree that an object is old, now and at every earlier reading by this process: setting one
    /// of them ages nothing.
    pub(super) async fn dated_before(&self, age: Duration) -> Result<Option<Timestamp>, Error> {
        let response = self.head_bucket().await?;
        let (elapsed, here) = (self.clock.elapsed(), self.clock.now());
        let there = response.date(DATE);
        let there = there.map_or(here, |date| date.checked_add(DATE_STEP).unwrap_or(date));
        let apart = here.duration_since(there);
        if apart.abs() > WARN_ABOVE {
            let apart_s = apart.as_secs();
            tracing::warn!(
                apart_s,
                "the local clock and the object storage's clock differ"
            );
        }
        let mut skew = self
            .clock_skew
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let _ = skew.observe(elapsed, here.min(there)); // a jump was reported above
        Ok(skew.before(elapsed, age))
    }
}
