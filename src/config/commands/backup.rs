//! The configuration of `backup`, `verify-backup` and `restore`.

use std::path::PathBuf;

use crate::config::arguments::{OnStorage, SettingArguments};
use crate::config::settings::{DATABASE, FILES};
use crate::config::sources::{Problems, Sources};
use crate::config::values;
use crate::objects::{self, BlobLocation};
use crate::store;

const TARGET_HELP: &str = "Where backups are: a folder, or s3://bucket/prefix?region=…&endpoint=…, with AWS \
                           credentials as in every AWS tool";

#[derive(Debug, Clone, clap::Args)]
struct Target {
    #[arg(value_name = "TARGET", help = TARGET_HELP)]
    target: String,
}

#[derive(Debug, Clone, clap::Args)]
pub struct BackupArguments {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    settings: SettingArguments<OnStorage>,
    /// Read and store everything again, also what the target has
    #[arg(long)]
    full: bool,
    /// Folder to copy databases to first; needs room for four of the largest [default: the data folder]
    #[arg(long, value_name = "FOLDER")]
    scratch: Option<PathBuf>,
}

#[derive(Debug, Clone, clap::Args)]
pub struct VerifyBackupArguments {
    #[command(flatten)]
    target: Target,
    /// Verify this backup only [default: all]
    #[arg(long, value_name = "NAME")]
    backup: Option<String>,
}

#[derive(Debug, Clone, clap::Args)]
pub struct RestoreArguments {
    #[command(flatten)]
    target: Target,
    /// Data folder to create; must be missing or empty
    #[arg(long, value_name = "FOLDER")]
    data_dir: PathBuf,
    /// Restore this backup [default: the newest complete one]
    #[arg(long, value_name = "NAME")]
    backup: Option<String>,
}

#[derive(Debug, Clone)]
pub struct BackupConfig {
    pub target: BlobLocation,
    pub database: store::Location,
    pub files: objects::Location,
    pub full: bool,
    /// `None`: the data folder.
    pub scratch: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub struct VerifyBackupConfig {
    pub target: BlobLocation,
    /// `None`: all backups.
    pub backup: Option<String>,
}

#[derive(Debug, Clone)]
pub struct RestoreConfig {
    pub target: BlobLocation,
    pub data_dir: PathBuf,
    /// `None`: the newest complete one.
    pub backup: Option<String>,
}

impl Target {
    fn parse(&self) -> Result<BlobLocation, Problems> {
        let parsed = self.target.parse();
        parsed.map_err(|problem| Problems(vec![format!("TARGET: {problem}")]))
    }
}

impl BackupConfig {
    pub fn load(arguments: &BackupArguments) -> Result<Self, Problems> {
        let BackupArguments {
            target,
            settings,
            full,
            scratch,
        } = arguments;
        let mut sources = Sources::read(settings);
        let target = sources.check("TARGET", target.target.parse());
        let database = sources.parse(&DATABASE, values::location);
        let files = sources.parse(&FILES, values::location);
        let parsed = target.zip(database).zip(files);
        sources.finish(parsed.map(|((target, database), files)| Self {
            target,
            database,
            files,
            full: *full,
            scratch: scratch.clone(),
        }))
    }
}

impl VerifyBackupConfig {
    pub fn load(arguments: &VerifyBackupArguments) -> Result<Self, Problems> {
        let VerifyBackupArguments { target, backup } = arguments;
        Ok(Self {
            target: target.parse()?,
            backup: backup.clone(),
        })
    }
}

impl RestoreConfig {
    pub fn load(arguments: &RestoreArguments) -> Result<Self, Problems> {
        let RestoreArguments {
            target,
            data_dir,
            backup,
        } = arguments;
        Ok(Self {
            target: target.parse()?,
            data_dir: data_dir.clone(),
            backup: backup.clone(),
        })
    }
}
