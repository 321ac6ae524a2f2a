//! Completes an upload: makes one object of its parts. Blocks.

use std::collections::BTreeMap;
use std::io;

use md5::{Digest, Md5};

use super::upload::{LockMode, MAX_PART_NUMBER, MultipartUpload};
use crate::domain::ObjectKey;
use crate::domain::file::limits::{MAX_FILE_BYTES, MIN_PART_BYTES};
use crate::objects::PartTag;
use crate::objects::embedded::disk::folder::io_errors::{damaged, if_found};
use crate::objects::embedded::disk::folder::{Folder, directories, shard};
use crate::objects::embedded::disk::object::{
    Metadata, ObjectWriter, Overwrite, PartFiles, Published, read_metadata,
};

/// The reason why an upload cannot be completed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompleteError {
    #[error("there is no such upload")]
    NoSuchUpload,
    #[error("no parts are named")]
    NoParts,
    #[error("the parts are not in the order of their numbers")]
    PartOrder,
    #[error("part {0} is missing or does not match its entity tag")]
    InvalidPart(u16),
    #[error("part {number} has {size_bytes} bytes: each but the last needs {MIN_PART_BYTES}")]
    PartTooSmall { number: u16, size_bytes: u64 },
    #[error("the object would have more than {MAX_FILE_BYTES} bytes")]
    TooLarge,
    #[error("the parts have {0} bytes together")]
    SizeMismatch(u64),
    #[error("the checksum '{0}' does not match, or not every part has one")]
    WrongChecksum(&'static str),
    #[error("there is an object already")]
    AlreadyExists,
    #[error("there is no object to replace")]
    Missing,
    #[error("an event references the object, its bytes cannot change")]
    Sealed,
    #[error("the storage failed")]
    Io(#[from] io::Error),
}

/// A part that makes the object.
#[derive(Debug)]
pub(crate) struct SelectedPart {
    pub number: u16,
    pub size_bytes: u64,
    md5: Vec<u8>,
    /// As in [`Metadata`].
    pub sha256: Option<String>,
    pub checksums: BTreeMap<String, String>,
}

pub(crate) struct CompleteRequest<'a> {
    pub parts: &'a [PartTag],
    /// The size of the object, if the client sent it.
    pub size_bytes: Option<u64>,
    /// Compares the parts with what else the client sent.
    pub check: &'a dyn Fn(&[SelectedPart]) -> Result<(), CompleteError>,
    pub overwrite: Overwrite,
    /// Seconds since 1970.
    pub now_s: u64,
}

/// Makes the object, durably, and returns its entity tag. Finishes an earlier attempt that failed after
/// the object was published, and repeats the answer to one that succeeded: it may never have arrived.
pub(crate) fn complete(
    folder: &Folder,
    key: &ObjectKey,
    upload_id: &str,
    request: &CompleteRequest<'_>,
) -> Result<String, CompleteError> {
    let upload = MultipartUpload::lock(folder, key, upload_id, LockMode::Exclusive)?;
    let Some(upload) = upload else {
        return completed(folder, key, upload_id, request.parts);
    };
    if upload.is_published {
        let completed = completed(folder, key, upload_id, request.parts);
        let _ = upload.end();
        return completed;
    }
    let selected = select_parts(&upload, request.parts)?;
    (request.check)(&selected)?;
    let md5 = joint_md5(selected.iter().map(|part| &part.md5));
    let files: Vec<_> = selected
        .iter()
        .map(|part| (part.number, part.size_bytes))
        .collect();
    let size_bytes = files.iter().map(|(_, size_bytes)| size_bytes).sum();
    if size_bytes > MAX_FILE_BYTES {
        return Err(CompleteError::TooLarge);
    }
    if request.size_bytes.is_some_and(|sent| sent != size_bytes) {
        return Err(CompleteError::SizeMismatch(size_bytes));
    }
    let metadata = Metadata {
        key: key.to_string(),
        size_bytes,
        md5,
        sha256: None,
        checksums: BTreeMap::new(),
        modified_at_s: request.now_s,
        headers: upload.record.headers.clone(),
        parts: Some(PartFiles {
            upload_id: upload_id.to_owned(),
            files: files.clone(),
        }),
    };
    directories::sync(&upload.path)?;
    let writer = ObjectWriter::create(folder)?;
    match writer.publish(folder, key, &metadata, &request.overwrite)? {
        Published::Durable => {}
        Published::AlreadyExists => return Err(CompleteError::AlreadyExists),
        Published::Missing => return Err(CompleteError::Missing),
        Published::Sealed => return Err(CompleteError::Sealed),
        // No object needs these parts: dropping the upload after its end deletes them.
        Published::SameContent => {
            let _ = upload.end();
            return Ok(metadata.md5);
        }
    }
    // The object exists. If one of these fails, the next start does it.
    if upload.end().is_ok() {
        let _ = upload.delete_other_parts(&files);
    }
    Ok(metadata.md5)
}

/// Returns the entity tag of the object that this upload has become, if it was made of these parts.
fn completed(
    folder: &Folder,
    key: &ObjectKey,
    upload_id: &str,
    tags: &[PartTag],
) -> Result<String, CompleteError> {
    let object = folder.object_path(key);
    shard::make_durable(folder, &object)?;
    let found = if_found(read_metadata(&object))?.ok_or(CompleteError::NoSuchUpload)?;
    let numbers = tags.iter().map(|tag| tag.number);
    let md5s: Option<Vec<_>> = tags.iter().map(|tag| hex::decode(&tag.etag).ok()).collect();
    let is_same = found.parts.is_some_and(
        |PartFiles {
             upload_id: id,
             files,
         }| { id == upload_id && files.iter().map(|(number, _)| *number).eq(numbers) },
    );
    match md5s {
        Some(md5s) if is_same && joint_md5(&md5s) == found.md5 => Ok(found.md5),
        _ => Err(CompleteError::NoSuchUpload),
    }
}

/// Returns the entity tag of an object in parts: the MD5 of the parts' MD5s, and their count.
fn joint_md5<'a>(md5s: impl IntoIterator<Item = &'a Vec<u8>>) -> String {
    let (mut joint, mut count) = (Md5::new(), 0);
    for md5 in md5s {
        joint.update(md5);
        count += 1;
    }
    format!("{}-{count}", hex::encode(joint.finalize()))
}

/// Returns the parts that make the object.
fn select_parts(
    upload: &MultipartUpload<'_>,
    tags: &[PartTag],
) -> Result<Vec<SelectedPart>, CompleteError> {
    if tags.is_empty() {
        return Err(CompleteError::NoParts);
    }
    if !tags.is_sorted_by(|before, after| before.number < after.number) {
        return Err(CompleteError::PartOrder);
    }
    let mut selected = Vec::with_capacity(tags.len());
    // Returned last: a missing part is the more useful answer.
    let mut too_small = None;
    for (index, PartTag { number, etag }) in tags.iter().enumerate() {
        let number = *number;
        if !(1..=MAX_PART_NUMBER).contains(&number) {
            return Err(CompleteError::InvalidPart(number));
        }
        let part = if_found(read_metadata(&upload.part_path(number)))?;
        let part = part.ok_or(CompleteError::InvalidPart(number))?;
        let size_bytes = part.size_bytes;
        let md5 = hex::decode(&part.md5).map_err(|_| damaged("its MD5 is invalid"))?;
        if *etag != part.md5 {
            return Err(CompleteError::InvalidPart(number));
        }
        let is_last = index + 1 == tags.len();
        if size_bytes < MIN_PART_BYTES && !is_last {
            too_small.get_or_insert(CompleteError::PartTooSmall { number, size_bytes });
        }
        selected.push(SelectedPart {
            number,
            size_bytes,
            md5,
            sha256: part.sha256,
            checksums: part.checksums,
        });
    }
    match too_small {
        Some(error) => Err(error),
        None => Ok(selected),
    }
}
