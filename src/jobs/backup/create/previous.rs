//! The backup before this one, whose entries hold for what has not changed since.

use std::collections::HashMap;

use crate::domain::cause::chain;
use crate::jobs::backup::Error;
use crate::jobs::backup::format::Entry;
use crate::jobs::backup::listing::ListingReader;
use crate::jobs::backup::target::Target;

/// The folder of the files of objects. Each object's own file is followed by those of its parts.
pub(super) const OBJECTS: &str = "files/objects/";

#[derive(Debug, Default)]
pub(super) struct Previous {
    /// By path.
    databases: HashMap<String, Entry>,
    files: Option<ListingReader>,
    /// The entry of the files that was read last, if it has not been returned.
    pending: Option<Entry>,
}

impl Previous {
    /// Reads the newest complete backup, if there is one. One that is damaged does not count, so that the new one is whole.
    pub(super) async fn of(target: &Target) -> Result<Self, Error> {
        let mut complete = target.backups().await?.into_iter().rev();
        let Some(newest) = complete.find(|it| it.is_complete) else {
            return Ok(Self::default());
        };
        match Self::read(target, &newest.name).await {
            Err(error @ Error::Damaged(_)) => {
                let name = newest.name;
                tracing::warn!(
                    "reading everything again, because backup '{name}' is damaged: {error}"
                );
                Ok(Self::default())
            }
            outcome => outcome,
        }
    }

    async fn read(target: &Target, name: &str) -> Result<Self, Error> {
        let manifest = target.manifest(name).await?;
        let mut databases = HashMap::new();
        let mut listing = ListingReader::new(target, &manifest.databases);
        while let Some(entry) = listing.next().await? {
            databases.insert(entry.path.clone(), entry);
        }
        let files = manifest.files.as_ref();
        Ok(Self {
            databases,
            files: files.map(|files| ListingReader::new(target, files)),
            pending: None,
        })
    }

    pub(super) fn database(&self, path: &str) -> Option<&Entry> {
        self.databases.get(path)
    }

    /// Returns the entries of the object whose own file has this name; none if there was no such object. To be called in
    /// the order of the names.
    pub(super) async fn object(&mut self, name: &str) -> Vec<Entry> {
        let mut found = Vec::new();
        while let Some(entry) = self.next_file().await {
            match entry
                .path
                .strip_prefix(OBJECTS)
                .and_then(|it| it.split_once('/'))
            {
                Some((_, own)) if own < name => {}
                Some((_, own)) if own == name && found.is_empty() => found.push(entry),
                None if !found.is_empty() => found.push(entry), // a part of it
                // A part of an object before, or what is behind all objects.
                None => {}
                Some(_) => {
                    self.pending = Some(entry);
                    break;
                }
            }
        }
        found
    }

    async fn next_file(&mut self) -> Option<Entry> {
        if let Some(entry) = self.pending.take() {
            return Some(entry);
        }
        match self.files.as_mut()?.next().await {
            Ok(entry) => entry,
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(
                    "reading the other files again, because of the last backup: {error}"
                );
                self.files = None;
                None
            }
        }
    }
}
