//! The configuration of `files sweep`, `files verify` and `fsck`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::arguments::{OnStorage, SettingArguments};
use crate::config::settings::{DATABASE, FILES};
use crate::config::sources::{Problems, Sources};
use crate::config::values::{self, MAX_FILE_AGE};
use crate::domain::DatabaseName;
use crate::domain::file::limits::MAX_FILE_BYTES;
use crate::{objects, store};

/// Longer than the maximum lifetime of an upload URL plus the day for which EventBridge retries.
const DEFAULT_AGE: &str = "8d";

#[derive(Debug, Clone, clap::Args)]
struct Shared {
    #[command(flatten)]
    settings: SettingArguments<OnStorage>,
    /// Database name of a tenant; may be repeated [default: all tenants]
    #[arg(long = "tenant", value_name = "NAME")]
    tenants: Vec<String>,
    /// Print each finding, and the totals at the end, as one JSON object per line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, clap::Args)]
pub struct SweepArguments {
    #[command(flatten)]
    shared: Shared,
    /// Ignore files that were uploaded less than this ago, 0s to 3650d
    #[arg(long, value_name = "DURATION", default_value = DEFAULT_AGE)]
    older_than: String,
    /// Delete what is found; without this, nothing is changed
    #[arg(long)]
    delete: bool,
    /// Also delete files of tenants that do not exist, such as deleted tenants
    #[arg(long, conflicts_with = "tenants")]
    of_no_tenant: bool,
}

#[derive(Debug, Clone, clap::Args)]
pub struct VerifyArguments {
    #[command(flatten)]
    shared: Shared,
    /// Read at most this much per second, such as `50MiB` [default: no limit]
    #[arg(long, value_name = "SIZE")]
    max_rate: Option<String>,
    /// Keep the progress in this file and resume from it; it is removed at the end
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

#[derive(Debug, Clone, clap::Args)]
pub struct FsckArguments {
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Clone)]
pub struct FilesConfig {
    pub database: store::Location,
    pub files: objects::Location,
    /// Empty: all tenants.
    pub tenants: BTreeSet<DatabaseName>,
    /// Print findings as JSON objects rather than in words.
    pub json: bool,
}

#[derive(Debug, Clone)]
pub struct SweepConfig {
    pub files: FilesConfig,
    pub older_than: Duration,
    pub delete: bool,
    pub of_no_tenant: bool,
}

#[derive(Debug, Clone)]
pub struct VerifyConfig {
    pub files: FilesConfig,
    pub max_bytes_per_second: Option<u64>,
    pub state: Option<PathBuf>,
}

impl SweepConfig {
    pub fn load(arguments: &SweepArguments) -> Result<Self, Problems> {
        let (mut sources, files) = arguments.shared.load();
        let older_than = values::duration(&arguments.older_than, Duration::ZERO, MAX_FILE_AGE);
        let older_than = sources.check("--older-than", older_than);
        let config = files.zip(older_than).map(|(files, older_than)| Self {
            files,
            older_than,
            delete: arguments.delete,
            of_no_tenant: arguments.of_no_tenant,
        });
        sources.finish(config)
    }
}

impl VerifyConfig {
    pub fn load(arguments: &VerifyArguments) -> Result<Self, Problems> {
        let (mut sources, files) = arguments.shared.load();
        let max_rate = arguments.max_rate.as_deref();
        let max_bytes_per_second = max_rate
            .and_then(|text| sources.check("--max-rate", values::size(text, 1, MAX_FILE_BYTES)));
        sources.finish(files.map(|files| Self {
            files,
            max_bytes_per_second,
            state: arguments.state.clone(),
        }))
    }
}

impl FsckArguments {
    pub fn load(&self) -> Result<FilesConfig, Problems> {
        let (sources, files) = self.shared.load();
        sources.finish(files)
    }
}

impl Shared {
    fn load(&self) -> (Sources, Option<FilesConfig>) {
        let mut sources = Sources::read(&self.settings);
        let database = sources.parse(&DATABASE, values::location);
        let files = sources.parse(&FILES, values::location);
        let tenants = sources.tenants(&self.tenants);
        let config = database.zip(files).map(|(database, files)| FilesConfig {
            database,
            files,
            tenants,
            json: self.json,
        });
        (sources, config)
    }
}
