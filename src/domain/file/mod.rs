//! Files: their keys in object storage, their records, and the rules for uploads.

mod content_type;
pub mod limits;
mod name;
mod record;
mod retention;
mod sha256;
mod upload;

use std::fmt;

use super::{DatabaseName, FileId};

pub use content_type::ContentType;
pub use name::FileName;
pub use record::{EventFile, FileRecord};
pub use retention::{ObjectLock, Retention, RetentionMode};
pub use sha256::FileSha256;
pub use upload::{UploadConstraints, UploadRules, Violation};

/// The key of a tenant's file: `<database_name>/<file_id>`.
///
/// This isolates tenants in one bucket: a key can only be formed from a tenant's own name and a UUID.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    pub database_name: DatabaseName,
    pub file_id: FileId,
}

impl ObjectKey {
    /// Parses the text form; `None` if it is not the key of a tenant's file.
    pub fn parse(text: &str) -> Option<Self> {
        let (database_name, file_id) = text.split_once('/')?;
        let key = Self {
            database_name: DatabaseName::parse(database_name).ok()?,
            file_id: FileId::parse(file_id).ok()?,
        };
        // Other text forms of the UUID would be other keys.
        (key.file_id.to_string() == file_id).then_some(key)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.database_name, self.file_id)
    }
}
