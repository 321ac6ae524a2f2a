//! The settings: one table, from which come the flags, the environment variables, the keys of the
//! settings file and the help.

/// Something that can be set by flag, environment variable or settings file.
#[derive(Debug)]
pub(super) struct Setting {
    /// The key in the settings file; the other two names are this one in their spelling.
    pub(super) key: &'static str,
    pub(super) flag: &'static str,
    pub(super) variable: &'static str,
    /// What stands for the value in the help.
    pub(super) value: &'static str,
    pub(super) default: Option<&'static str>,
    /// The section of the help.
    pub(super) section: &'static str,
    pub(super) help: &'static str,
}

const NETWORK: &str = "Network";
const STORAGE: &str = "Storage";
const API: &str = "API";
const FILES_SECTION: &str = "Files";
const LIMITS: &str = "Limits";
const LOGS: &str = "Logs";

pub(super) const LISTEN: Setting = Setting {
    key: "listen",
    flag: "listen",
    variable: "EVENT_HISTORY_LISTEN",
    value: "ADDRESS:PORT",
    default: Some("127.0.0.1:8080"),
    section: NETWORK,
    help: "Address of the API, the UI and the embedded object store; port 0 takes a free one",
};

pub(super) const PUBLIC_URL: Setting = Setting {
    key: "public_url",
    flag: "public-url",
    variable: "EVENT_HISTORY_PUBLIC_URL",
    value: "URL",
    default: None,
    section: NETWORK,
    help: "Base of `next`, `previous` and embedded file URLs, as callers reach this service \
           [default: from --listen]",
};

pub(super) const CORS_ORIGINS: Setting = Setting {
    key: "cors_origins",
    flag: "cors-origins",
    variable: "EVENT_HISTORY_CORS_ORIGINS",
    value: "ORIGINS",
    default: None,
    section: NETWORK,
    help: "Origins whose pages may call the API from a browser, separated by commas: `*` or \
           `https://app.example.com` [default: none]",
};

pub(super) const TRUSTED_PROXIES: Setting = Setting {
    key: "trusted_proxies",
    flag: "trusted-proxies",
    variable: "EVENT_HISTORY_TRUSTED_PROXIES",
    value: "NETWORKS",
    default: None,
    section: NETWORK,
    help: "Proxies whose `X-Forwarded-For` or `Forwarded` says who sent a request, separated by commas: \
           `10.0.0.0/8` or `192.0.2.7` [default: none]",
};

pub(super) const API_KEY: Setting = Setting {
    key: "api_key",
    flag: "api-key",
    variable: "EVENT_HISTORY_API_KEY",
    value: "KEYS",
    default: None,
    section: API,
    help: "Accepted API keys, separated by commas; `serve` needs at least one. Other users of the \
           machine can read flags: prefer the variable or the file",
};

pub(super) const TENANT_FROM: Setting = Setting {
    key: "tenant_from",
    flag: "tenant-from",
    variable: "EVENT_HISTORY_TENANT_FROM",
    value: "MEMBER",
    default: Some("source"),
    section: API,
    help: "Envelope member that names the tenant of an event: `source`, `account` or `detail-type`",
};

pub(super) const DATABASE: Setting = Setting {
    key: "database",
    flag: "database",
    variable: "EVENT_HISTORY_DATABASE",
    value: "LOCATION",
    default: Some("sqlite:./event-history-data"),
    section: STORAGE,
    help: "Where tenants and events are kept: `sqlite:<folder>` or \
           `clickhouse://user:password@host:8123` (`clickhouses://` for TLS)",
};

pub(super) const FILES: Setting = Setting {
    key: "files",
    flag: "files",
    variable: "EVENT_HISTORY_FILES",
    value: "LOCATION",
    default: Some("file:./event-history-data/files"),
    section: STORAGE,
    help: "Where files are kept: `file:<folder>[?bucket=…&region=…]` (embedded), or \
           `s3://<bucket>[/<prefix>]?region=…&endpoint=…`",
};

pub(super) const UPLOAD_URL_TTL: Setting = Setting {
    key: "upload_url_ttl",
    flag: "upload-url-ttl",
    variable: "EVENT_HISTORY_UPLOAD_URL_TTL",
    value: "DURATION",
    default: Some("15m"),
    section: STORAGE,
    help: "How long a presigned upload URL lives: 1s to 7d",
};

pub(super) const DOWNLOAD_URL_TTL: Setting = Setting {
    key: "download_url_ttl",
    flag: "download-url-ttl",
    variable: "EVENT_HISTORY_DOWNLOAD_URL_TTL",
    value: "DURATION",
    default: Some("15m"),
    section: STORAGE,
    help: "How long a presigned download URL lives: 1s to 7d",
};

pub(super) const MAX_FILE_SIZE: Setting = Setting {
    key: "max_file_size",
    flag: "max-file-size",
    variable: "EVENT_HISTORY_MAX_FILE_SIZE",
    value: "SIZE",
    default: Some("5TiB"),
    section: FILES_SECTION,
    help: "The largest file that may be uploaded, as in `100MiB`: 1 byte to 5TiB",
};

pub(super) const ALLOWED_CONTENT_TYPES: Setting = Setting {
    key: "allowed_content_types",
    flag: "allowed-content-types",
    variable: "EVENT_HISTORY_ALLOWED_CONTENT_TYPES",
    value: "TYPES",
    default: None,
    section: FILES_SECTION,
    help: "Media types that files may have, separated by commas: `application/pdf`, `image/*` \
           [default: all]",
};

pub(super) const REQUIRE_CONTENT_LENGTH: Setting = Setting {
    key: "require_content_length",
    flag: "require-content-length",
    variable: "EVENT_HISTORY_REQUIRE_CONTENT_LENGTH",
    value: "BOOL",
    default: Some("false"),
    section: FILES_SECTION,
    help: "Whether whoever asks for an upload URL has to say the file's size: `true` or `false`",
};

pub(super) const REQUIRE_CHECKSUM: Setting = Setting {
    key: "require_checksum",
    flag: "require-checksum",
    variable: "EVENT_HISTORY_REQUIRE_CHECKSUM",
    value: "BOOL",
    default: Some("false"),
    section: FILES_SECTION,
    help: "Whether whoever asks for an upload URL has to say the file's SHA-256: `true` or `false`",
};

pub(super) const UPLOAD_ONCE: Setting = Setting {
    key: "upload_once",
    flag: "upload-once",
    variable: "EVENT_HISTORY_UPLOAD_ONCE",
    value: "BOOL",
    default: Some("false"),
    section: FILES_SECTION,
    help: "Whether storage refuses a second upload by the same URL, by a signed `If-None-Match: *`: \
           `true` or `false`",
};

pub(super) const OBJECT_LOCK: Setting = Setting {
    key: "object_lock",
    flag: "object-lock",
    variable: "EVENT_HISTORY_OBJECT_LOCK",
    value: "MODE:DURATION",
    default: None,
    section: FILES_SECTION,
    help: "How long S3 keeps a file that an event references from being removed, in a bucket with \
           Object Lock: `governance:365d` or `compliance:3650d` [default: not at all]",
};

pub(super) const SWEEP_ORPHANS_AFTER: Setting = Setting {
    key: "sweep_orphans_after",
    flag: "sweep-orphans-after",
    variable: "EVENT_HISTORY_SWEEP_ORPHANS_AFTER",
    value: "DURATION",
    default: None,
    section: FILES_SECTION,
    help: "Remove files that no event references this long after their upload: 1s to 3650d; more \
           than an upload URL lives, and than senders take to send an event again [default: never]",
};

pub(super) const REQUEST_TIMEOUT: Setting = Setting {
    key: "request_timeout",
    flag: "request-timeout",
    variable: "EVENT_HISTORY_REQUEST_TIMEOUT",
    value: "DURATION",
    default: Some("4s"),
    section: LIMITS,
    help: "How long a request to the API may take: 100ms to 10m. EventBridge waits 5 s",
};

pub(super) const SHUTDOWN_TIMEOUT: Setting = Setting {
    key: "shutdown_timeout",
    flag: "shutdown-timeout",
    variable: "EVENT_HISTORY_SHUTDOWN_TIMEOUT",
    value: "DURATION",
    default: Some("30s"),
    section: LIMITS,
    help: "How long a shutdown waits for what is in flight: 0s to 1h",
};

pub(super) const MAX_CONNECTIONS: Setting = Setting {
    key: "max_connections",
    flag: "max-connections",
    variable: "EVENT_HISTORY_MAX_CONNECTIONS",
    value: "COUNT",
    default: Some("1024"),
    section: LIMITS,
    help: "How many connections are open at once, 1 to 100000; the longest idle one gives way to the next",
};

pub(super) const MAX_TRANSFERS_PER_CLIENT: Setting = Setting {
    key: "max_transfers_per_client",
    flag: "max-transfers-per-client",
    variable: "EVENT_HISTORY_MAX_TRANSFERS_PER_CLIENT",
    value: "COUNT",
    default: None,
    section: LIMITS,
    help: "How many up- and downloads of embedded files one client address has at once, 1 to 100000 \
           [default: a quarter of --max-connections]",
};

pub(super) const KEEP_ALIVE_TIMEOUT: Setting = Setting {
    key: "keep_alive_timeout",
    flag: "keep-alive-timeout",
    variable: "EVENT_HISTORY_KEEP_ALIVE_TIMEOUT",
    value: "DURATION",
    default: Some("75s"),
    section: LIMITS,
    help: "How long a connection may be idle between two requests: 1s to 1h; longer than a load balancer \
           in front keeps its own",
};

pub(super) const WORKER_THREADS: Setting = Setting {
    key: "worker_threads",
    flag: "worker-threads",
    variable: "EVENT_HISTORY_WORKER_THREADS",
    value: "COUNT",
    default: None,
    section: LIMITS,
    help: "How many threads answer requests, 1 to 1024, beside those that read and write databases \
           [default: a core less than there are, at least 1]",
};

pub(super) const LOG_FORMAT: Setting = Setting {
    key: "log_format",
    flag: "log-format",
    variable: "EVENT_HISTORY_LOG_FORMAT",
    value: "FORMAT",
    default: None,
    section: LOGS,
    help: "Form of the log on standard error: `json` or `text` [default: text on a terminal, else \
           json]",
};

pub(super) const LOG_LEVEL: Setting = Setting {
    key: "log_level",
    flag: "log-level",
    variable: "EVENT_HISTORY_LOG_LEVEL",
    value: "FILTER",
    default: Some("info"),
    section: LOGS,
    help: "What is logged: `error`, `warn`, `info`, `debug`, `trace`, or by part as in \
           `info,event_history::store=debug`",
};

/// Every setting but the name of the settings file itself, in the order of the help.
pub(super) const SETTINGS: [&Setting; 25] = [
    &LISTEN,
    &PUBLIC_URL,
    &CORS_ORIGINS,
    &TRUSTED_PROXIES,
    &API_KEY,
    &TENANT_FROM,
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
    &REQUEST_TIMEOUT,
    &SHUTDOWN_TIMEOUT,
    &MAX_CONNECTIONS,
    &MAX_TRANSFERS_PER_CLIENT,
    &KEEP_ALIVE_TIMEOUT,
    &WORKER_THREADS,
    &LOG_FORMAT,
    &LOG_LEVEL,
];

/// The settings file; the one setting that it cannot hold.
pub(super) const CONFIG: Setting = Setting {
    key: "config",
    flag: "config",
    variable: "EVENT_HISTORY_CONFIG",
    value: "FILE",
    default: None,
    section: "Settings file",
    help: "TOML file with settings: the flags' names with `_` for `-`, and the tables [event_types] \
           and [source_types]",
};

#[cfg(test)]
mod tests {
    use super::super::command_settings::{CLIENT_SETTINGS, COPY_SETTINGS, UPLOAD_SETTINGS};
    use super::{CONFIG, SETTINGS};

    #[test]
    fn names_agree() {
        let serving = SETTINGS.into_iter().chain([&CONFIG]);
        for setting in serving.chain(CLIENT_SETTINGS).chain(UPLOAD_SETTINGS) {
            assert_eq!(setting.flag.replace('-', "_"), setting.key);
            let variable = format!("EVENT_HISTORY_{}", setting.key.to_uppercase());
            assert_eq!(setting.variable, variable);
        }
        for setting in COPY_SETTINGS {
            assert_eq!(
                format!("copy_{}", setting.flag.replace('-', "_")),
                setting.key
            );
            let variable = format!("EVENT_HISTORY_{}", setting.key.to_uppercase());
            assert_eq!(setting.variable, variable);
        }
    }
}
