//! How long things took, and the one line that says so.

use std::time::Duration;

/// One duration per call, in no order.
pub(super) type Durations = Vec<Duration>;

/// Returns the line for `events` that took `elapsed` in all, a call at a time as in `calls`.
pub(super) fn summary(events: u64, elapsed: Duration, mut calls: Durations) -> serde_json::Value {
    calls.sort_unstable();
    let ms = |part: usize| {
        let at = (calls.len() * part / 1000).min(calls.len().saturating_sub(1));
        calls.get(at).map(|it| it.as_secs_f64() * 1000.0)
    };
    serde_json::json!({
        "events": events,
        "calls": calls.len(),
        "seconds": elapsed.as_secs_f64(),
        "p50_ms": ms(500),
        "p99_ms": ms(990),
        "max_ms": ms(1000),
    })
}
