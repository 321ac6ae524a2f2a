//! Uploads in parts: several at once, each streamed, and gone on with where an earlier run was stopped.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::body::Piece;
use super::file::{Fingerprint, LocalFile};
use super::progress::{Phase, Progress};
use super::resume::{Begun, Content, Memory};
use super::retry::patiently;
use super::{Client, Error, PartRules};

const MIB: u64 = 1024 * 1024;

/// Small enough to be sent again without regret.
const DEFAULT_PART_BYTES: u64 = 16 * MIB;

/// Source: Amazon S3 user guide, "Amazon S3 multipart upload limits".
const MAX_PARTS: u64 = 10_000;

/// Enough to fill a link across an ocean; each takes a chunk of memory and a connection.
const PARTS_IN_FLIGHT: usize = 4;

/// Entity tags by part number.
type Tags = BTreeMap<u16, String>;

impl Client {
    /// Uploads a file in parts and returns its id, and where the upload is remembered until an event
    /// references it.
    pub(super) async fn upload_in_parts(
        &self,
        file: &LocalFile,
        rules: &PartRules,
        progress: &Progress,
    ) -> Result<(String, Memory), Error> {
        let state_folder = rules.state_folder.as_deref().ok_or_else(|| {
            let text = "no home to remember an upload in parts in: give --state-dir";
            Error::NotSo(text.to_owned())
        })?;
        let whose = [self.api.url(), &self.api.client_id];
        let memory = Memory::new(state_folder, whose, &file.path);
        let remembered = memory.read()?;
        let part_bytes = match &remembered {
            Some(begun) => begun.part_bytes,
            None => rules
                .part_bytes
                .unwrap_or_else(|| part_bytes(file.size_bytes)),
        };
        let print = file.fingerprint(part_bytes, progress).await?;
        let (begun, tags) = match self.go_on(file, &print, remembered).await? {
            Some(on) => on,
            None => self.begin(file, &print, part_bytes).await?,
        };
        memory.write(&begun)?;
        if begun.is_complete {
            return Ok((begun.file_id, memory));
        }
        let outcome = self.send_and_complete(file, &print, &begun, tags, progress);
        if let Err(error) = outcome.await {
            if !error.may_pass() {
                // Nothing comes of these parts any more.
                memory.forget()?;
                let aborted = self.api.abort(&begun.file_id, &begun.upload_id).await;
                if let Err(error) = aborted {
                    tracing::warn!("the parts stay in storage: {error}");
                }
            }
            return Err(error);
        }
        memory.write(&Begun {
            is_complete: true,
            ..begun.clone()
        })?;
        Ok((begun.file_id, memory))
    }

    /// Returns an upload that an earlier run began, and the parts of it that storage has.
    async fn go_on(
        &self,
        file: &LocalFile,
        print: &Fingerprint,
        remembered: Option<Begun>,
    ) -> Result<Option<(Begun, Tags)>, Error> {
        let Some(begun) = remembered else {
            return Ok(None);
        };
        if begun.content != content(file, print) {
            tracing::warn!(
                "'{}' is not what an earlier upload began with: beginning anew",
                file.path.display()
            );
            self.api.abort(&begun.file_id, &begun.upload_id).await?;
            return Ok(None);
        }
        if begun.is_complete {
            return Ok(Some((begun, Tags::new())));
        }
        if let Some(stored) = self.api.parts(&begun.file_id, &begun.upload_id).await? {
            let is_whole = |number: u16, size_bytes: u64| {
                piece(file, print, begun.part_bytes, number)
                    .is_some_and(|it| it.bytes == size_bytes)
            };
            let tags = stored
                .into_iter()
                .filter(|part| is_whole(part.part_number, part.size_bytes))
                .map(|part| (part.part_number, part.etag));
            let tags = tags.collect();
            return Ok(Some((begun, tags)));
        }
        // The upload is over: completed, with the answer lost, or given up.
        let record = self
            .api
            .complete(&begun.file_id, &begun.upload_id, &[])
            .await?;
        let is_file = record.is_some_and(|record| record.size_bytes == file.size_bytes);
        Ok(is_file.then(|| {
            let is_complete = true;
            (
                Begun {
                    is_complete,
                    ..begun
                },
                Tags::new(),
            )
        }))
    }

    async fn begin(
        &self,
        file: &LocalFile,
        print: &Fingerprint,
        part_bytes: u64,
    ) -> Result<(Begun, Tags), Error> {
        let answer = self
            .api
            .begin_multipart(file, print.sha256, part_bytes)
            .await?;
        if answer.part_size != part_bytes {
            return Err(Error::Answer {
                request: "multipart",
                cause: "its parts are of another size than was asked for".into(),
            });
        }
        let begun = Begun {
            path: file.path.clone(),
            file_id: answer.file_id,
            upload_id: answer.upload_id,
            part_bytes,
            content: content(file, print),
            is_complete: false,
        };
        Ok((begun, Tags::new()))
    }

    async fn send_and_complete(
        &self,
        file: &LocalFile,
        print: &Fingerprint,
        begun: &Begun,
        mut tags: Tags,
        progress: &Progress,
    ) -> Result<(), Error> {
        let pieces = |number| piece(file, print, begun.part_bytes, number);
        let stored_bytes = tags.keys().filter_map(|it| pieces(*it)).map(|it| it.bytes);
        let name = file.name.as_str();
        progress.begin(Phase::Uploading, name, file.size_bytes, stored_bytes.sum());
        let missing = (1..=u16::MAX)
            .map_while(|number| Some((number, pieces(number)?)))
            .filter(|(number, _)| !tags.contains_key(number));
        let missing: Vec<_> = missing.collect();
        let sent = futures_util::stream::iter(missing)
            .map(|(number, piece)| self.send_part(file, begun, number, piece, progress))
            .buffer_unordered(PARTS_IN_FLIGHT)
            .try_collect::<Tags>();
        tags.append(&mut sent.await?);
        let parts: Vec<Value> = tags
            .iter()
            .map(|(number, etag)| json!({"part_number": number, "etag": etag}))
            .collect();
        let record = self
            .api
            .complete(&begun.file_id, &begun.upload_id, &parts)
            .await?;
        let size_bytes = record.map(|record| record.size_bytes);
        if size_bytes != Some(file.size_bytes) {
            let text = "storage did not make the file out of its parts: try again";
            return Err(Error::NotSo(text.to_owned()));
        }
        Ok(())
    }

    async fn send_part(
        &self,
        file: &LocalFile,
        begun: &Begun,
        number: u16,
        piece: Piece,
        progress: &Progress,
    ) -> Result<(u16, String), Error> {
        let Begun {
            file_id, upload_id, ..
        } = begun;
        let attempt = || async move {
            let url = self.api.part_url(file_id, upload_id, number).await?;
            let storage = &self.storage;
            storage.put(&url, &[], &file.path, piece, progress).await
        };
        let etag = patiently(self.storage.patience, attempt).await?;
        Ok((number, etag))
    }
}

fn content(file: &LocalFile, print: &Fingerprint) -> Content {
    Content {
        size_bytes: file.size_bytes,
        sha256: print.sha256.to_string(),
        name: file.name.as_str().to_owned(),
        media_type: file.content_type.as_ref().map(ToString::to_string),
    }
}

/// Returns the size of parts for a file of so many bytes, in whole mebibytes.
fn part_bytes(size_bytes: u64) -> u64 {
    let smallest = size_bytes.div_ceil(MAX_PARTS);
    smallest.max(DEFAULT_PART_BYTES).div_ceil(MIB) * MIB
}

/// Returns where a part lies; `None` behind the last one.
fn piece(file: &LocalFile, print: &Fingerprint, part_bytes: u64, number: u16) -> Option<Piece> {
    let index = number.checked_sub(1)?;
    let sha256 = *print.parts.get(usize::from(index))?;
    let offset = u64::from(index) * part_bytes;
    Some(Piece {
        offset,
        bytes: part_bytes.min(file.size_bytes - offset),
        sha256,
    })
}
