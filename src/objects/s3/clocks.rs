//! How long objects have been in a bucket: by the storage's clock, which dates them, unless ours says less.

use std::sync::PoisonError;
use std::time::Duration;

use http::header::DATE;
use jiff::{SignedDuration, Timestamp};

use super::S3;
use super::reads::http_date;
use crate::objects::Error;

/// A `Date` has whole seconds.
const DATE_STEP: SignedDuration = SignedDuration::from_secs(1);
/// How far the two clocks may be apart before that is told: signatures need the same 15 minutes.
const TOLD_ABOVE: SignedDuration = SignedDuration::from_mins(5);

impl S3 {
    /// Both clocks have to say that an object is old, so that neither of them can say so alone by having
    /// been set, and so has each earlier reading of this process.
    pub(super) async fn dated_before(&self, life: Duration) -> Result<Option<Timestamp>, Error> {
        let answer = self.ask_bucket().await?;
        let (elapsed, here) = (self.clock.elapsed(), self.clock.now());
        let there = answer.header(DATE.as_str()).and_then(http_date);
        let there = there.map_or(here, |date| date.checked_add(DATE_STEP).unwrap_or(date));
        let apart = here.duration_since(there);
        if apart.abs() > TOLD_ABOVE {
            let apart_s = apart.as_secs();
            tracing::warn!(apart_s, "the clocks here and at the object storage differ");
        }
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = history.observe(elapsed, here.min(there)); // what matters was told above
        Ok(history.before(elapsed, life))
    }
}
