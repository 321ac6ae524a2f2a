//! The target of backups: chunks, and which backups there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::Error;
use super::format::{ChunkId, FORMAT, Manifest, Mark, Started, sealed, unsealed};
use crate::jobs::backend_errors::retry;
use crate::objects::{self, Blobs};

pub(super) const MARK: &str = "event-history-backup.json";
const BACKUPS: &str = "backups";
const STARTED: &str = "started.json";
const MANIFEST: &str = "manifest.json";

/// Where backups are. Retries an unreachable target for up to two minutes.
#[derive(Debug, Clone)]
pub struct Target(Arc<dyn Blobs>);

/// A backup in a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Begins with the time at which it began, so that later ones are greater.
    pub name: String,
    /// Its manifest is there.
    pub is_complete: bool,
}

impl Target {
    pub fn new(blobs: Arc<dyn Blobs>) -> Self {
        Self(blobs)
    }

    /// Returns the backups, the oldest first.
    pub async fn backups(&self) -> Result<Vec<Backup>, Error> {
        let what = "list the backups";
        let names = retry(what, || self.0.list(BACKUPS)).await;
        let names = names.map_err(|source| failed(what, source))?;
        let mut backups: BTreeMap<&str, bool> = BTreeMap::new();
        for name in &names {
            let mut segments = name.split('/').skip(1);
            if let (Some(backup), Some(file), None) =
                (segments.next(), segments.next(), segments.next())
            {
                *backups.entry(backup).or_default() |= file == MANIFEST;
            }
        }
        let backups = backups.into_iter().map(|(name, is_complete)| Backup {
            name: name.to_owned(),
            is_complete,
        });
        Ok(backups.collect())
    }

    /// Returns the newest complete backup, or the one of this name.
    pub(super) async fn select(&self, name: Option<&str>) -> Result<String, Error> {
        let backups = self.backups().await?;
        let Some(name) = name else {
            let mut complete = backups.into_iter().rev().filter(|it| it.is_complete);
            let newest = complete.next().map(|it| it.name);
            return newest.ok_or_else(|| Error::Refused("there is no complete backup".to_owned()));
        };
        match backups.into_iter().find(|it| it.name == name) {
            Some(backup) if backup.is_complete => Ok(backup.name),
            Some(_) => Err(Error::Refused(format!("backup '{name}' is unfinished"))),
            None => Err(Error::Refused(format!("there is no backup '{name}'"))),
        }
    }

    /// Makes the target that of this store. Fails if it is another one's.
    pub(super) async fn claim(&self, store: Uuid) -> Result<(), Error> {
        match self.mark().await? {
            Some(mark) if mark.store == store => Ok(()),
            Some(mark) => Err(Error::Refused(format!(
                "the target has the backups of another database ({}), not of this one ({store})",
                mark.store
            ))),
            None => {
                let mark = Mark {
                    format: FORMAT,
                    store,
                };
                self.put(MARK, sealed(&mark).into()).await
            }
        }
    }

    /// Returns whose backups these are; `None` if nobody has begun one.
    pub(super) async fn mark(&self) -> Result<Option<Mark>, Error> {
        let mark: Option<Mark> = self.document(MARK).await?;
        if let Some(mark) = &mark {
            require_format(mark.format)?;
        }
        Ok(mark)
    }

    /// Writes durably that a backup begins.
    pub(super) async fn begin(&self, started: &Started) -> Result<(), Error> {
        let name = format!("{BACKUPS}/{}/{STARTED}", started.name);
        self.put(&name, sealed(started).into()).await?;
        self.sync().await
    }

    /// Returns what a backup wrote first.
    pub(super) async fn started(&self, name: &str) -> Result<Started, Error> {
        let blob = format!("{BACKUPS}/{name}/{STARTED}");
        let started = self.document(&blob).await?;
        started.ok_or_else(|| missing(&blob))
    }

    /// Makes a backup complete, durably: everything else that it has is made durable first.
    pub(super) async fn complete(&self, manifest: &Manifest) -> Result<(), Error> {
        self.sync().await?;
        let name = format!("{BACKUPS}/{}/{MANIFEST}", manifest.name);
        self.put(&name, sealed(manifest).into()).await?;
        self.sync().await
    }

    pub(super) async fn manifest(&self, name: &str) -> Result<Manifest, Error> {
        let blob = format!("{BACKUPS}/{name}/{MANIFEST}");
        let manifest: Option<Manifest> = self.document(&blob).await?;
        let manifest = manifest.ok_or_else(|| missing(&blob))?;
        require_format(manifest.format)?;
        if manifest.name != name {
            let other = manifest.name;
            return Err(Error::Damaged(format!(
                "'{blob}' is that of backup '{other}'"
            )));
        }
        Ok(manifest)
    }

    /// Tells whether there is a chunk of this name and size, without reading it.
    pub(super) async fn has_chunk(&self, id: ChunkId, size_bytes: u64) -> Result<bool, Error> {
        let name = id.blob();
        let found = retry("find a chunk", || self.0.size(&name)).await;
        let found = found.map_err(|source| failed("find a chunk", source))?;
        Ok(found == Some(size_bytes))
    }

    pub(super) async fn put_chunk(&self, id: ChunkId, content: Bytes) -> Result<(), Error> {
        self.put(&id.blob(), content).await
    }

    /// Returns a chunk, which has this size and is what its name says.
    pub(super) async fn chunk(&self, id: ChunkId, size_bytes: u64) -> Result<Bytes, Error> {
        let name = id.blob();
        let content = self.get(&name).await?.ok_or_else(|| missing(&name))?;
        let actual_bytes = content.len() as u64;
        if actual_bytes != size_bytes {
            return Err(Error::Damaged(format!(
                "'{name}' has {actual_bytes} bytes, not {size_bytes}"
            )));
        }
        let hash = content.clone();
        let actual = super::blocking(move || Ok(ChunkId::of(&hash))).await?;
        if actual != id {
            return Err(Error::Damaged(format!(
                "'{name}' is damaged: its digest is another"
            )));
        }
        Ok(content)
    }

    async fn document<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let bytes = self.get(name).await?;
        bytes.map(|bytes| unsealed(name, &bytes)).transpose()
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>, Error> {
        let read = retry("read from the target", || self.0.get(name)).await;
        read.map_err(|source| match source {
            objects::Error::Damaged(cause) => Error::Damaged(format!("'{name}': {cause}")),
            source => failed(format!("read '{name}' from the target"), source),
        })
    }

    async fn put(&self, name: &str, content: Bytes) -> Result<(), Error> {
        let put = retry("write to the target", || self.0.put(name, content.clone())).await;
        put.map_err(|source| failed(format!("write '{name}' to the target"), source))
    }

    async fn sync(&self) -> Result<(), Error> {
        let synced = self.0.sync().await;
        synced.map_err(|source| failed("sync the target", source))
    }
}

fn failed(what: impl Into<String>, source: objects::Error) -> Error {
    Error::Target {
        what: what.into(),
        source,
    }
}

fn missing(name: &str) -> Error {
    Error::Damaged(format!("'{name}' is missing"))
}

fn require_format(format: u32) -> Result<(), Error> {
    if format == FORMAT {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "the backup has format {format}, and this program reads format {FORMAT}"
    )))
}
