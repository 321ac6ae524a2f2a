//! Resumable multipart uploads, also for files of more than 5 GiB.
//!
//! The service stores nothing about an upload, which is identified by its id and the file's key.

use std::collections::HashMap;
use std::time::Duration;

use super::files::refuse;
use super::{Access, Error};
use crate::domain::file::limits::{MAX_PARTS, MAX_SINGLE_UPLOAD_BYTES, MIN_PART_BYTES};
use crate::domain::{FileId, FileRecord, Invalid, UploadConstraints};
use crate::objects::{Part, PartTag, PresignedUrl, Replace};

const MIB: u64 = 1024 * 1024;

/// The default size of a part, small enough to be sent again.
const DEFAULT_PART_BYTES: u64 = 16 * MIB;

/// A multipart upload that was started.
#[derive(Debug)]
pub struct MultipartUpload {
    pub file_id: FileId,
    pub upload_id: String,
    pub part_bytes: u64,
    pub parts: u16,
}

impl Access {
    /// Starts an upload. `constraints.size_bytes` is required.
    pub async fn begin_multipart(
        &self,
        constraints: &UploadConstraints,
        part_bytes: Option<u64>,
    ) -> Result<MultipartUpload, Error> {
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
        self.take_upload(size_bytes)?;
        let parts = size_bytes.div_ceil(part_bytes).max(1);
        let parts = u16::try_from(parts).unwrap_or(MAX_PARTS);
        let file_id = FileId::random(&*self.service.entropy);
        let key = self.object_key(file_id);
        let upload_id = self
            .service
            .objects
            .create_multipart(&key, constraints)
            .await?;
        Ok(MultipartUpload {
            file_id,
            upload_id,
            part_bytes,
            parts,
        })
    }

    /// Returns a URL for each of these parts. Writes nothing and sends no request to the storage.
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

    /// Returns all uploaded parts.
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

    /// Completes an upload from the named parts, or from all uploaded ones. Idempotent.
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
                // If another call was faster, the file exists.
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

    /// Aborts an upload and removes its parts. A completed file stays.
    pub async fn abort_multipart(&self, file_id: FileId, upload_id: &str) -> Result<(), Error> {
        let key = self.object_key(file_id);
        let objects = &self.service.objects;
        Ok(objects.abort_multipart(&key, upload_id).await?)
    }
}

/// Returns the size of the named parts, or of all. The storage rejects unknown parts.
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
