//! Turns flags, environment variables and a settings file into a configuration.
//!
//! A flag takes precedence over a variable, a variable over the file, and the file over the default. An unknown name is
//! an error in each of the three, and so is an invalid value; all of them are reported at once, each with the place where
//! it was given. `serve` without an API key generates one, if nobody but this machine can reach it: `generated_key`.
//! Nothing else in the program reads the environment, except the AWS credential chain.
//!
//! Imports go from `serve` and `commands` through `sources` (precedence, problems) and `settings_file` to
//! `arguments` (clap) and at last to `settings` and `command_settings`, the tables to add a setting to. `values` parses.

mod arguments;
mod command_settings;
mod commands;
mod generated_key;
mod party_limits;
mod serve;
mod settings;
mod settings_file;
mod sources;
mod terminal;
mod tls_files;
mod unknown_names;
mod values;

pub use arguments::{AdminArguments, Arguments, ClientArguments, ImportArguments, UploadArguments};
pub use commands::{
    AdminConfig, AdoptArguments, BackupArguments, BackupConfig, ClientConfig, CopyArguments,
    CopyConfig, FilesConfig, FsckArguments, RemoveArguments, RestoreArguments, RestoreConfig,
    RetentionArguments, RetentionConfig, SweepArguments, SweepConfig, TenantsConfig,
    VerifyArguments, VerifyBackupArguments, VerifyBackupConfig, VerifyConfig,
};
pub use generated_key::KeyFile;
pub use serve::{Config, local_url};
pub use sources::Problems;
pub use terminal::{
    local_time_zone, stderr_takes_colors, stderr_takes_escapes, stdout_takes_colors,
};
pub use tls_files::TlsFiles;
pub use values::{LogFormat, listen_address};
