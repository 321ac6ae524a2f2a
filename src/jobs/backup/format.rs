//! What is written to a target: manifests, entries of listings, and the names of chunks.

use std::fmt;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Error;
use crate::domain::{DatabaseName, Tenant};

/// The format that this program writes, and the only one that it reads.
pub(super) const FORMAT: u32 = 1;

/// The size of a database's chunks. SQLite changes pages in place, so a change touches few chunks; smaller ones would be
/// too many.
const DATABASE_CHUNK_BYTES: u64 = 256 * 1024;

/// The size of a file's chunks. Files do not change, so this only bounds memory.
const FILE_CHUNK_BYTES: u64 = 8 * 1024 * 1024;

/// The chunks of one database or file, at most: larger ones have larger chunks, so that a line of a listing stays small.
const MAX_CHUNKS: u64 = 65_536;

/// The name of a chunk: the SHA-256 of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct ChunkId([u8; 32]);

impl ChunkId {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Returns the name of the blob.
    pub(super) fn blob(self) -> String {
        let name = self.to_string();
        format!("chunks/{}/{name}", &name[..2])
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for ChunkId {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl From<ChunkId> for String {
    fn from(id: ChunkId) -> Self {
        id.to_string()
    }
}

/// The bytes of a database, a file or a listing, as chunks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    pub(super) size_bytes: u64,
    /// Of each chunk but the last one, which may be shorter.
    pub(super) chunk_bytes: u64,
    pub(super) chunks: Vec<ChunkId>,
}

/// How something changes, which decides the size of its chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Database,
    File,
}

impl Kind {
    /// Returns the size of the chunks of something of `size_bytes`.
    pub(super) fn chunk_bytes(self, size_bytes: u64) -> u64 {
        let mut chunk_bytes = match self {
            Self::Database => DATABASE_CHUNK_BYTES,
            Self::File => FILE_CHUNK_BYTES,
        };
        while size_bytes.div_ceil(chunk_bytes) > MAX_CHUNKS {
            chunk_bytes *= 2;
        }
        chunk_bytes
    }
}

impl Content {
    /// Returns the chunks with the place and the size that each should have.
    pub(super) fn parts(&self) -> impl Iterator<Item = (ChunkId, u64, u64)> + '_ {
        (0_u64..).zip(&self.chunks).map(|(index, id)| {
            let offset = index * self.chunk_bytes;
            let left = self.size_bytes.saturating_sub(offset);
            (*id, offset, left.min(self.chunk_bytes))
        })
    }

    /// Fails if there are not as many chunks as the size needs.
    fn require_valid(&self) -> Result<(), String> {
        let is_sized = self.chunk_bytes > 0
            && self.size_bytes.div_ceil(self.chunk_bytes) == self.chunks.len() as u64;
        is_sized
            .then_some(())
            .ok_or_else(|| "the number of chunks is not that of the size".to_owned())
    }
}

/// A file of the data folder, as a line of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// Relative to the data folder, with `/` between the segments.
    pub(super) path: String,
    /// The permissions: those of a file that an event references protect it.
    pub(super) mode: u32,
    /// The tenant whose database it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tenant: Option<Owner>,
    /// What the file looked like when it was read; if it still does, it has not changed. `None` if a later change could go
    /// unnoticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stamp: Option<String>,
    pub(super) content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Owner {
    pub(super) client_id: String,
    pub(super) database_name: String,
}

impl Owner {
    pub(super) fn of(tenant: &Tenant) -> Self {
        Self {
            client_id: tenant.client_id.to_string(),
            database_name: tenant.database_name.to_string(),
        }
    }
}

impl Entry {
    /// Parses a line of a listing.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let entry: Self = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        entry.content.require_valid()?;
        let is_safe = |segment: &str| {
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_=".contains(&byte);
            !segment.starts_with('.') && !segment.is_empty() && segment.bytes().all(is_allowed)
        };
        if !entry.path.split('/').all(is_safe) {
            return Err(format!("'{}' is not a path in a data folder", entry.path));
        }
        if let Some(Owner {
            client_id,
            database_name,
        }) = &entry.tenant
        {
            Uuid::parse_str(client_id).map_err(|_| "a client id is invalid")?;
            DatabaseName::parse_stored(database_name).map_err(|_| "a database name is invalid")?;
        }
        Ok(entry)
    }

    /// Describes it for messages.
    pub(super) fn describe(&self) -> String {
        match &self.tenant {
            Some(owner) => format!(
                "the database of tenant '{}' ('{}')",
                owner.database_name, self.path
            ),
            None => format!("'{}'", self.path),
        }
    }
}

/// Says whose backups a target holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    pub(super) format: u32,
    /// The id of the store.
    pub(super) store: Uuid,
}

/// The first thing that a backup writes, and a restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Started {
    pub(super) name: String,
    pub(super) store: Uuid,
    pub(super) at: Timestamp,
}

/// The last thing that a backup writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) format: u32,
    pub(super) name: String,
    pub(super) store: Uuid,
    /// The version of the program.
    pub(super) program: String,
    /// Everything acknowledged before is in the backup.
    pub(super) started_at: Timestamp,
    pub(super) finished_at: Timestamp,
    /// A listing. The registry is its last entry.
    pub(super) databases: Content,
    /// A listing, ordered by object, each followed by its parts; `None` if the files are in a bucket.
    pub(super) files: Option<Content>,
    pub(super) totals: Totals,
    /// What is not in the backup and should be, in one line each.
    pub(super) problems: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Totals {
    /// With the registry.
    pub(super) databases: u64,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// Encodes a document and the SHA-256 of it, in two lines.
pub(super) fn sealed<T: Serialize>(document: &T) -> Vec<u8> {
    // Maps with keys of strings and numbers are always valid JSON.
    let mut text = serde_json::to_vec(document).unwrap_or_default();
    let sha256 = ChunkId::of(&text);
    text.extend_from_slice(format!("\n{sha256}\n").as_bytes());
    text
}

/// Decodes what [`sealed`] returned. `name` is that of the blob.
pub(super) fn unsealed<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, Error> {
    let damaged = |problem: &str| Error::Damaged(format!("'{name}' is damaged: {problem}"));
    let parts = str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.strip_suffix('\n')?.rsplit_once('\n'));
    let (text, sha256) = parts.ok_or_else(|| damaged("it does not end with a digest"))?;
    if ChunkId::of(text.as_bytes()).to_string() != sha256 {
        return Err(damaged("its digest is another"));
    }
    serde_json::from_str(text).map_err(|error| damaged(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::{ChunkId, Content, Entry, Kind, Mark, sealed, unsealed};

    #[test]
    fn chunks_add_up_and_lines_stay_short() {
        for size_bytes in [0, 1, 262_144, 262_145, 1 << 34, (1 << 34) + 1, 1 << 45] {
            let chunk_bytes = Kind::Database.chunk_bytes(size_bytes);
            let count = size_bytes.div_ceil(chunk_bytes);
            assert!(count <= 65_536, "{size_bytes}");
            let content = Content {
                size_bytes,
                chunk_bytes,
                chunks: vec![ChunkId::of(b""); usize::try_from(count).unwrap()],
            };
            content.require_valid().unwrap();
            let sum: u64 = content.parts().map(|(_, _, bytes)| bytes).sum();
            assert_eq!(sum, size_bytes);
        }
        assert_eq!(Kind::Database.chunk_bytes(1 << 34), 256 * 1024);
        assert!(Kind::File.chunk_bytes(1 << 42) <= 128 * 1024 * 1024);
    }

    #[test]
    fn an_entry_stays_in_its_folder() {
        let line = |path: &str, chunks: &str| {
            format!(
                r#"{{"path":"{path}","mode":384,"content":{{"size_bytes":1,"chunk_bytes":8,"chunks":[{chunks}]}}}}"#
            )
        };
        let chunk = format!("\"{}\"", ChunkId::of(b"x"));
        Entry::parse(line("tenants/=demo.db", &chunk).as_bytes()).unwrap();
        for path in ["", "/etc/x", "a/../b", "../a", "a//b", "a/.b", "a\\\\b"] {
            assert!(
                Entry::parse(line(path, &chunk).as_bytes()).is_err(),
                "{path}"
            );
        }
        assert!(
            Entry::parse(line("a", "").as_bytes()).is_err(),
            "a chunk is missing"
        );
    }

    #[test]
    fn any_changed_byte_of_a_document_is_noticed() {
        let mark = Mark {
            format: 1,
            store: uuid::Uuid::nil(),
        };
        let good = sealed(&mark);
        assert_eq!(unsealed::<Mark>("x", &good).unwrap(), mark);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(unsealed::<Mark>("x", &bad).is_err(), "{at}");
            assert!(unsealed::<Mark>("x", &good[..at]).is_err(), "{at}");
        }
    }
}
