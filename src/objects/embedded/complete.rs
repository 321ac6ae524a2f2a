//! Making one object of parts. Blocks.

use std::io::{self, ErrorKind};

use s3s::crypto::{Checksum as _, Md5};

use super::digests::Digests;
use super::file::{self, Meta, PartFiles, Published, Replace, Upload};
use super::folder::Folder;
use super::parts::{Lock, MAX_PART_NUMBER, Open};
use crate::domain::ObjectKey;
use crate::domain::file::limits::{MAX_FILE_BYTES, MIN_PART_BYTES};
use crate::objects::PartTag;

/// Why an upload cannot be completed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("there is no such upload")]
    NoSuchUpload,
    #[error("no parts are named")]
    Empty,
    #[error("the parts are not in the order of their numbers")]
    Order,
    #[error("part {0} is not there, or not what its entity tag says")]
    Part(u16),
    #[error("part {number} has {size_bytes} bytes: each but the last needs {MIN_PART_BYTES}")]
    TooSmall { number: u16, size_bytes: u64 },
    #[error("the object would have more than {MAX_FILE_BYTES} bytes")]
    TooLarge,
    #[error("the parts have {0} bytes together")]
    OtherSize(u64),
    #[error("there is an object already")]
    Taken,
    #[error("an event references the object, its bytes cannot change")]
    Sealed,
    #[error("the storage failed")]
    Failed(#[from] io::Error),
}

/// What an upload is to become.
#[derive(Debug)]
pub(super) struct Wish<'a> {
    pub parts: &'a [PartTag],
    /// The size of the whole, where the client has said it.
    pub size_bytes: Option<u64>,
    pub replace: Replace,
    /// Seconds since 1970.
    pub now_s: u64,
}

/// Makes the object and returns its entity tag; durable when this answers. One that a failure left
/// between the object and the upload's end is brought to its end.
pub(super) fn complete(
    folder: &Folder,
    key: &ObjectKey,
    upload_id: &str,
    wish: &Wish<'_>,
) -> Result<String, Fault> {
    let open = Open::find(folder, key, upload_id, Lock::Exclusive)?;
    let open = open.ok_or(Fault::NoSuchUpload)?;
    if open.is_published {
        let object = folder.object_path(key);
        folder.settle(&object)?;
        let _ = open.end();
        return Ok(file::describe(&object)?.md5);
    }
    let Chosen { files, md5 } = choose(&open, wish.parts)?;
    let size_bytes = files.iter().map(|(_, size_bytes)| size_bytes).sum();
    if size_bytes > MAX_FILE_BYTES {
        return Err(Fault::TooLarge);
    }
    if wish.size_bytes.is_some_and(|said| said != size_bytes) {
        return Err(Fault::OtherSize(size_bytes));
    }
    let meta = Meta {
        key: key.to_string(),
        size_bytes,
        md5: format!("{}-{}", hex::encode(md5), files.len()),
        sha256: None,
        modified_at_s: wish.now_s,
        headers: open.begun.headers.clone(),
        parts: Some(PartFiles {
            upload_id: upload_id.to_owned(),
            files: files.clone(),
        }),
    };
    open.sync()?;
    let upload = Upload::begin(folder, Digests::default())?;
    match upload.publish(folder, key, &meta, wish.replace)? {
        Published::Durable => {}
        Published::Taken => return Err(Fault::Taken),
        Published::Sealed => return Err(Fault::Sealed),
        // The object is what these parts would make, and they are nobody's: dropping the upload removes
        // them once it has ended.
        Published::Same => {
            let _ = open.end();
            return Ok(meta.md5);
        }
    }
    // The object is there whatever comes of this; the next start would do what fails here.
    if open.end().is_ok() {
        let _ = open.remove_unused(&files);
    }
    Ok(meta.md5)
}

/// The parts that make the object: number and size of each, and the MD5 of their MD5s.
struct Chosen {
    files: Vec<(u16, u64)>,
    md5: [u8; 16],
}

fn choose(open: &Open, tags: &[PartTag]) -> Result<Chosen, Fault> {
    if tags.is_empty() {
        return Err(Fault::Empty);
    }
    if !tags.is_sorted_by(|before, after| before.number < after.number) {
        return Err(Fault::Order);
    }
    let mut md5s = Md5::new();
    let mut files = Vec::with_capacity(tags.len());
    // Said last: a part that is not there makes another one the last.
    let mut too_small = None;
    for (place, PartTag { number, etag }) in tags.iter().enumerate() {
        if !(1..=MAX_PART_NUMBER).contains(number) {
            return Err(Fault::Part(*number));
        }
        let meta = match file::describe(&open.part_path(*number)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Fault::Part(*number));
            }
            meta => meta?,
        };
        let md5 = hex::decode(&meta.md5).map_err(|_| file::damaged("its MD5 is none"))?;
        if *etag != meta.md5 {
            return Err(Fault::Part(*number));
        }
        let is_last = place + 1 == tags.len();
        if meta.size_bytes < MIN_PART_BYTES && !is_last {
            let (number, size_bytes) = (*number, meta.size_bytes);
            too_small.get_or_insert(Fault::TooSmall { number, size_bytes });
        }
        md5s.update(&md5);
        files.push((*number, meta.size_bytes));
    }
    if let Some(fault) = too_small {
        return Err(fault);
    }
    Ok(Chosen {
        files,
        md5: md5s.finalize(),
    })
}
