//! Completes an upload: makes one object of its parts. Blocks.

use std::io;

use md5::{Digest, Md5};

use super::upload::{LockMode, MAX_PART_NUMBER, MultipartUpload};
use crate::domain::ObjectKey;
use crate::domain::file::limits::{MAX_FILE_BYTES, MIN_PART_BYTES};
use crate::objects::embedded::disk::folder::io_errors::{damaged, if_found};
use crate::objects::embedded::disk::folder::{Folder, directories, shard};
use crate::objects::embedded::disk::object::{
    Metadata, ObjectWriter, PartFiles, Published, read_metadata,
};
use crate::objects::{PartTag, Replace};

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
    #[error("there is an object already")]
    AlreadyExists,
    #[error("an event references the object, its bytes cannot change")]
    Sealed,
    #[error("the storage failed")]
    Io(#[from] io::Error),
}

#[derive(Debug)]
pub(crate) struct CompleteRequest<'a> {
    pub parts: &'a [PartTag],
    /// The size of the object, if the client sent it.
    pub size_bytes: Option<u64>,
    pub replace: Replace,
    /// Seconds since 1970.
    pub now_s: u64,
}

/// Makes the object, durably, and returns its entity tag. Finishes an earlier attempt that failed after
/// the object was published.
pub(crate) fn complete(
    folder: &Folder,
    key: &ObjectKey,
    upload_id: &str,
    request: &CompleteRequest<'_>,
) -> Result<String, CompleteError> {
    let upload = MultipartUpload::lock(folder, key, upload_id, LockMode::Exclusive)?;
    let upload = upload.ok_or(CompleteError::NoSuchUpload)?;
    if upload.is_published {
        let object = folder.object_path(key);
        shard::make_durable(folder, &object)?;
        let _ = upload.end();
        return Ok(read_metadata(&object)?.md5);
    }
    let (files, md5) = select_parts(&upload, request.parts)?;
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
        md5: format!("{md5}-{}", files.len()),
        sha256: None,
        modified_at_s: request.now_s,
        headers: upload.record.headers.clone(),
        parts: Some(PartFiles {
            upload_id: upload_id.to_owned(),
            files: files.clone(),
        }),
    };
    directories::sync(&upload.path)?;
    let writer = ObjectWriter::create(folder)?;
    match writer.publish(folder, key, &metadata, request.replace)? {
        Published::Durable => {}
        Published::AlreadyExists => return Err(CompleteError::AlreadyExists),
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

/// Returns number and size of each part that makes the object, and the MD5 of their MD5s.
fn select_parts(
    upload: &MultipartUpload<'_>,
    tags: &[PartTag],
) -> Result<(Vec<(u16, u64)>, String), CompleteError> {
    if tags.is_empty() {
        return Err(CompleteError::NoParts);
    }
    if !tags.is_sorted_by(|before, after| before.number < after.number) {
        return Err(CompleteError::PartOrder);
    }
    let mut md5s = Md5::new();
    let mut files = Vec::with_capacity(tags.len());
    // Returned last: a missing part is the more useful answer.
    let mut too_small = None;
    for (index, PartTag { number, etag }) in tags.iter().enumerate() {
        let number = *number;
        if !(1..=MAX_PART_NUMBER).contains(&number) {
            return Err(CompleteError::InvalidPart(number));
        }
        let part = if_found(read_metadata(&upload.part_path(number)))?;
        let part = part.ok_or(CompleteError::InvalidPart(number))?;
        let (md5, size_bytes) = (part.md5, part.size_bytes);
        let digest = hex::decode(&md5).map_err(|_| damaged("its MD5 is invalid"))?;
        if *etag != md5 {
            return Err(CompleteError::InvalidPart(number));
        }
        let is_last = index + 1 == tags.len();
        if size_bytes < MIN_PART_BYTES && !is_last {
            too_small.get_or_insert(CompleteError::PartTooSmall { number, size_bytes });
        }
        md5s.update(&digest);
        files.push((number, size_bytes));
    }
    match too_small {
        Some(error) => Err(error),
        None => Ok((files, hex::encode(md5s.finalize()))),
    }
}
