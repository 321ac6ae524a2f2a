//! Logging and metrics of the whole process. Nothing but `app` and `cli` uses this; the other layers use the macros of
//! `tracing` and `metrics`.

mod log_throttle;

use std::io;
use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::util::SubscriberInitExt;

use self::log_throttle::{LogThrottle, Throttled};
use crate::config::{self, LogFormat};

/// Third-party crates whose output is limited by default. A directive of the operator overrides this.
const DEFAULT_DIRECTIVES: &str =
    "hyper=warn,hyper_util=warn,reqwest=warn,rustls=warn,h2=warn,mio=warn,tower=warn";

/// Crates that write signatures, signed URLs or credentials below `info`. That output is never logged, whatever the
/// filter. (`s3s` logs the signature that it would have accepted.)
const LEAKS_SECRETS: [&str; 6] = [
    "s3s",
    "aws_config",
    "aws_credential_types",
    "aws_runtime",
    "aws_sigv4",
    "aws_smithy",
];

/// Buckets of durations: from a cached read to the longest that EventBridge waits.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Buckets of batch sizes, such as the events of a commit.
const COUNTS: [f64; 11] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 10_000.0,
];

/// Writes the log of the whole process to standard error. `level` is a filter of [`EnvFilter`]. Only the first call
/// has an effect.
pub fn init_tracing(format: LogFormat, level: &str) {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(config::stderr_takes_colors());
    let filter = filter(level);
    let throttle = LogThrottle::global();
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_span_list(false);
            Throttled { lines, throttle }.with_filter(filter).boxed()
        }
        LogFormat::Text => Throttled { lines, throttle }.with_filter(filter).boxed(),
    };
    // Fails if a test or a program that embeds the library has set up a log already.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// Logs how many repeated lines were suppressed since the last call.
pub fn report_suppressed() {
    LogThrottle::global().report();
}

/// Describes the metrics of this module.
pub fn describe_metrics() {
    let lines = "Log lines suppressed as repetitions";
    metrics::describe_counter!("event_history_log_lines_suppressed_total", lines);
}

fn filter<S: Subscriber + for<'a> LookupSpan<'a>>(
    level: &str,
) -> impl tracing_subscriber::layer::Filter<S> + Send + Sync + use<S> {
    // The last of several directives for a target wins.
    let chosen = EnvFilter::new(format!("{DEFAULT_DIRECTIVES},{level}"));
    chosen.and(filter_fn(is_safe_to_log))
}

fn is_safe_to_log(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO
        || !LEAKS_SECRETS
            .iter()
            .any(|name| metadata.target().starts_with(name))
}

/// Returns the metrics of the whole process. The first call installs the recorder.
///
/// Histograms whose name ends in `_seconds` have buckets of durations, all others of counts.
pub fn metrics() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&COUNTS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            })
            .expect("neither list of buckets is empty")
            .build_recorder();
        let handle = recorder.handle();
        // Fails if a program that embeds the library has a recorder already: this one stays empty then.
        let _ = metrics::set_global_recorder(recorder);
        handle
    })
}
