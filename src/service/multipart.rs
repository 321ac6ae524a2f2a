//! Uploads in parts: for files of more than 5 GiB, and for going on where an upload stopped.
//!
//! Nothing of ours is kept about an upload: its id, which the storage made, and the tenant's own key are
//! all there is.

use std::collections::HashMap;
use std::time::Duration;

use super::files::refuse;
use super::{Access, Error};
use crate::domain::file::limits::{MAX_PARTS, MAX_SINGLE_UPLOAD_BYTES, MIN_PART_BYTES};
use crate::domain::{FileId, FileRecord, Invalid, UploadConstraints};
use crate::objects::{Part, PartTag, PresignedUrl, Replace};

const MIB: u64 = 1024 * 1024;

/// A part that nobody chose the size of: small enough to be sent again without regret.
const DEFAULT_PART_BYTES: u64 = 16 * MIB;

/// An upload in parts that has begun.
#[derive(Debug)]
pub struct Multipart {
    pub file_id: FileId,
    pub upload_id: String,
    pub part_bytes: u64,
    pub parts: u16,
}

impl Access {
    /// Begins an upload of `constraints.size_bytes` bytes, which have to be said.
    pub async fn begin_multipart(
        &self,
        constraints: &UploadConstraints,
        part_bytes: Option<u64>,
    ) -> Result<Multipart, Error> {
        let mut violations = self.service.settings.uploads.violations(constraints);
        let size_bytes = constraints.size_bytes.unwrap_or_default();
        let smallest = size_bytes
            .div_ceil(u64::from(MAX_PARTS))
            .max(MIN_PART_BYTES);
        let part_bytes =
            part_bytes.unwrap_or_else(|| smallest.max(DEFAULT_PART_BYTES).div_ceil(MIB) * MIB);
        if !(smallest..=MAX_SINGLE_UPLOAD_BYTES).contains(&part_bytes) {
            let message = format!("Input should be from {smallest} to {MAX_SINGLE_UPLOAD_BYTES}");
            violations.push(("part_size", Invalid::new("part_size", message)));
        }
        refuse(violations)?;
        let parts = size_bytes.div_ceil(part_bytes).max(1);
        let parts = u16::try_from(parts).unwrap_or(MAX_PARTS);
        let file_id = FileId::random(&*self.service.entropy);
        let key = self.object_key(file_id);
        let upload_id = self
            .service
            .objects
            .create_multipart(&key, constraints)
            .await?;
        Ok(Multipart {
            file_id,
            upload_id,
            part_bytes,
            parts,
        })
    }

    /// Returns a URL for each of these parts. Writes nothing and calls no storage.
    pub async fn part_urls(
        &self,
        file_id: FileId,
        upload_id: &str,
        numbers: &[u16],
        life: Option<Duration>,
    ) -> Result<Vec<PresignedUrl>, Error> {
        let key = self.object_key(file_id);
        let life = life.unwrap_or(self.service.settings.upload_url_life);
        let mut urls = Vec::with_capacity(numbers.len());
        for number in numbers {
            let objects = &self.service.objects;
            urls.push(objects.presign_part(&key, upload_id, *number, life).await?);
        }
        Ok(urls)
    }

    /// Returns the parts that storage has, all of them.
    pub async fn parts(&self, file_id: FileId, upload_id: &str) -> Result<Vec<Part>, Error> {
        let key = self.object_key(file_id);
        let mut parts = Vec::new();
        let mut after = 0;
        loop {
            let page = self.service.objects.parts(&key, upload_id, after).await?;
            let page = page.ok_or(Error::UploadNotFound { file_id })?;
            parts.extend(page.parts);
            match page.next {
                Some(next) if next > after => after = next,
                _ => return Ok(parts),
            }
        }
    }

    /// Makes the file out of the parts that are named, or of all that storage has. Completing again what
    /// is completed is no error.
    pub async fn complete_multipart(
        &self,
        file_id: FileId,
        upload_id: &str,
        named: Option<Vec<PartTag>>,
    ) -> Result<FileRecord, Error> {
        let key = self.object_key(file_id);
        let objects = &self.service.objects;
        let replace = if self.service.settings.uploads.once {
            Replace::No
        } else {
            Replace::Yes
        };
        match self.parts(file_id, upload_id).await {
            Ok(stored) => {
                let max_bytes = self.service.settings.uploads.max_bytes;
                if size_bytes(&stored, named.as_deref()) > max_bytes {
                    let reason = format!("is larger than {max_bytes} bytes");
                    return Err(Error::FileNotAllowed { file_id, reason });
                }
                let all = stored.into_iter().map(|part| PartTag {
                    number: part.number,
                    etag: part.etag,
                });
                let tags = named.unwrap_or_else(|| all.collect());
                // Another call may have been faster: then the file is there.
                let completed = objects.complete_multipart(&key, upload_id, &tags, replace);
                completed.await?;
            }
            Err(Error::UploadNotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let found = objects.head(&key, None).await?;
        let found = found.ok_or(Error::UploadNotFound { file_id })?;
        Ok(found.record())
    }

    /// Ends an upload and removes its parts; the file, where it was completed, stays.
    pub async fn abort_multipart(&self, file_id: FileId, upload_id: &str) -> Result<(), Error> {
        let key = self.object_key(file_id);
        Ok(self
            .service
            .objects
            .abort_multipart(&key, upload_id)
            .await?)
    }
}

/// Returns the size of the parts that are named, or of all. Storage refuses a name that is not there.
fn size_bytes(stored: &[Part], named: Option<&[PartTag]>) -> u64 {
    let Some(named) = named else {
        return stored.iter().map(|part| part.size_bytes).sum();
    };
    let sizes: HashMap<u16, u64> = stored
        .iter()
        .map(|part| (part.number, part.size_bytes))
        .collect();
    named.iter().filter_map(|tag| sizes.get(&tag.number)).sum()
}
