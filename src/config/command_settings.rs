//! The settings of single commands.

use super::settings::Setting;

const ENDS: &str = "Source and destination";

pub(super) const COPY_FROM: Setting = Setting {
    key: "copy_from",
    flag: "from",
    variable: "EVENT_HISTORY_COPY_FROM",
    value: "LOCATION",
    default: None,
    section: ENDS,
    help: "Where tenants and events are, written as for --database of `serve`; required",
};

pub(super) const COPY_TO: Setting = Setting {
    key: "copy_to",
    flag: "to",
    variable: "EVENT_HISTORY_COPY_TO",
    value: "LOCATION",
    default: None,
    section: ENDS,
    help: "Where they are to be; required",
};

pub(super) const COPY_FILES_FROM: Setting = Setting {
    key: "copy_files_from",
    flag: "files-from",
    variable: "EVENT_HISTORY_COPY_FILES_FROM",
    value: "LOCATION",
    default: None,
    section: ENDS,
    help: "Where the tenants' files are, written as for --files of `serve` [default: files are not \
           copied]",
};

pub(super) const COPY_FILES_TO: Setting = Setting {
    key: "copy_files_to",
    flag: "files-to",
    variable: "EVENT_HISTORY_COPY_FILES_TO",
    value: "LOCATION",
    default: None,
    section: ENDS,
    help: "Where the files are to be",
};

/// The settings of `copy` that are not its own flags. Their variables have a word more than the flags,
/// since `serve` reads the same environment; the settings file has none of them.
pub(super) const COPY_SETTINGS: [&Setting; 4] =
    [&COPY_FROM, &COPY_TO, &COPY_FILES_FROM, &COPY_FILES_TO];

const SERVICE: &str = "Service";

pub(super) const CLIENT_URL: Setting = Setting {
    key: "url",
    flag: "url",
    variable: "EVENT_HISTORY_URL",
    value: "URL",
    default: Some("http://127.0.0.1:8080"),
    section: SERVICE,
    help: "Where the service is",
};

/// The variable is that of `serve`; of several keys a client sends the first.
pub(super) const CLIENT_API_KEY: Setting = Setting {
    key: "api_key",
    flag: "api-key",
    variable: "EVENT_HISTORY_API_KEY",
    value: "KEY",
    default: None,
    section: SERVICE,
    help: "A key that the service accepts; required. Other users of the machine can read flags: prefer \
           the variable",
};

pub(super) const CLIENT_ID: Setting = Setting {
    key: "client_id",
    flag: "client-id",
    variable: "EVENT_HISTORY_CLIENT_ID",
    value: "UUID",
    default: None,
    section: SERVICE,
    help: "The tenant's client id; required",
};

pub(super) const RETRY_FOR: Setting = Setting {
    key: "retry_for",
    flag: "retry-for",
    variable: "EVENT_HISTORY_RETRY_FOR",
    value: "DURATION",
    default: Some("1m"),
    section: SERVICE,
    help: "How long to wait, all pauses together, for a service or storage that is away",
};

const UPLOADS: &str = "Large files";

pub(super) const MULTIPART_ABOVE: Setting = Setting {
    key: "multipart_above",
    flag: "multipart-above",
    variable: "EVENT_HISTORY_MULTIPART_ABOVE",
    value: "SIZE",
    default: Some("64MiB"),
    section: UPLOADS,
    help: "Larger files go up in parts, and on where they were stopped",
};

pub(super) const PART_SIZE: Setting = Setting {
    key: "part_size",
    flag: "part-size",
    variable: "EVENT_HISTORY_PART_SIZE",
    value: "SIZE",
    default: None,
    section: UPLOADS,
    help: "Size of a part, 5MiB to 5GiB [default: 16MiB, or more where that would be too many parts]",
};

pub(super) const STATE_DIR: Setting = Setting {
    key: "state_dir",
    flag: "state-dir",
    variable: "EVENT_HISTORY_STATE_DIR",
    value: "FOLDER",
    default: None,
    section: UPLOADS,
    help: "Where it is remembered which uploads have begun [default: event-history in \
           $XDG_STATE_HOME or ~/.local/state]",
};

/// The settings of every command that calls the service.
pub(super) const CLIENT_SETTINGS: [&Setting; 4] =
    [&CLIENT_URL, &CLIENT_API_KEY, &CLIENT_ID, &RETRY_FOR];

/// The settings that `upload` has beside those.
pub(super) const UPLOAD_SETTINGS: [&Setting; 3] = [&MULTIPART_ABOVE, &PART_SIZE, &STATE_DIR];
