//! Log throttling. A caller can provoke hundreds of thousands of rejections a second, and an unreachable backend
//! fails every request: of equal lines a few are written, and the rest are counted.

use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Equal lines that are written per interval.
const MAX_LINES: u32 = 10;
const INTERVAL: Duration = Duration::from_secs(10);

/// Groups of equal lines that are told apart. Beyond them, all further lines of a call site are one group.
const MAX_GROUPS: usize = 200;

/// The fields that make lines of a call site differ. Ids, times and counts do not.
const KEY_FIELDS: [&str; 9] = [
    "backend", "cause", "code", "error", "method", "reason", "route", "status", "tenant",
];

/// The longest part of a message that the report on suppressed lines repeats.
const MAX_MESSAGE_BYTES: usize = 120;

/// Counts lines and suppresses repeated ones. Lines below level `info` always pass, because they are written on
/// request only.
#[derive(Debug, Default)]
pub(super) struct LogThrottle(Mutex<HashMap<u64, Group>>);

/// A group of equal lines.
#[derive(Debug)]
struct Group {
    metadata: &'static Metadata<'static>,
    message: String,
    since: Instant,
    written: u32,
    suppressed: u64,
}

impl LogThrottle {
    pub(super) fn global() -> &'static Self {
        static THROTTLE: std::sync::LazyLock<LogThrottle> =
            std::sync::LazyLock::new(LogThrottle::default);
        &THROTTLE
    }

    fn allows(&self, metadata: &'static Metadata<'static>, line: &impl Fn(&mut dyn Visit)) -> bool {
        let mut content = Content::default();
        line(&mut content);
        let mut groups = self.lock();
        let mut key = hash(&(metadata.callsite(), &content.key_fields));
        if groups.len() >= MAX_GROUPS && !groups.contains_key(&key) {
            key = hash(&metadata.callsite());
        }
        let group = groups.entry(key).or_insert_with(|| Group {
            metadata,
            message: content.message,
            since: Instant::now(),
            written: 0,
            suppressed: 0,
        });
        if group.since.elapsed() >= INTERVAL {
            (group.since, group.written) = (Instant::now(), 0);
        }
        if group.written < MAX_LINES {
            group.written += 1;
            return true;
        }
        group.suppressed += 1;
        false
    }

    /// Returns the number of suppressed lines per group since the last call, and forgets idle groups.
    fn take_suppressed(&self) -> Vec<(&'static Metadata<'static>, String, u64)> {
        let mut groups = self.lock();
        let suppressed = groups
            .values_mut()
            .filter(|group| group.suppressed > 0)
            .map(|group| {
                let suppressed = std::mem::take(&mut group.suppressed);
                (group.metadata, group.message.clone(), suppressed)
            })
            .collect();
        groups.retain(|_, group| group.since.elapsed() < INTERVAL);
        suppressed
    }

    /// Logs and counts the lines that were suppressed.
    pub(super) fn report(&self) {
        for (metadata, line, suppressed) in self.take_suppressed() {
            metrics::counter!("event_history_log_lines_suppressed_total").increment(suppressed);
            let module = metadata.target();
            match *metadata.level() {
                Level::ERROR => tracing::error!(suppressed, line, module, "log lines suppressed"),
                Level::WARN => tracing::warn!(suppressed, line, module, "log lines suppressed"),
                _ => tracing::info!(suppressed, line, module, "log lines suppressed"),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Group>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wraps a layer and withholds suppressed lines from it. (A per-layer filter of `tracing-subscriber` 0.3 cannot
/// reject an event by its content: it loses count of its filters then.)
#[derive(Debug)]
pub(super) struct Throttled<L> {
    pub(super) lines: L,
    pub(super) throttle: &'static LogThrottle,
}

impl<S, L> Layer<S> for Throttled<L>
where
    S: Subscriber,
    L: Layer<S>,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let is_ours = metadata.target() == module_path!();
        if is_ours
            || *metadata.level() > Level::INFO
            || self.throttle.allows(metadata, &|visit| event.record(visit))
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

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The message of a line, and the fields that tell it from other lines of its call site.
#[derive(Default)]
struct Content {
    message: String,
    key_fields: String,
}

impl Visit for Content {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
            let end = self.message.floor_char_boundary(MAX_MESSAGE_BYTES);
            self.message.truncate(end);
        } else if KEY_FIELDS.contains(&field.name()) {
            let _ = write!(self.key_fields, "{}={value:?} ", field.name());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Counts the lines that are written.
    struct Counter(Arc<AtomicUsize>);

    impl<S: Subscriber> Layer<S> for Counter {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn written(log: impl Fn()) -> (usize, Vec<u64>) {
        let throttle: &'static LogThrottle = Box::leak(Box::default());
        let count = Arc::new(AtomicUsize::new(0));
        let lines = Counter(Arc::clone(&count));
        let layer = Throttled { lines, throttle };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let mut suppressed: Vec<_> = throttle
            .take_suppressed()
            .into_iter()
            .map(|it| it.2)
            .collect();
        suppressed.sort_unstable();
        assert!(throttle.take_suppressed().is_empty());
        (count.load(Ordering::Relaxed), suppressed)
    }

    #[test]
    fn equal_lines_are_suppressed_and_counted() {
        let refusals = || (0..1000).for_each(|id| tracing::info!(id, status = 401, "answered"));
        assert_eq!(written(refusals), (10, vec![990]));
    }

    #[test]
    fn lines_with_other_causes_are_not_equal() {
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
    fn the_number_of_groups_is_bounded() {
        let invented = || (0..100_000).for_each(|error| tracing::warn!(error, "refused"));
        let (count, suppressed) = written(invented);
        assert_eq!(count, MAX_GROUPS + 10);
        assert_eq!(suppressed, [100_000 - MAX_GROUPS as u64 - 10]);
    }

    #[test]
    fn debug_lines_are_never_suppressed() {
        assert_eq!(
            written(|| (0..100).for_each(|_| tracing::debug!("x"))),
            (100, vec![])
        );
    }
}
