//! Durations, and the line of JSON that summarizes them.

use std::time::Duration;

/// One duration per call, unordered.
pub(super) type Durations = Vec<Duration>;

/// Summarizes `events` that took `elapsed` in total, in calls of the given durations.
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
