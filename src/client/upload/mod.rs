//! Uploads files, and then stores the event that references them.

mod multipart;
mod resume_file;

use std::path::PathBuf;

use serde_json::Value;

use super::local_file::LocalFile;
use super::progress::{Phase, Progress};
use super::upload_body::FileRange;
use super::{Client, Error, NewEvent, NewFile};
use crate::domain::EventId;
use crate::domain::file::limits::MAX_SINGLE_UPLOAD_BYTES;
use resume_file::ResumeFile;

/// When and how files are uploaded in parts.
#[derive(Debug, Clone)]
pub struct MultipartRules {
    /// Larger files are uploaded in parts, and so are those that are too large for a single PUT.
    pub above_bytes: u64,
    /// `None`: as small as is sensible.
    pub part_bytes: Option<u64>,
    /// Where started uploads are remembered; `None`: no folder was given, and there is no home folder.
    pub state_folder: Option<PathBuf>,
}

impl Client {
    /// Uploads files and stores one event that references all of them. When this returns, the event is
    /// durable, and storage has acknowledged every byte.
    ///
    /// An event that [may exist](NewEvent::may_exist), and does with the same files, is left unchanged.
    pub async fn upload(
        &self,
        files: &[NewFile],
        event: &NewEvent,
        rules: &MultipartRules,
        progress: &Progress,
    ) -> Result<(), Error> {
        let mut local = Vec::new();
        for file in files {
            local.push(LocalFile::open(file).await?);
        }
        if event.may_exist && self.exists(event.id, &local, progress).await? {
            return Ok(());
        }
        let (mut file_ids, mut resume_files) = (Vec::new(), Vec::new());
        for file in &local {
            let (file_id, resume_file) = self.upload_file(file, rules, progress).await?;
            file_ids.push(file_id);
            resume_files.extend(resume_file);
        }
        progress.begin(Phase::CallingService, "", 0, 0);
        self.api.create_event(&event.detail(&file_ids)).await?;
        resume_files.iter().try_for_each(ResumeFile::remove)
    }

    async fn upload_file(
        &self,
        file: &LocalFile,
        rules: &MultipartRules,
        progress: &Progress,
    ) -> Result<(String, Option<ResumeFile>), Error> {
        if file.size_bytes > rules.above_bytes.min(MAX_SINGLE_UPLOAD_BYTES) {
            let (file_id, resume_file) = self.upload_in_parts(file, rules, progress).await?;
            return Ok((file_id, Some(resume_file)));
        }
        let digests = file.digests(u64::MAX, progress).await?;
        let range = FileRange {
            offset: 0,
            bytes: file.size_bytes,
            sha256: digests.sha256,
        };
        progress.begin(Phase::Uploading, file.name.as_str(), file.size_bytes, 0);
        let attempt = || async {
            let upload = self.api.upload_url(file, digests.sha256).await?;
            let headers = upload.headers.iter();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let headers: Vec<_> = headers.map(|(name, it)| (name.clone(), text(it))).collect();
            let url = &upload.url;
            self.storage
                .put(url, &headers, &file.path, range, progress)
                .await?;
            Ok(upload.file_id)
        };
        Ok((self.retry.run("upload the file", attempt).await?, None))
    }

    /// Tells whether the event exists with these files. It is an error if it has others.
    async fn exists(
        &self,
        event_id: EventId,
        local: &[LocalFile],
        progress: &Progress,
    ) -> Result<bool, Error> {
        let Some(event) = self.api.event(event_id).await? else {
            return Ok(false);
        };
        let recorded = event.files();
        let mut is_same = recorded.len() == local.len();
        for (file, recorded) in local.iter().zip(&recorded) {
            if !is_same {
                break;
            }
            let digests = file.digests(u64::MAX, progress).await?;
            let record = &recorded.record;
            is_same &= record.size_bytes == file.size_bytes
                && record
                    .sha256
                    .as_ref()
                    .is_none_or(|it| *it == digests.sha256.to_string())
                && record
                    .file_name
                    .as_ref()
                    .is_none_or(|it| it == file.name.as_str());
        }
        if is_same {
            return Ok(true);
        }
        Err(Error::Other(format!(
            "event '{event_id}' already exists with other files: choose another --event-id"
        )))
    }
}
