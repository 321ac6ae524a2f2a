//! Inspects objects without opening the storage: creates, repairs, locks and dates nothing. Every function
//! blocks.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::Folder;
use super::folder::io_errors::{damaged, if_found};
use super::object::{listing, part_files, read_metadata};
use crate::domain::{Entropy, ObjectKey};
use crate::objects::ObjectInfo;

/// A storage folder that a service may be using.
#[derive(Debug)]
pub struct Inspection(Folder);

impl Inspection {
    /// Returns `None` where there is no such folder.
    pub fn open(path: &Path, entropy: Arc<dyn Entropy>) -> Option<Self> {
        Folder::open_read_only(path, entropy).map(Self)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns the path of an object's own file, whether it exists or not.
    pub fn file_of(&self, key: &ObjectKey) -> PathBuf {
        self.0.object_path(key)
    }

    /// Returns the metadata in an object's own file; `None` if there is none. An error describes damage to the
    /// file or to those of its parts. Does not read the bytes.
    pub fn look(&self, key: &ObjectKey) -> io::Result<Option<ObjectInfo>> {
        let path = self.file_of(key);
        let Some(metadata) = if_found(read_metadata(&path))? else {
            return Ok(None);
        };
        if metadata.key != key.to_string() {
            return Err(damaged("it belongs to another key"));
        }
        if let Some(parts) = &metadata.parts {
            part_files::check(&self.0, parts)?;
        }
        Ok(Some(metadata.into_info()))
    }

    /// Reports damaged objects, whether an event references them or not.
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
