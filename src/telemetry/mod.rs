//! What the process says about itself: log and metrics.

mod log_quota;

use std::io;
use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::util::SubscriberInitExt;

use self::log_quota::{Limited, LogQuota};
use crate::config::LogFormat;

/// Parts of other authors that say much and nothing about us; whoever wants it names the part.
const QUIET: &str =
    "hyper=warn,hyper_util=warn,reqwest=warn,rustls=warn,h2=warn,mio=warn,tower=warn";

/// Parts that write signatures, signed URLs or credentials below `info`: what they say there is never
/// logged, whatever the filter. (`s3s` tells the signature that it would have accepted.)
const INDISCREET: [&str; 6] = [
    "s3s",
    "aws_config",
    "aws_credential_types",
    "aws_runtime",
    "aws_sigv4",
    "aws_smithy",
];

/// From a cached read to the longest that EventBridge waits, in seconds.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// How many things went together (the events of a commit, say).
const COUNTS: [f64; 11] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 10_000.0,
];

/// Sends the log of the whole process to standard error, in lines of `format`.
/// `level` is a filter of [`EnvFilter`]. The first call counts.
pub fn init_tracing(format: LogFormat, level: &str) {
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let filter = filter(level);
    let quota = LogQuota::of_the_process();
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_span_list(false);
            Limited { lines, quota }.with_filter(filter).boxed()
        }
        LogFormat::Text => Limited { lines, quota }.with_filter(filter).boxed(),
    };
    // An error means that a log is set up already, by a test or by the program that embeds us.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// Logs how many lines were left out since the last time because others said the same.
pub fn tell_suppressed() {
    LogQuota::of_the_process().tell();
}

/// Describes the figures that this module keeps.
pub fn describe_metrics() {
    let lines = "Lines left out of the log because others said the same";
    metrics::describe_counter!("event_history_log_lines_suppressed_total", lines);
}

fn filter<S: Subscriber + for<'a> LookupSpan<'a>>(
    level: &str,
) -> impl tracing_subscriber::layer::Filter<S> + Send + Sync + use<S> {
    // Of two directives for one part the later counts.
    let chosen = EnvFilter::new(format!("{QUIET},{level}"));
    chosen.and(filter_fn(is_discreet))
}

fn is_discreet(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO
        || !INDISCREET
            .iter()
            .any(|part| metadata.target().starts_with(part))
}

/// Returns the metrics of the whole process. The first call installs the recorder.
///
/// Histograms whose name ends in `_seconds` get buckets of time, all others buckets of counts.
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
        // An error means that the program that embeds us has its own recorder, and ours stays empty.
        let _ = metrics::set_global_recorder(recorder);
        handle
    })
}
