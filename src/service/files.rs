//! Presigned URLs for files, whose bytes never pass through the service.

use std::time::Duration;

use super::{Access, Error};
use crate::domain::file::limits::MAX_SINGLE_UPLOAD_BYTES;
use crate::domain::{
    ContentType, EventFile, EventId, FileId, FileName, FileRecord, Invalid, UploadConstraints,
    Violation,
};
use crate::objects::{
    DownloadOptions, FormConstraints, FormContentType, PresignedForm, PresignedUrl, Recorded,
    find_recorded,
};

/// A URL for uploading a new file.
#[derive(Debug)]
pub struct UploadUrl {
    pub presigned: PresignedUrl,
    pub file_id: FileId,
}

/// A form for uploading a new file.
#[derive(Debug)]
pub struct UploadForm {
    pub presigned: PresignedForm,
    pub file_id: FileId,
}

/// Requested constraints on a form upload. The operator's rules apply where one is missing.
#[derive(Debug, Default)]
pub struct FormRequest {
    pub min_bytes: Option<u64>,
    pub max_bytes: Option<u64>,
    pub content_type: Option<FormContentType>,
    pub checksum: Option<crate::domain::FileSha256>,
    pub file_name: Option<FileName>,
}

/// A URL for downloading a file of an event.
#[derive(Debug)]
pub struct DownloadUrl {
    pub presigned: PresignedUrl,
    pub file_id: FileId,
}

/// The way a browser presents a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Displays it, if browsers do not execute its type.
    Inline,
    /// Saves it.
    Attachment,
}

impl Access {
    /// Returns a URL for a new file. Writes nothing and sends no request to the storage.
    pub async fn upload_url(
        &self,
        mut constraints: UploadConstraints,
        life: Option<Duration>,
    ) -> Result<UploadUrl, Error> {
        let rules = &self.service.settings.uploads;
        let mut violations = rules.violations(&constraints);
        if rules.once {
            // A request without constraints is answered with a URL alone, but this one needs a header too.
            if life.is_none() && constraints == UploadConstraints::default() {
                violations.push(("once", Invalid::missing()));
            }
            constraints.once = true;
        }
        refuse_more_than_single(constraints.size_bytes, "content_length", &mut violations);
        refuse(violations)?;
        if let Some(bytes) = constraints.size_bytes {
            self.take_upload(bytes)?;
        }
        let file_id = FileId::random(&*self.service.entropy);
        let key = self.object_key(file_id);
        let life = life.unwrap_or(self.service.settings.upload_url_life);
        let presigned = self
            .service
            .objects
            .presign_put(&key, &constraints, life)
            .await?;
        Ok(UploadUrl { presigned, file_id })
    }

    /// Returns a form for a new file. Writes nothing and sends no request to the storage.
    pub async fn upload_form(
        &self,
        request: FormRequest,
        life: Option<Duration>,
    ) -> Result<UploadForm, Error> {
        let rules = &self.service.settings.uploads;
        let FormRequest {
            min_bytes,
            max_bytes,
            content_type,
            checksum,
            file_name,
        } = request;
        let max_bytes = max_bytes.unwrap_or(rules.max_bytes.min(MAX_SINGLE_UPLOAD_BYTES));
        let min_bytes = min_bytes.unwrap_or(0);
        // A form bounds the size, so its length counts as stated.
        let mut violations = rules.violations(&UploadConstraints {
            content_type: match &content_type {
                Some(FormContentType::Exactly(content_type)) => Some(content_type.clone()),
                _ => None,
            },
            size_bytes: Some(max_bytes),
            sha256: checksum,
            file_name: None,
            // The policy of a form cannot express it.
            once: false,
        });
        for (member, _) in &mut violations {
            if *member == "content_length" {
                *member = "max_length";
            }
        }
        if let Some(FormContentType::StartsWith(prefix)) = &content_type {
            violations.retain(|(member, _)| *member != "content_type");
            if !rules.allows_all(prefix) {
                violations.push(("content_type_prefix", rules.type_not_allowed()));
            }
        }
        refuse_more_than_single(Some(max_bytes), "max_length", &mut violations);
        if min_bytes > max_bytes {
            violations.push(("min_length", Invalid::at_most(max_bytes)));
        }
        refuse(violations)?;
        self.take_upload(max_bytes)?;
        let constraints = FormConstraints {
            min_bytes,
            max_bytes,
            content_type,
            sha256: checksum,
            file_name,
        };
        let file_id = FileId::random(&*self.service.entropy);
        let key = self.object_key(file_id);
        let life = life.unwrap_or(self.service.settings.upload_url_life);
        let presigned = self
            .service
            .objects
            .presign_form(&key, &constraints, life)
            .await?;
        Ok(UploadForm { presigned, file_id })
    }

    /// Returns a URL for a file that an event references: the one that is named, or the first.
    ///
    /// Fails with [`Error::FileChanged`] if the storage does not have the bytes that were recorded with the event.
    pub async fn download_url(
        &self,
        event_id: EventId,
        file_id: Option<FileId>,
        disposition: Option<Disposition>,
    ) -> Result<DownloadUrl, Error> {
        let event = self.service.store.event(&self.tenant, event_id).await?;
        let event = event.filter(|event| self.shows(event.record_id));
        let files = event.map(|event| event.files).unwrap_or_default();
        let mut files = files.into_iter();
        let file = files.find(|file| file_id.is_none_or(|file_id| file_id == file.id));
        let EventFile { id, record } = file.ok_or(Error::NoFile { event_id })?;
        let key = self.object_key(id);
        let mut version_id = None;
        if let Some(record) = &record {
            let found = match find_recorded(&*self.service.objects, &key, record).await? {
                Recorded::Same(info) => Ok(info),
                Recorded::Other(info) => Err(Some(info.record())),
                Recorded::Missing => Err(None),
            };
            let found = found.map_err(|found| {
                metrics::counter!("event_history_changed_files_total").increment(1);
                Error::file_changed(id, record.clone(), found)
            })?;
            // The storage's own: a copied file has other versions than were recorded.
            let recorded = record.version_id.as_ref();
            version_id = recorded.and(found.version_id);
        }
        let options = DownloadOptions {
            version_id,
            ..download_options(record.as_ref(), disposition)
        };
        let life = self.service.settings.download_url_life;
        let presigned = self
            .service
            .objects
            .presign_get(&key, &options, life)
            .await?;
        Ok(DownloadUrl {
            presigned,
            file_id: id,
        })
    }
}

/// Describes the metrics of this layer.
pub(super) fn describe_metrics() {
    metrics::describe_counter!(
        "event_history_changed_files_total",
        "Downloads refused because the storage no longer had what was recorded with the event"
    );
}

pub(super) fn refuse(violations: Vec<Violation>) -> Result<(), Error> {
    if violations.is_empty() {
        return Ok(());
    }
    Err(Error::UploadRefused(violations))
}

fn refuse_more_than_single(
    size_bytes: Option<u64>,
    member: &'static str,
    violations: &mut Vec<Violation>,
) {
    let is_known = violations.iter().any(|(known, _)| *known == member);
    if !is_known && size_bytes.is_some_and(|it| it > MAX_SINGLE_UPLOAD_BYTES) {
        let max = format!("{MAX_SINGLE_UPLOAD_BYTES}; a larger file takes an upload in parts");
        violations.push((member, Invalid::at_most(max)));
    }
}

/// The type of unknown content, which browsers save.
const OCTET_STREAM: &str = "application/octet-stream";

/// Returns how a recorded file is served: with its name and type, unless browsers might execute the type. Without a
/// name and a requested disposition, the object's own headers apply.
fn download_options(
    record: Option<&FileRecord>,
    disposition: Option<Disposition>,
) -> DownloadOptions {
    let file_name = record.and_then(|record| record.file_name.as_ref());
    let content_type = record.and_then(|record| record.content_type.as_ref());
    let mut options = DownloadOptions::default();
    if file_name.is_none() && disposition.is_none() {
        return options;
    }
    let can_display = content_type.is_some_and(ContentType::is_displayable);
    let kind = match disposition {
        Some(Disposition::Inline) if can_display => "inline",
        _ => "attachment",
    };
    options.content_disposition = Some(match file_name {
        Some(name) => name.disposition(kind),
        None => kind.to_owned(),
    });
    let content_type = content_type.filter(|it| !it.is_executable());
    options.content_type =
        Some(content_type.map_or_else(|| OCTET_STREAM.to_owned(), ToString::to_string));
    options
}

#[cfg(test)]
mod tests {
    use super::{Disposition, download_options};
    use crate::domain::{ContentType, FileName, FileRecord};

    #[test]
    fn only_harmless_types_are_displayed() {
        let record = |content_type: &str| FileRecord {
            content_type: ContentType::parse(content_type).ok(),
            file_name: FileName::parse("a b.x").ok(),
            ..FileRecord::default()
        };
        for (content_type, kind, shown) in [
            ("application/pdf", "inline", "application/pdf"),
            ("Image/PNG", "inline", "Image/PNG"),
            ("application/zip", "attachment", "application/zip"),
            ("text/html", "attachment", "application/octet-stream"),
            ("image/svg+xml", "attachment", "application/octet-stream"),
            ("TEXT/HTML; a=b", "attachment", "application/octet-stream"),
            ("text/javascript", "attachment", "application/octet-stream"),
        ] {
            let options = download_options(Some(&record(content_type)), Some(Disposition::Inline));
            assert_eq!(options.content_type.as_deref(), Some(shown));
            let expected = format!("{kind}; filename=\"a b.x\"");
            assert_eq!(options.content_disposition.as_deref(), Some(&*expected));
        }
    }
}
