//! Inspects objects without opening the storage: creates, repairs, locks and dates nothing. Every function
//! blocks.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::io_errors::{damaged, if_found, is_damage};
use super::folder::{Folder, OWNER, shard_of};
use super::object::{listing, part_files, read_metadata};
use crate::domain::{Entropy, ObjectKey};
use crate::objects::ObjectInfo;

/// A storage folder that a service may be using.
#[derive(Debug)]
pub struct Inspection(Folder);

/// The files that an object is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFiles {
    pub files: Vec<ObjectFile>,
    /// What is wrong with it, if something is.
    pub damage: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFile {
    /// Where it belongs in a storage folder that nobody uses, with `/` between the segments.
    pub name: String,
    /// Where it is now.
    pub path: PathBuf,
}

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

    /// Returns the file that names the owner of the files, which need not exist.
    pub fn owner(&self) -> ObjectFile {
        ObjectFile {
            name: OWNER.to_owned(),
            path: self.path().join(OWNER),
        }
    }

    /// Returns the names of the object files that begin with this byte in hexadecimal, in order.
    pub fn names(&self, first_byte: u8) -> io::Result<Vec<String>> {
        let mut names = if_found(self.0.object_names(first_byte))?.unwrap_or_default();
        names.sort_unstable();
        Ok(names)
    }

    /// Returns the files of the object whose own file has this name, that one first; `None` if it is gone. Of a damaged
    /// object only its own file is known.
    pub fn files(&self, name: &str) -> io::Result<Option<ObjectFiles>> {
        let path = self.0.path_in_shard(shard_of(name), name);
        let own = ObjectFile {
            name: format!("objects/{}/{name}", &name[..2]),
            path: path.clone(),
        };
        let metadata = match if_found(read_metadata(&path)) {
            Ok(Some(metadata)) => metadata,
            Ok(None) => return Ok(None),
            Err(error) if is_damage(&error) => {
                return Ok(Some(ObjectFiles {
                    files: vec![own],
                    damage: Some(error.to_string()),
                }));
            }
            Err(error) => return Err(error),
        };
        let mut object = ObjectFiles {
            files: vec![own],
            damage: None,
        };
        let Some(parts) = &metadata.parts else {
            return Ok(Some(object));
        };
        match part_files::check(&self.0, parts) {
            Ok(folder) => {
                let numbers = parts.files.iter().map(|(number, _)| *number);
                let parts_of = numbers.map(part_files::part_name);
                let names = std::iter::once(part_files::UPLOAD.to_owned()).chain(parts_of);
                object.files.extend(names.map(|part| ObjectFile {
                    name: format!("parts/{}/{part}", parts.upload_id),
                    path: folder.join(part),
                }));
            }
            // Deleted or replaced meanwhile.
            Err(_) if if_found(read_metadata(&path))?.as_ref() != Some(&metadata) => {
                return self.files(name);
            }
            Err(error) => object.damage = Some(error.to_string()),
        }
        Ok(Some(object))
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
