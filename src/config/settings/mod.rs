//! The settings of `serve`: one table, from which come the flags, the environment variables, the keys of the
//! settings file and the help.

mod limits;
mod tls;

use Kind::{Boolean, Number, Text};

pub(super) use self::limits::{
    KEY_EVENTS_PER_DAY, KEY_EVENTS_PER_SECOND, KEY_REQUESTS_PER_SECOND, KEY_STREAMS,
    KEY_UPLOAD_BYTES_PER_DAY, TENANT_EVENTS_PER_DAY, TENANT_EVENTS_PER_SECOND,
    TENANT_REQUESTS_PER_SECOND, TENANT_STREAMS, TENANT_UPLOAD_BYTES_PER_DAY,
};
pub(super) use self::tls::{TLS_CERTIFICATE, TLS_CLIENT_CA, TLS_KEY};

/// Something that can be set by flag, environment variable or settings file.
#[derive(Debug)]
pub struct Setting {
    pub(super) flag: &'static str,
    pub(super) variable: &'static str,
    pub(super) value: Kind,
    pub(super) default: Option<&'static str>,
    /// The section of the help.
    pub(super) section: &'static str,
    pub(super) help: &'static str,
}

/// The kind of a value, with the placeholder that stands for it in the help. The settings file may hold text for
/// every kind, and a TOML number or boolean only where it says so here.
#[derive(Debug)]
pub(super) enum Kind {
    Text(&'static str),
    Number(&'static str),
    Boolean,
}

impl Setting {
    /// Returns the key in the settings file.
    pub(super) fn key(&self) -> String {
        self.flag.replace('-', "_")
    }
}

const NETWORK: &str = "Network";
const STORAGE: &str = "Storage";
const API: &str = "API";
const FILES_SECTION: &str = "Files";
const LIMITS: &str = "Limits";
const LOGS: &str = "Logs";

pub(super) const LISTEN: Setting = Setting {
    flag: "listen",
    variable: "EVENT_HISTORY_LISTEN",
    value: Text("ADDRESS:PORT"),
    default: Some("127.0.0.1:8080"),
    section: NETWORK,
    help: "Address and port to listen on, for the API, its reference and the embedded object \
           store, such as `localhost:8080`, or `:8080` for every IPv4 address; port 0 picks a free \
           port",
};

pub(super) const ADMIN_LISTEN: Setting = Setting {
    flag: "admin-listen",
    variable: "EVENT_HISTORY_ADMIN_LISTEN",
    value: Text("ADDRESS:PORT"),
    default: None,
    section: NETWORK,
    help: "Second address, for metrics, the API reference and probes, over HTTP. `/metrics`, \
           `/docs` and `/openapi.json` are then found there alone [default: at --listen]",
};

pub(super) const PUBLIC_URL: Setting = Setting {
    flag: "public-url",
    variable: "EVENT_HISTORY_PUBLIC_URL",
    value: Text("URL"),
    default: None,
    section: NETWORK,
    help: "Base URL at which callers reach this service, used in `next`, `previous` and embedded \
           file URLs [default: derived from --listen]",
};

pub(super) const CORS_ORIGINS: Setting = Setting {
    flag: "cors-origins",
    variable: "EVENT_HISTORY_CORS_ORIGINS",
    value: Text("ORIGINS"),
    default: None,
    section: NETWORK,
    help: "Comma-separated origins whose pages may call the API from a browser, such as \
           `https://app.example.com`, or `*` for all [default: none]",
};

pub(super) const TRUSTED_PROXIES: Setting = Setting {
    flag: "trusted-proxies",
    variable: "EVENT_HISTORY_TRUSTED_PROXIES",
    value: Text("NETWORKS"),
    default: None,
    section: NETWORK,
    help: "Comma-separated networks or addresses of proxies whose `X-Forwarded-For` or \
           `Forwarded` header is trusted to name the sender of a request, such as \
           `10.0.0.0/8,192.0.2.7` [default: none]",
};

pub(super) const API_KEY: Setting = Setting {
    flag: "api-key",
    variable: "EVENT_HISTORY_API_KEY",
    value: Text("KEYS"),
    default: None,
    section: API,
    help: "Comma-separated API keys to accept; `serve` requires at least one. Other users of the \
           machine can see command-line flags: prefer the environment variable or the settings \
           file",
};

pub(super) const TENANT_FROM: Setting = Setting {
    flag: "tenant-from",
    variable: "EVENT_HISTORY_TENANT_FROM",
    value: Text("MEMBER"),
    default: Some("source"),
    section: API,
    help: "Member of the event envelope that names the tenant: `source`, `account` or \
           `detail-type`",
};

pub(super) const EVENT_SCHEMAS: Setting = Setting {
    flag: "event-schemas",
    variable: "EVENT_HISTORY_EVENT_SCHEMAS",
    value: Text("FOLDER"),
    default: None,
    section: API,
    help: "Folder of JSON Schemas that `event_data` has to match, read at the start: \
           `FOLDER/<database name>/<event type>.json`, the type by name or id. Tenants and types without one are not \
           restricted [default: none]",
};

pub(super) const AUDIT_READS: Setting = Setting {
    flag: "audit-reads",
    variable: "EVENT_HISTORY_AUDIT_READS",
    value: Boolean,
    default: Some("false"),
    section: API,
    help: "Record every read of a tenant's history in the history of the system tenant, as administrative acts always \
           are; `true` if no value is given",
};

pub(super) const DATABASE: Setting = Setting {
    flag: "database",
    variable: "EVENT_HISTORY_DATABASE",
    value: Text("LOCATION"),
    default: Some("sqlite:./event-history-data"),
    section: STORAGE,
    help: "Where tenants and events are stored: `sqlite:<folder>`, or \
           `clickhouse://user:password@host:8123` (`clickhouses://` for TLS)",
};

pub(super) const FILES: Setting = Setting {
    flag: "files",
    variable: "EVENT_HISTORY_FILES",
    value: Text("LOCATION"),
    default: Some("file:./event-history-data/files"),
    section: STORAGE,
    help: "Where files are stored: `file:<folder>[?bucket=…&region=…]` for the embedded object \
           store, or `s3://<bucket>[/<prefix>]?region=…&endpoint=…`",
};

pub(super) const UPLOAD_URL_TTL: Setting = Setting {
    flag: "upload-url-ttl",
    variable: "EVENT_HISTORY_UPLOAD_URL_TTL",
    value: Text("DURATION"),
    default: Some("15m"),
    section: STORAGE,
    help: "Lifetime of presigned upload URLs, 1s to 7d",
};

pub(super) const DOWNLOAD_URL_TTL: Setting = Setting {
    flag: "download-url-ttl",
    variable: "EVENT_HISTORY_DOWNLOAD_URL_TTL",
    value: Text("DURATION"),
    default: Some("15m"),
    section: STORAGE,
    help: "Lifetime of presigned download URLs, 1s to 7d",
};

pub(super) const MAX_FILE_SIZE: Setting = Setting {
    flag: "max-file-size",
    variable: "EVENT_HISTORY_MAX_FILE_SIZE",
    value: Number("SIZE"),
    default: Some("5TiB"),
    section: FILES_SECTION,
    help: "Size of the largest file that may be uploaded, such as `100MiB` or `100MB`; 1 byte to 5TiB",
};

pub(super) const ALLOWED_CONTENT_TYPES: Setting = Setting {
    flag: "allowed-content-types",
    variable: "EVENT_HISTORY_ALLOWED_CONTENT_TYPES",
    value: Text("TYPES"),
    default: None,
    section: FILES_SECTION,
    help: "Comma-separated media types that files may have, such as `application/pdf,image/*` \
           [default: all]",
};

pub(super) const REQUIRE_CONTENT_LENGTH: Setting = Setting {
    flag: "require-content-length",
    variable: "EVENT_HISTORY_REQUIRE_CONTENT_LENGTH",
    value: Boolean,
    default: Some("false"),
    section: FILES_SECTION,
    help: "Require requests for upload URLs to state the size of the file; `true` if no value is \
           given",
};

pub(super) const REQUIRE_CHECKSUM: Setting = Setting {
    flag: "require-checksum",
    variable: "EVENT_HISTORY_REQUIRE_CHECKSUM",
    value: Boolean,
    default: Some("false"),
    section: FILES_SECTION,
    help: "Require requests for upload URLs to state the SHA-256 of the file; `true` if no value \
           is given",
};

pub(super) const UPLOAD_ONCE: Setting = Setting {
    flag: "upload-once",
    variable: "EVENT_HISTORY_UPLOAD_ONCE",
    value: Boolean,
    default: Some("false"),
    section: FILES_SECTION,
    help: "Make storage refuse a second upload to the same URL, by signing `If-None-Match: *`; \
           `true` if no value is given",
};

pub(super) const OBJECT_LOCK: Setting = Setting {
    flag: "object-lock",
    variable: "EVENT_HISTORY_OBJECT_LOCK",
    value: Text("MODE:DURATION"),
    default: None,
    section: FILES_SECTION,
    help: "How long S3 protects a file from deletion once an event references it, in a bucket \
           with Object Lock: `governance:365d` or `compliance:3650d` [default: not at all]",
};

pub(super) const SWEEP_ORPHANS_AFTER: Setting = Setting {
    flag: "sweep-orphans-after",
    variable: "EVENT_HISTORY_SWEEP_ORPHANS_AFTER",
    value: Text("DURATION"),
    default: None,
    section: FILES_SECTION,
    help: "Delete files that no event references this long after their upload, 1s to 3650d. \
           Choose more than the lifetime of upload URLs, and more than the time for which senders \
           retry an event [default: never]",
};

pub(super) const RETENTION_INTERVAL: Setting = Setting {
    flag: "retention-interval",
    variable: "EVENT_HISTORY_RETENTION_INTERVAL",
    value: Text("DURATION"),
    default: Some("1h"),
    section: STORAGE,
    help: "How often events are deleted that have stayed for as long as the retention rules of their \
           tenants say, 1s to 7d, or `never`",
};

pub(super) const DELETION_DELAY: Setting = Setting {
    flag: "deletion-delay",
    variable: "EVENT_HISTORY_DELETION_DELAY",
    value: Text("DURATION"),
    default: None,
    section: STORAGE,
    help: "For how long a deleted tenant can be restored before it is deleted for good, 1s to 3650d \
           [default: not at all]",
};

pub(super) const REQUEST_TIMEOUT: Setting = Setting {
    flag: "request-timeout",
    variable: "EVENT_HISTORY_REQUEST_TIMEOUT",
    value: Text("DURATION"),
    default: Some("4s"),
    section: LIMITS,
    help: "Time limit for a request to the API, 100ms to 10m. EventBridge waits 5 s",
};

pub(super) const SHUTDOWN_TIMEOUT: Setting = Setting {
    flag: "shutdown-timeout",
    variable: "EVENT_HISTORY_SHUTDOWN_TIMEOUT",
    value: Text("DURATION"),
    default: Some("30s"),
    section: LIMITS,
    help: "How long a shutdown waits for requests in flight, 0s to 1h",
};

pub(super) const MAX_CONNECTIONS: Setting = Setting {
    flag: "max-connections",
    variable: "EVENT_HISTORY_MAX_CONNECTIONS",
    value: Number("COUNT"),
    default: Some("1024"),
    section: LIMITS,
    help: "Maximum number of open connections, 1 to 100000. At the limit, a new connection \
           replaces the one that has been idle longest",
};

pub(super) const MAX_TRANSFERS_PER_CLIENT: Setting = Setting {
    flag: "max-transfers-per-client",
    variable: "EVENT_HISTORY_MAX_TRANSFERS_PER_CLIENT",
    value: Number("COUNT"),
    default: None,
    section: LIMITS,
    help: "Maximum number of concurrent uploads and downloads of embedded files per client \
           address, 1 to 100000 [default: a quarter of --max-connections]",
};

pub(super) const KEEP_ALIVE_TIMEOUT: Setting = Setting {
    flag: "keep-alive-timeout",
    variable: "EVENT_HISTORY_KEEP_ALIVE_TIMEOUT",
    value: Text("DURATION"),
    default: Some("75s"),
    section: LIMITS,
    help: "How long a connection may be idle between two requests, 1s to 1h. Choose more than the \
           idle timeout of a load balancer in front",
};

pub(super) const WORKER_THREADS: Setting = Setting {
    flag: "worker-threads",
    variable: "EVENT_HISTORY_WORKER_THREADS",
    value: Number("COUNT"),
    default: None,
    section: LIMITS,
    help: "Number of threads that answer requests, 1 to 1024, in addition to those that read and \
           write databases [default: one less than the number of cores, at least 1]",
};

pub(super) const LOG_FORMAT: Setting = Setting {
    flag: "log-format",
    variable: "EVENT_HISTORY_LOG_FORMAT",
    value: Text("FORMAT"),
    default: None,
    section: LOGS,
    help: "Format of the log on standard error: `json` or `text` [default: text on a terminal, \
           otherwise json]",
};

pub(super) const LOG_LEVEL: Setting = Setting {
    flag: "log-level",
    variable: "EVENT_HISTORY_LOG_LEVEL",
    value: Text("FILTER"),
    default: Some("info"),
    section: LOGS,
    help: "Log filter: `error`, `warn`, `info`, `debug` or `trace`, or one per module, such as \
           `info,event_history::store=debug`",
};

/// The settings file itself: the one setting that it cannot hold.
pub(super) const CONFIG: Setting = Setting {
    flag: "config",
    variable: "EVENT_HISTORY_CONFIG",
    value: Text("FILE"),
    default: None,
    section: "Settings file",
    help: "TOML settings file. Its keys are the names of the flags with `_` instead of `-`, and \
           the tables [event_types] and [source_types]",
};

/// Every setting, in the order of the help.
pub(super) const SETTINGS: &[&Setting] = &[
    &LISTEN,
    &ADMIN_LISTEN,
    &PUBLIC_URL,
    &CORS_ORIGINS,
    &TRUSTED_PROXIES,
    &TLS_CERTIFICATE,
    &TLS_KEY,
    &TLS_CLIENT_CA,
    &API_KEY,
    &TENANT_FROM,
    &EVENT_SCHEMAS,
    &AUDIT_READS,
    &DATABASE,
    &FILES,
    &UPLOAD_URL_TTL,
    &DOWNLOAD_URL_TTL,
    &MAX_FILE_SIZE,
    &ALLOWED_CONTENT_TYPES,
    &REQUIRE_CONTENT_LENGTH,
    &REQUIRE_CHECKSUM,
    &UPLOAD_ONCE,
    &OBJECT_LOCK,
    &SWEEP_ORPHANS_AFTER,
    &RETENTION_INTERVAL,
    &DELETION_DELAY,
    &REQUEST_TIMEOUT,
    &SHUTDOWN_TIMEOUT,
    &MAX_CONNECTIONS,
    &MAX_TRANSFERS_PER_CLIENT,
    &KEEP_ALIVE_TIMEOUT,
    &TENANT_REQUESTS_PER_SECOND,
    &TENANT_EVENTS_PER_SECOND,
    &TENANT_EVENTS_PER_DAY,
    &TENANT_UPLOAD_BYTES_PER_DAY,
    &TENANT_STREAMS,
    &KEY_REQUESTS_PER_SECOND,
    &KEY_EVENTS_PER_SECOND,
    &KEY_EVENTS_PER_DAY,
    &KEY_UPLOAD_BYTES_PER_DAY,
    &KEY_STREAMS,
    &WORKER_THREADS,
    &LOG_FORMAT,
    &LOG_LEVEL,
    &CONFIG,
];

#[cfg(test)]
mod tests {
    use super::super::command_settings::{COPY_SETTINGS, UPLOAD_SETTINGS};
    use super::{SETTINGS, Setting};

    #[test]
    fn variables_are_named_after_flags() {
        for setting in SETTINGS.iter().chain(UPLOAD_SETTINGS) {
            let expected = format!("EVENT_HISTORY_{}", setting.key().to_uppercase());
            assert_eq!(setting.variable, expected);
        }
        for setting in COPY_SETTINGS {
            let expected = format!("EVENT_HISTORY_COPY_{}", setting.key().to_uppercase());
            assert_eq!(setting.variable, expected);
        }
    }

    #[test]
    fn the_documentation_lists_every_setting_with_its_default() {
        let documented = include_str!("../../../docs/configuration.md");
        for Setting {
            flag,
            variable,
            default,
            ..
        } in SETTINGS.iter().chain(UPLOAD_SETTINGS)
        {
            let default = default.map(|it| format!("| `{it}`")).unwrap_or_default();
            let is_row = |line: &str| {
                line.starts_with(&format!("| `--{flag}` | `{variable}` |"))
                    && line.contains(&default)
            };
            assert!(documented.lines().any(is_row), "--{flag} {default}");
        }
    }
}
