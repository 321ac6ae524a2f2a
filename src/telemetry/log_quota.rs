//! How often the same is logged. Whoever can make the service refuse something can do so hundreds of
//! thousands of times a second, and a backend that is away fails every request: of lines that say the same a
//! few are written, and the others are counted.

use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// How many lines that say the same are written in an interval.
const LINES: u32 = 10;
const INTERVAL: Duration = Duration::from_secs(10);

/// How many different lines are told apart; beyond them those of one place in the program count as the same.
const MAX_KINDS: usize = 200;

/// What a line has to differ in to say something else: not ids, times and counts.
const TELLING: [&str; 9] = [
    "backend", "cause", "code", "error", "method", "reason", "route", "status", "tenant",
];

/// How much of a message is repeated where the number of lines left out is told.
const MAX_MESSAGE_BYTES: usize = 120;

/// Counts lines, and lets so many of each kind pass. Lines below level `info` all pass: whoever asked for
/// them wants them.
#[derive(Debug, Default)]
pub(super) struct LogQuota(Mutex<HashMap<u64, Kind>>);

/// Lines that say the same.
#[derive(Debug)]
struct Kind {
    metadata: &'static Metadata<'static>,
    message: String,
    since: Instant,
    written: u32,
    suppressed: u64,
}

impl LogQuota {
    pub(super) fn of_the_process() -> &'static Self {
        static QUOTA: std::sync::LazyLock<LogQuota> = std::sync::LazyLock::new(LogQuota::default);
        &QUOTA
    }

    fn lets_pass(
        &self,
        metadata: &'static Metadata<'static>,
        line: &impl Fn(&mut dyn Visit),
    ) -> bool {
        let mut words = Words::default();
        line(&mut words);
        let by_place = words_of_place(metadata);
        let mut kinds = self.lock();
        let key = match words.hash(metadata) {
            key if kinds.contains_key(&key) || kinds.len() < MAX_KINDS => key,
            _ => by_place,
        };
        let kind = kinds.entry(key).or_insert_with(|| Kind {
            metadata,
            message: words.message,
            since: Instant::now(),
            written: 0,
            suppressed: 0,
        });
        if kind.since.elapsed() >= INTERVAL {
            (kind.since, kind.written) = (Instant::now(), 0);
        }
        if kind.written < LINES {
            kind.written += 1;
            return true;
        }
        kind.suppressed += 1;
        false
    }

    /// Returns what was left out since it was last asked for, and forgets kinds of which nothing comes.
    fn take_suppressed(&self) -> Vec<(&'static Metadata<'static>, String, u64)> {
        let mut kinds = self.lock();
        let left_out = kinds.values_mut().filter(|kind| kind.suppressed > 0);
        let told = left_out
            .map(|kind| {
                let suppressed = std::mem::take(&mut kind.suppressed);
                (kind.metadata, kind.message.clone(), suppressed)
            })
            .collect();
        kinds.retain(|_, kind| kind.since.elapsed() < INTERVAL);
        told
    }

    /// Logs how many lines were left out of each kind, and counts them.
    pub(super) fn tell(&self) {
        for (metadata, line, suppressed) in self.take_suppressed() {
            metrics::counter!("event_history_log_lines_suppressed_total").increment(suppressed);
            let place = metadata.target();
            match *metadata.level() {
                Level::ERROR => tracing::error!(suppressed, line, place, "left out of the log"),
                Level::WARN => tracing::warn!(suppressed, line, place, "left out of the log"),
                _ => tracing::info!(suppressed, line, place, "left out of the log"),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Kind>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A layer that is told of no more lines than there may be. (A filter of one layer cannot refuse an event by
/// what it says: `tracing-subscriber` 0.3 loses count of its filters then.)
#[derive(Debug)]
pub(super) struct Limited<L> {
    pub(super) lines: L,
    pub(super) quota: &'static LogQuota,
}

impl<S, L> Layer<S> for Limited<L>
where
    S: Subscriber,
    L: Layer<S>,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let is_ours = metadata.target() == module_path!();
        if is_ours
            || *metadata.level() > Level::INFO
            || self.quota.lets_pass(metadata, &|visit| event.record(visit))
        {
            self.lines.on_event(event, context);
        }
    }

    fn on_layer(&mut self, subscriber: &mut S) {
        self.lines.on_layer(subscriber);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.lines.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.lines.on_record(id, values, context);
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        self.lines.on_follows_from(id, follows, context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.lines.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.lines.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.lines.on_close(id, context);
    }

    fn on_id_change(&self, old: &Id, new: &Id, context: Context<'_, S>) {
        self.lines.on_id_change(old, new, context);
    }
}

fn words_of_place(metadata: &'static Metadata<'static>) -> u64 {
    let mut hasher = DefaultHasher::new();
    metadata.callsite().hash(&mut hasher);
    hasher.finish()
}

/// The message of a line, and what tells it from others of its place.
#[derive(Default)]
struct Words {
    message: String,
    telling: String,
}

impl Words {
    fn hash(&self, metadata: &'static Metadata<'static>) -> u64 {
        let mut hasher = DefaultHasher::new();
        (metadata.callsite(), &self.telling).hash(&mut hasher);
        hasher.finish()
    }
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
            let end = self.message.floor_char_boundary(MAX_MESSAGE_BYTES);
            self.message.truncate(end);
        } else if TELLING.contains(&field.name()) {
            let _ = write!(self.telling, "{}={value:?} ", field.name());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Counts the lines that pass.
    struct Counter(Arc<AtomicUsize>);

    impl<S: Subscriber> Layer<S> for Counter {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn written(log: impl Fn()) -> (usize, Vec<u64>) {
        let quota: &'static LogQuota = Box::leak(Box::default());
        let count = Arc::new(AtomicUsize::new(0));
        let lines = Counter(Arc::clone(&count));
        let layer = Limited { lines, quota };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let mut suppressed: Vec<_> = quota.take_suppressed().into_iter().map(|it| it.2).collect();
        suppressed.sort_unstable();
        assert!(quota.take_suppressed().is_empty());
        (count.load(Ordering::Relaxed), suppressed)
    }

    #[test]
    fn lines_that_say_the_same_are_counted() {
        let refusals = || (0..1000).for_each(|id| tracing::info!(id, status = 401, "answered"));
        assert_eq!(written(refusals), (10, vec![990]));
    }

    #[test]
    fn another_cause_is_another_line() {
        let causes = || {
            for number in 0..100 {
                let error = if number % 2 == 0 { "disk" } else { "network" };
                tracing::error!(id = number, error, "request failed");
            }
            tracing::error!(id = 100, error = "other", "request failed");
        };
        assert_eq!(written(causes), (21, vec![40, 40]));
    }

    #[test]
    fn no_caller_makes_kinds_without_bound() {
        let invented = || (0..100_000).for_each(|error| tracing::warn!(error, "refused"));
        let (count, suppressed) = written(invented);
        assert_eq!(count, MAX_KINDS + 10);
        assert_eq!(suppressed, [100_000 - MAX_KINDS as u64 - 10]);
    }

    #[test]
    fn what_was_asked_for_is_written() {
        assert_eq!(
            written(|| (0..100).for_each(|_| tracing::debug!("x"))),
            (100, vec![])
        );
    }
}
