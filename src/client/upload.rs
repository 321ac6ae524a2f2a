//! Files go up, and then the event that references them.

use serde_json::Value;

use super::body::Piece;
use super::file::LocalFile;
use super::progress::{Phase, Progress};
use super::resume::Memory;
use super::retry::patiently;
use super::{Client, Error, NewEvent, NewFile, PartRules};
use crate::domain::EventId;
use crate::domain::file::limits::MAX_SINGLE_UPLOAD_BYTES;

impl Client {
    /// Uploads files and stores one event that references all of them. When this returns, the event is
    /// durable, and storage has acknowledged every byte.
    ///
    /// An event that [may exist](NewEvent::may_exist), and does, with these very files, is left as it is.
    pub async fn upload(
        &self,
        files: &[NewFile],
        event: &NewEvent,
        rules: &PartRules,
        progress: &Progress,
    ) -> Result<(), Error> {
        let mut local = Vec::new();
        for file in files {
            local.push(LocalFile::look(file).await?);
        }
        if event.may_exist && self.exists(event.id, &local, progress).await? {
            return Ok(());
        }
        let (mut file_ids, mut memories) = (Vec::new(), Vec::new());
        for file in &local {
            let (file_id, memory) = self.upload_file(file, rules, progress).await?;
            file_ids.push(file_id);
            memories.extend(memory);
        }
        progress.begin(Phase::Asking, "", 0, 0);
        self.api.create_event(&event.detail(&file_ids)).await?;
        memories.iter().try_for_each(Memory::forget)
    }

    async fn upload_file(
        &self,
        file: &LocalFile,
        rules: &PartRules,
        progress: &Progress,
    ) -> Result<(String, Option<Memory>), Error> {
        if file.size_bytes > rules.above_bytes.min(MAX_SINGLE_UPLOAD_BYTES) {
            let (file_id, memory) = self.upload_in_parts(file, rules, progress).await?;
            return Ok((file_id, Some(memory)));
        }
        let print = file.fingerprint(u64::MAX, progress).await?;
        let piece = Piece {
            offset: 0,
            bytes: file.size_bytes,
            sha256: print.sha256,
        };
        progress.begin(Phase::Uploading, file.name.as_str(), file.size_bytes, 0);
        let attempt = || async {
            let upload = self.api.upload_url(file, print.sha256).await?;
            let headers = upload.headers.iter();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let headers: Vec<_> = headers.map(|(name, it)| (name.clone(), text(it))).collect();
            let url = &upload.url;
            self.storage
                .put(url, &headers, &file.path, piece, progress)
                .await?;
            Ok(upload.file_id)
        };
        Ok((patiently(self.storage.patience, attempt).await?, None))
    }

    /// Tells whether the event is there with these files; one with others is an error.
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
            let print = file.fingerprint(u64::MAX, progress).await?;
            let record = &recorded.record;
            is_same &= record.size_bytes == file.size_bytes
                && record
                    .sha256
                    .as_ref()
                    .is_none_or(|it| *it == print.sha256.to_string())
                && record
                    .file_name
                    .as_ref()
                    .is_none_or(|it| it == file.name.as_str());
        }
        if is_same {
            return Ok(true);
        }
        Err(Error::NotSo(format!(
            "event '{event_id}' is there already, with other files: choose another --event-id"
        )))
    }
}
