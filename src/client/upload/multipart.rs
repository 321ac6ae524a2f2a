//! Multipart uploads: several parts at once, each streamed, resumed if an earlier run was stopped.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::MultipartRules;
use super::resume_file::{Content, ResumeFile, StartedUpload};
use crate::client::local_file::{FileDigests, LocalFile};
use crate::client::progress::{Phase, Progress};
use crate::client::upload_body::FileRange;
use crate::client::{Client, Error};

const MIB: u64 = 1024 * 1024;

/// Small enough that sending a part again costs little.
const DEFAULT_PART_BYTES: u64 = 16 * MIB;

/// Source: Amazon S3 user guide, "Amazon S3 multipart upload limits".
const MAX_PARTS: u64 = 10_000;

/// Enough to use a link across an ocean. Each part takes a chunk of memory and a connection.
const CONCURRENT_PARTS: usize = 4;

/// Entity tags by part number.
type Tags = BTreeMap<u16, String>;

/// A started upload, the digests of its file, and the parts that storage has.
type Resumable = (StartedUpload, FileDigests, Tags);

impl Client {
    /// Uploads a file in parts. Returns its id, and the file that remembers the upload until an event references it.
    pub(super) async fn upload_in_parts(
        &self,
        file: &LocalFile,
        rules: &MultipartRules,
        progress: &Progress,
    ) -> Result<(String, ResumeFile), Error> {
        let state_folder = rules.state_folder.as_deref().ok_or_else(|| {
            let text = "no home folder to remember a multipart upload in: pass --state-dir";
            Error::Other(text.to_owned())
        })?;
        let resume_file = ResumeFile::new(state_folder, self.api.destination(), &file.path);
        let resumed = match resume_file.read()? {
            Some(started) => self.resume(file, started, progress).await?,
            None => None,
        };
        let (upload, digests, tags) = match resumed {
            Some(resumed) => resumed,
            None => self.start(file, rules, progress).await?,
        };
        resume_file.write(&upload)?;
        if upload.is_complete {
            return Ok((upload.file_id, resume_file));
        }
        // After any other failure the parts stay: the next run resumes the upload, or finds that it cannot.
        let outcome = self.send_and_complete(file, &digests, &upload, tags, progress);
        if let Err(error) = outcome.await {
            if matches!(error, Error::FileChanged(_)) {
                resume_file.remove()?;
                self.discard(&upload).await;
            }
            return Err(error);
        }
        resume_file.write(&StartedUpload {
            is_complete: true,
            ..upload.clone()
        })?;
        Ok((upload.file_id, resume_file))
    }

    /// Aborts an upload that is of no more use.
    async fn discard(&self, upload: &StartedUpload) {
        let aborted = self.api.abort(&upload.file_id, &upload.upload_id).await;
        if let Err(error) = aborted {
            tracing::warn!("the parts remain in storage: {error}");
        }
    }

    /// Returns an upload that an earlier run started, and the parts of it that storage has; `None` if it cannot be
    /// resumed.
    async fn resume(
        &self,
        file: &LocalFile,
        upload: StartedUpload,
        progress: &Progress,
    ) -> Result<Option<Resumable>, Error> {
        let digests = file.digests(upload.part_bytes, progress).await?;
        if upload.content != content(file, &digests) {
            tracing::warn!(
                "'{}' has changed since its upload started: starting over",
                file.path.display()
            );
            self.discard(&upload).await;
            return Ok(None);
        }
        if !upload.is_complete
            && let Some(stored) = self.api.parts(&upload.file_id, &upload.upload_id).await?
        {
            let is_whole = |number: u16, size_bytes: u64| {
                part_range(file, &digests, upload.part_bytes, number)
                    .is_some_and(|it| it.bytes == size_bytes)
            };
            let tags = stored
                .into_iter()
                .filter(|part| is_whole(part.part_number, part.size_bytes))
                .map(|part| (part.part_number, part.etag));
            let tags = tags.collect();
            return Ok(Some((upload, digests, tags)));
        }
        // The upload has ended. Its file exists unless it was aborted, or was removed since: no event references it.
        let record = self
            .api
            .complete(&upload.file_id, &upload.upload_id, &[])
            .await?;
        let is_same = record.is_some_and(|record| record.size_bytes == file.size_bytes);
        let completed = StartedUpload {
            is_complete: true,
            ..upload
        };
        Ok(is_same.then(|| (completed, digests, Tags::new())))
    }

    async fn start(
        &self,
        file: &LocalFile,
        rules: &MultipartRules,
        progress: &Progress,
    ) -> Result<Resumable, Error> {
        let part_bytes = rules
            .part_bytes
            .unwrap_or_else(|| part_bytes(file.size_bytes));
        let digests = file.digests(part_bytes, progress).await?;
        let answer = self
            .api
            .create_multipart(file, digests.sha256, part_bytes)
            .await?;
        if answer.part_size != part_bytes {
            return Err(Error::Answer {
                request: "multipart",
                cause: "its parts have another size than requested".into(),
            });
        }
        let upload = StartedUpload {
            path: file.path.clone(),
            file_id: answer.file_id,
            upload_id: answer.upload_id,
            part_bytes,
            content: content(file, &digests),
            is_complete: false,
        };
        Ok((upload, digests, Tags::new()))
    }

    async fn send_and_complete(
        &self,
        file: &LocalFile,
        digests: &FileDigests,
        upload: &StartedUpload,
        mut tags: Tags,
        progress: &Progress,
    ) -> Result<(), Error> {
        let ranges = |number| part_range(file, digests, upload.part_bytes, number);
        let stored_bytes = tags.keys().filter_map(|it| ranges(*it)).map(|it| it.bytes);
        let name = file.name.as_str();
        progress.begin(Phase::Uploading, name, file.size_bytes, stored_bytes.sum());
        let missing = (1..=u16::MAX)
            .map_while(|number| Some((number, ranges(number)?)))
            .filter(|(number, _)| !tags.contains_key(number));
        let missing: Vec<_> = missing.collect();
        let sent = futures_util::stream::iter(missing)
            .map(|(number, range)| self.send_part(file, upload, number, range, progress))
            .buffer_unordered(CONCURRENT_PARTS)
            .try_collect::<Tags>();
        tags.append(&mut sent.await?);
        let parts: Vec<Value> = tags
            .iter()
            .map(|(number, etag)| json!({"part_number": number, "etag": etag}))
            .collect();
        let record = self
            .api
            .complete(&upload.file_id, &upload.upload_id, &parts)
            .await?;
        let size_bytes = record.map(|record| record.size_bytes);
        if size_bytes != Some(file.size_bytes) {
            let text = "storage did not assemble the file from its parts: try again";
            return Err(Error::Other(text.to_owned()));
        }
        Ok(())
    }

    async fn send_part(
        &self,
        file: &LocalFile,
        upload: &StartedUpload,
        number: u16,
        range: FileRange,
        progress: &Progress,
    ) -> Result<(u16, String), Error> {
        let StartedUpload {
            file_id, upload_id, ..
        } = upload;
        let attempt = || async move {
            let url = self.api.part_url(file_id, upload_id, number).await?;
            let storage = &self.storage;
            storage.put(&url, &[], &file.path, range, progress).await
        };
        let etag = self.retry.run("upload a part", attempt).await?;
        Ok((number, etag))
    }
}

fn content(file: &LocalFile, digests: &FileDigests) -> Content {
    Content {
        size_bytes: file.size_bytes,
        sha256: digests.sha256.to_string(),
        name: file.name.as_str().to_owned(),
        media_type: file.content_type.as_ref().map(ToString::to_string),
    }
}

/// Returns the size of the parts of a file of `size_bytes`, in whole mebibytes.
fn part_bytes(size_bytes: u64) -> u64 {
    let smallest = size_bytes.div_ceil(MAX_PARTS);
    smallest.max(DEFAULT_PART_BYTES).div_ceil(MIB) * MIB
}

/// Returns the range of a part; `None` after the last one.
fn part_range(
    file: &LocalFile,
    digests: &FileDigests,
    part_bytes: u64,
    number: u16,
) -> Option<FileRange> {
    let index = number.checked_sub(1)?;
    let sha256 = *digests.parts.get(usize::from(index))?;
    let offset = u64::from(index) * part_bytes;
    Some(FileRange {
        offset,
        bytes: part_bytes.min(file.size_bytes - offset),
        sha256,
    })
}
