//! Opens objects for reading. Every function blocks.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use super::content::Content;
use super::format::Metadata;
use super::part_files::PartsLock;
use crate::domain::ObjectKey;
use crate::objects::embedded::disk::folder::io_errors::{damaged, if_found, with_path};
use crate::objects::embedded::disk::folder::{Folder, shard};

/// An object that stays readable while this is open.
#[derive(Debug)]
pub(crate) struct Object {
    pub metadata: Metadata,
    pub content: Content,
}

/// Opens the object at `key`; `None` if there is none.
pub(crate) fn open(folder: &Arc<Folder>, key: &ObjectKey) -> io::Result<Option<Object>> {
    let path = folder.object_path(key);
    let failed =
        |error: io::Error| with_path(&format!("cannot use object '{key}' in"), &path, &error);
    loop {
        shard::make_durable(folder, &path)?;
        let Some(file) = if_found(File::open(&path)).map_err(failed)? else {
            // Without its folder, it is unknown whether there is one.
            folder.require_shard(&path)?;
            return Ok(None);
        };
        shard::make_durable(folder, &path)?;
        let metadata = Metadata::read(&file).map_err(failed)?;
        if metadata.key != key.to_string() {
            return Err(failed(damaged("it belongs to another key")));
        }
        let parts = metadata.parts.as_ref();
        let parts = parts.map(|files| PartsLock::acquire(folder, files, &file));
        let parts = match parts.transpose() {
            // Deleted or replaced after it was opened: the next attempt shows which.
            Err(_) if file.metadata().map_err(failed)?.nlink() == 0 => continue,
            parts => parts.map_err(failed)?,
        };
        let content = Content { path, file, parts };
        return Ok(Some(Object { metadata, content }));
    }
}
