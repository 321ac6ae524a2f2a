//! The column `files` of an event: its files as JSON text, the same in every backend.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{ContentType, EventFile, FileId, FileName, FileRecord, FileSha256};

/// One file. Members without a value are omitted.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileJson {
    file_id: Uuid,
    /// Missing: nothing but the id is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_name: Option<String>,
}

/// Returns the text to store next to the id of the first file; `None` if nothing but that id is recorded.
pub(super) fn encode(files: &[EventFile]) -> Option<String> {
    let is_plain = matches!(files, [] | [EventFile { record: None, .. }]);
    if is_plain {
        return None;
    }
    let written: Vec<FileJson> = files.iter().map(write).collect();
    serde_json::to_string(&written).ok() // strings and numbers never fail
}

/// Returns the files that [`encode`] wrote, or the one whose id is all that is recorded. An error says what is wrong with
/// the text.
pub(super) fn decode(text: Option<&str>, file_id: Option<Uuid>) -> Result<Vec<EventFile>, String> {
    let Some(text) = text else {
        let file = file_id.map(|id| EventFile {
            id: FileId::from_uuid(id),
            record: None,
        });
        return Ok(file.into_iter().collect());
    };
    let written: Vec<FileJson> = serde_json::from_str(text)
        .map_err(|error| format!("its files are not valid JSON: {error}"))?;
    written.into_iter().map(read).collect()
}

fn write(file: &EventFile) -> FileJson {
    let EventFile { id, record } = file;
    let Some(record) = record else {
        return FileJson {
            file_id: id.uuid(),
            size_bytes: None,
            content_type: None,
            sha256: None,
            etag: None,
            version_id: None,
            file_name: None,
        };
    };
    let FileRecord {
        size_bytes,
        content_type,
        sha256,
        etag,
        version_id,
        file_name,
    } = record;
    FileJson {
        file_id: id.uuid(),
        size_bytes: Some(*size_bytes),
        content_type: content_type.as_ref().map(ToString::to_string),
        sha256: sha256.map(|sha256| sha256.to_string()),
        etag: etag.clone(),
        version_id: version_id.clone(),
        file_name: file_name.as_ref().map(|name| name.as_str().to_owned()),
    }
}

fn read(json: FileJson) -> Result<EventFile, String> {
    let FileJson {
        file_id,
        size_bytes,
        content_type,
        sha256,
        etag,
        version_id,
        file_name,
    } = json;
    let id = FileId::from_uuid(file_id);
    let Some(size_bytes) = size_bytes else {
        return Ok(EventFile { id, record: None });
    };
    let invalid = |what: &str| format!("the {what} of its file {id} is invalid");
    let content_type = content_type.map(|text| ContentType::parse(&text));
    let sha256 = sha256.map(|text| FileSha256::from_hex(&text).ok_or_else(|| invalid("SHA-256")));
    let file_name = file_name.map(|text| FileName::parse(&text));
    let record = FileRecord {
        size_bytes,
        content_type: content_type.transpose().map_err(|_| invalid("type"))?,
        sha256: sha256.transpose()?,
        etag,
        version_id,
        file_name: file_name.transpose().map_err(|_| invalid("name"))?,
    };
    Ok(EventFile {
        id,
        record: Some(record),
    })
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};
    use crate::domain::FileId;
    use crate::store::samples::{Random, file};

    #[test]
    fn files_round_trip() {
        let mut random = Random::seeded(3);
        let mut files = Vec::new();
        for length in 0..20 {
            let text = encode(&files);
            let first = files.first().map(|file: &crate::domain::EventFile| file.id);
            let read = decode(text.as_deref(), first.as_ref().map(FileId::uuid));
            assert_eq!(read.as_ref(), Ok(&files), "{length} {text:?}");
            files.push(file(&mut random));
        }
        for text in ["", "{}", "[{}]", "[{\"file_id\":\"x\"}]"] {
            assert!(decode(Some(text), None).is_err(), "{text}");
        }
    }
}
