//! The object behind a record that was stored with an event.

use super::{Error, ObjectInfo, Objects};
use crate::domain::{FileRecord, ObjectKey};

/// The state of a recorded file in a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// The bytes that were recorded. The version id in it is that of this storage, which is the recorded one unless the
    /// file was copied here from another storage.
    Same(ObjectInfo),
    /// Other bytes.
    Other(ObjectInfo),
    Missing,
}

/// Finds the recorded version of an object, or the current one if no version was recorded. A storage that does not have
/// the recorded version may be one that the file was copied to, where versions have other ids: there a digest has to
/// show that the current object has the recorded bytes.
pub async fn find_recorded(
    objects: &dyn Objects,
    key: &ObjectKey,
    record: &FileRecord,
) -> Result<Recorded, Error> {
    let version_id = record.version_id.as_deref();
    if let Some(info) = objects.head(key, version_id).await? {
        return Ok(
            if info.is_consistent() && record.same_bytes(&info.record()) {
                Recorded::Same(info)
            } else {
                Recorded::Other(info)
            },
        );
    }
    if version_id.is_none() {
        return Ok(Recorded::Missing);
    }
    Ok(match objects.head(key, None).await? {
        Some(info) if info.is_consistent() && record.same_digest(&info.record()) == Some(true) => {
            Recorded::Same(info)
        }
        Some(info) => Recorded::Other(info),
        None => Recorded::Missing,
    })
}
