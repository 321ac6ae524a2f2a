//! A tenant's file: where it lies in object storage, and what is recorded of it.

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
/// Its form is what keeps tenants apart in one bucket: a key can only be made from a tenant's own
/// name and a UUID.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    pub database_name: DatabaseName,
    pub file_id: FileId,
}

impl ObjectKey {
    /// Parses a key as it is written; `None` for whatever is no file of a tenant's.
    pub fn parse(text: &str) -> Option<Self> {
        let (database_name, file_id) = text.split_once('/')?;
        let key = Self {
            database_name: DatabaseName::parse(database_name).ok()?,
            file_id: FileId::parse(file_id).ok()?,
        };
        // A UUID has other forms of text, which would be other keys.
        (key.file_id.to_string() == file_id).then_some(key)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.database_name, self.file_id)
    }
}
