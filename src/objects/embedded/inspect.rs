//! Looks at objects without opening the storage: makes, mends, locks and dates nothing. Every function blocks.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::Folder;
use super::{ended, file, listing};
use crate::domain::{Entropy, ObjectKey};
use crate::objects::ObjectInfo;

/// A folder of objects that a service may be using.
#[derive(Debug)]
pub struct Inspection(Folder);

impl Inspection {
    /// Returns `None` where there is no such folder.
    pub fn open(path: &Path, entropy: Arc<dyn Entropy>) -> Option<Self> {
        Folder::as_found(path, entropy).map(Self)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns where an object's own file is, or would be.
    pub fn file_of(&self, key: &ObjectKey) -> PathBuf {
        self.0.object_path(key)
    }

    /// Returns what is recorded in an object's own file; `None` if there is none. An error says what is wrong with
    /// the file, or with those of its parts. Its bytes are not read.
    pub fn look(&self, key: &ObjectKey) -> io::Result<Option<ObjectInfo>> {
        let path = self.file_of(key);
        let meta = match file::describe(&path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if meta.key != key.to_string() {
            return Err(file::damaged("it is of another key"));
        }
        if let Some(parts) = &meta.parts {
            ended::check(&self.0, parts)?;
        }
        Ok(Some(meta.info()))
    }

    /// Shows what is wrong with objects, whether an event references them or not.
    pub fn damaged(&self, show: &mut dyn FnMut(String)) -> io::Result<()> {
        let mut after = None;
        loop {
            let page = listing::page(&self.0, None, after.as_deref(), listing::PAGE_OBJECTS)?;
            page.damaged.into_iter().for_each(&mut *show);
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
