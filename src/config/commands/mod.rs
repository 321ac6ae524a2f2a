//! The configurations of the commands other than `serve`: their flags, and the settings that they share with it.

mod backup;
mod copy;
mod file_jobs;
mod retention;
mod tenant_repair;
mod transfer;

pub use backup::{
    BackupArguments, BackupConfig, RestoreArguments, RestoreConfig, VerifyBackupArguments,
    VerifyBackupConfig,
};
pub use copy::{CopyArguments, CopyConfig};
pub use file_jobs::{
    FilesConfig, FsckArguments, SweepArguments, SweepConfig, VerifyArguments, VerifyConfig,
};
pub use retention::{RetentionArguments, RetentionConfig};
pub use tenant_repair::{AdoptArguments, RemoveArguments, TenantsConfig};
pub use transfer::{AdminConfig, ClientConfig};
