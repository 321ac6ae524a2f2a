//! The settings of commands other than `serve`.

use super::settings::Kind::{Number, Text};
use super::settings::{CONFIG, DATABASE, FILES, Setting};

const COPY: &str = "Source and destination";

pub(super) const COPY_FROM: Setting = Setting {
    flag: "from",
    variable: "EVENT_HISTORY_COPY_FROM",
    value: Text("LOCATION"),
    default: None,
    section: COPY,
    help: "Where tenants and events are now, written like --database of `serve`; required",
};

pub(super) const COPY_TO: Setting = Setting {
    flag: "to",
    variable: "EVENT_HISTORY_COPY_TO",
    value: Text("LOCATION"),
    default: None,
    section: COPY,
    help: "Where to copy tenants and events to; required",
};

pub(super) const COPY_FILES_FROM: Setting = Setting {
    flag: "files-from",
    variable: "EVENT_HISTORY_COPY_FILES_FROM",
    value: Text("LOCATION"),
    default: None,
    section: COPY,
    help: "Where the tenants' files are now, written like --files of `serve` [default: files are \
           not copied]",
};

pub(super) const COPY_FILES_TO: Setting = Setting {
    flag: "files-to",
    variable: "EVENT_HISTORY_COPY_FILES_TO",
    value: Text("LOCATION"),
    default: None,
    section: COPY,
    help: "Where to copy the files to",
};

pub(super) const COPY_OBJECT_LOCK: Setting = Setting {
    flag: "object-lock",
    variable: "EVENT_HISTORY_COPY_OBJECT_LOCK",
    value: Text("MODE:DURATION"),
    default: None,
    section: COPY,
    help: "Protect the files that events reference, in a destination bucket with Object Lock: for that long from now, \
           as --object-lock of `serve` does [default: no protection]",
};

/// Their variables have a word more than the flags, since `serve` reads the same environment; the settings file has
/// none of them.
pub(super) const COPY_SETTINGS: &[&Setting] = &[
    &COPY_FROM,
    &COPY_TO,
    &COPY_FILES_FROM,
    &COPY_FILES_TO,
    &COPY_OBJECT_LOCK,
];

const SERVICE: &str = "Service";

pub(super) const CLIENT_URL: Setting = Setting {
    flag: "url",
    variable: "EVENT_HISTORY_URL",
    value: Text("URL"),
    default: Some("http://127.0.0.1:8080"),
    section: SERVICE,
    help: "Base URL of the service",
};

/// The variable is that of `serve`; of several keys a client sends the first.
pub(super) const CLIENT_API_KEY: Setting = Setting {
    flag: "api-key",
    variable: "EVENT_HISTORY_API_KEY",
    value: Text("KEY"),
    default: None,
    section: SERVICE,
    help: "API key that the service accepts; required. Other users of the machine can see \
           command-line flags: prefer the environment variable",
};

pub(super) const CLIENT_ID: Setting = Setting {
    flag: "client-id",
    variable: "EVENT_HISTORY_CLIENT_ID",
    value: Text("UUID"),
    default: None,
    section: SERVICE,
    help: "Client id of the tenant; required",
};

pub(super) const RETRY_FOR: Setting = Setting {
    flag: "retry-for",
    variable: "EVENT_HISTORY_RETRY_FOR",
    value: Text("DURATION"),
    default: Some("1m"),
    section: SERVICE,
    help: "How long to retry while the service or its storage is unreachable, all pauses together",
};

const UPLOADS: &str = "Large files";
const INTERRUPTED: &str = "Interrupted commands";

pub(super) const MULTIPART_ABOVE: Setting = Setting {
    flag: "multipart-above",
    variable: "EVENT_HISTORY_MULTIPART_ABOVE",
    value: Number("SIZE"),
    default: Some("64MiB"),
    section: UPLOADS,
    help: "Files larger than this use resumable multipart upload",
};

pub(super) const PART_SIZE: Setting = Setting {
    flag: "part-size",
    variable: "EVENT_HISTORY_PART_SIZE",
    value: Number("SIZE"),
    default: None,
    section: UPLOADS,
    help: "Size of each part, 5MiB to 5GiB [default: 16MiB, or more if that would be too many \
           parts]",
};

pub(super) const STATE_DIR: Setting = Setting {
    flag: "state-dir",
    variable: "EVENT_HISTORY_STATE_DIR",
    value: Text("FOLDER"),
    default: None,
    section: INTERRUPTED,
    help: "Folder that remembers unfinished uploads and imports [default: event-history in \
           $XDG_STATE_HOME or ~/.local/state]",
};

/// The settings of every command that calls the service.
pub(super) const CLIENT_SETTINGS: &[&Setting] =
    &[&CLIENT_URL, &CLIENT_API_KEY, &CLIENT_ID, &RETRY_FOR];

/// The settings of commands that are about no tenant, or name it otherwise.
pub(super) const ADMIN_SETTINGS: &[&Setting] = &[&CLIENT_URL, &CLIENT_API_KEY, &RETRY_FOR];

pub(super) const IMPORT_SETTINGS: &[&Setting] = &[
    &CLIENT_URL,
    &CLIENT_API_KEY,
    &CLIENT_ID,
    &RETRY_FOR,
    &STATE_DIR,
];

pub(super) const UPLOAD_SETTINGS: &[&Setting] = &[
    &CLIENT_URL,
    &CLIENT_API_KEY,
    &CLIENT_ID,
    &RETRY_FOR,
    &MULTIPART_ABOVE,
    &PART_SIZE,
    &STATE_DIR,
];

/// The settings of the commands that work on both the database and the files.
pub(super) const STORAGE_SETTINGS: &[&Setting] = &[&DATABASE, &FILES, &CONFIG];

pub(super) const DATABASE_SETTINGS: &[&Setting] = &[&DATABASE, &CONFIG];
