//! The files that a walk through a tenant's events has come across.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::domain::{EventFile, FileId, FileRecord};

/// Files of a tenant that are remembered, so that each is handled once however many events reference it: some tens of
/// megabytes. Beyond that number a file may be handled again.
const MAX_REMEMBERED: usize = 1_000_000;

/// Remembers files, and what was recorded about each.
#[derive(Debug, Default)]
pub(super) struct KnownFiles {
    first: HashMap<FileId, u64>,
    /// What later events recorded that differs from what the first one did.
    others: HashSet<(FileId, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Never,
    /// An earlier event recorded other bytes, or another version.
    WithOtherRecord,
    WithThisRecord,
}

impl KnownFiles {
    /// Remembers the file, and tells whether it was seen before.
    pub(super) fn see(&mut self, file: &EventFile) -> Seen {
        if self.first.len() + self.others.len() > MAX_REMEMBERED {
            (self.first, self.others) = Default::default();
        }
        let evidence = evidence(file.record.as_ref());
        match self.first.entry(file.id) {
            Entry::Vacant(entry) => {
                entry.insert(evidence);
                Seen::Never
            }
            Entry::Occupied(first) if *first.get() == evidence => Seen::WithThisRecord,
            Entry::Occupied(_) if self.others.insert((file.id, evidence)) => Seen::WithOtherRecord,
            Entry::Occupied(_) => Seen::WithThisRecord,
        }
    }
}

/// Returns a number that is the same for equal evidence of the bytes.
fn evidence(record: Option<&FileRecord>) -> u64 {
    let mut hasher = DefaultHasher::new();
    let fields = record.map(|it| {
        let sha256 = it.sha256.map(|sha256| *sha256.bytes());
        (it.size_bytes, sha256, &it.etag, &it.version_id)
    });
    fields.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::{KnownFiles, Seen};
    use crate::domain::{EventFile, FileId, FileRecord, SystemEntropy};

    #[test]
    fn a_file_is_new_once_for_each_record() {
        let ids = [(); 2].map(|()| FileId::random(&SystemEntropy));
        let file = |id: usize, version_id: Option<&str>| EventFile {
            id: ids[id],
            record: version_id.map(|version_id| FileRecord {
                version_id: Some(version_id.to_owned()),
                ..FileRecord::default()
            }),
        };
        let mut known = KnownFiles::default();
        for (id, version_id, expected) in [
            (0, Some("1"), Seen::Never),
            (0, Some("1"), Seen::WithThisRecord),
            (1, Some("1"), Seen::Never),
            (0, Some("2"), Seen::WithOtherRecord),
            (0, Some("2"), Seen::WithThisRecord),
            (0, Some("1"), Seen::WithThisRecord),
            (0, None, Seen::WithOtherRecord),
            (0, None, Seen::WithThisRecord),
        ] {
            assert_eq!(known.see(&file(id, version_id)), expected, "{version_id:?}");
        }
    }
}
