//! A digest of a whole history, for comparing two copies of it.

use std::fmt;

use sha2::{Digest, Sha256};

use super::{Event, EventFile, FileRecord};

/// Hashes the events of one tenant in the total order, oldest first.
#[derive(Debug, Default, Clone)]
pub struct HistoryDigest {
    sha256: Sha256,
    events: u64,
}

/// The number of events of a history, and the SHA-256 over all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistorySum {
    pub events: u64,
    pub sha256: [u8; 32],
}

impl HistoryDigest {
    /// Adds the next event: every field as it is stored, preceded by its length, so that different histories never hash
    /// the same bytes.
    pub fn add(&mut self, event: &Event) {
        let Event {
            id,
            time,
            event_type_id,
            record_id,
            source_id,
            source_type_id,
            source_name,
            source_info,
            data,
            files,
            received_at,
            redactions,
        } = event;
        self.field(id.uuid().as_bytes());
        self.field(&time.micros().to_le_bytes());
        self.field(&[time.digits()]);
        self.field(&event_type_id.to_le_bytes());
        self.field(&record_id.to_le_bytes());
        self.field(&source_id.to_le_bytes());
        self.field(&source_type_id.to_le_bytes());
        self.field(source_name.as_bytes());
        self.field(source_info.as_bytes());
        self.field(data.as_str().as_bytes());
        match files.as_slice() {
            [] => self.field(&[]),
            [EventFile { id, record: None }] => self.field(id.uuid().as_bytes()),
            files => self.field(&encode(files)),
        }
        if let Some(received_at) = received_at {
            self.field(&received_at.micros().to_le_bytes());
        }
        if let Some(redactions) = redactions.encode() {
            self.field(redactions.as_bytes());
        }
        self.events += 1;
    }

    pub fn finish(self) -> HistorySum {
        let Self { sha256, events } = self;
        HistorySum {
            events,
            sha256: sha256.finalize().into(),
        }
    }

    fn field(&mut self, bytes: &[u8]) {
        self.sha256.update((bytes.len() as u64).to_le_bytes());
        self.sha256.update(bytes);
    }
}

/// Encodes all records of files, each part preceded by its length. The result is never the 16 bytes of an id.
fn encode(files: &[EventFile]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut part = |part: Option<&[u8]>| {
        bytes.push(u8::from(part.is_some()));
        let part = part.unwrap_or_default();
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part);
    };
    for EventFile { id, record } in files {
        part(Some(id.uuid().as_bytes()));
        let Some(record) = record else {
            part(None);
            continue;
        };
        let FileRecord {
            size_bytes,
            content_type,
            sha256,
            etag,
            version_id,
            file_name,
        } = record;
        part(Some(&size_bytes.to_le_bytes()));
        part(content_type.as_ref().map(|it| it.as_str().as_bytes()));
        part(sha256.as_ref().map(|it| it.bytes().as_slice()));
        part(etag.as_deref().map(str::as_bytes));
        part(version_id.as_deref().map(str::as_bytes));
        part(file_name.as_ref().map(|it| it.as_str().as_bytes()));
    }
    bytes
}

impl fmt::Display for HistorySum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, sha256 } = self;
        write!(f, "{events} events, sha256 {}", hex::encode(sha256))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{HistoryDigest, HistorySum};
    use crate::domain::{
        ContentType, Event, EventData, EventFile, EventId, EventTime, FileId, FileName, FileRecord,
        FileSha256, ReceivedAt, Redactions,
    };

    fn event() -> Event {
        Event {
            id: EventId::from_uuid(Uuid::from_u128(1)),
            time: EventTime::from_parts(1_668_075_972_111_000, 3).unwrap(),
            event_type_id: 9,
            record_id: 42,
            source_id: 7,
            source_type_id: 1,
            source_name: "ab".to_owned(),
            source_info: "c".to_owned(),
            data: EventData::from_stored("[{\"a\":1}]".to_owned()),
            files: Vec::new(),
            received_at: None,
            redactions: Redactions::default(),
        }
    }

    fn file(record: Option<FileRecord>) -> EventFile {
        let id = FileId::from_uuid(Uuid::nil());
        EventFile { id, record }
    }

    fn sum<'a>(events: impl IntoIterator<Item = &'a Event>) -> HistorySum {
        let mut digest = HistoryDigest::default();
        for event in events {
            digest.add(event);
        }
        digest.finish()
    }

    #[test]
    fn every_field_counts() {
        let event = event();
        let changes: [fn(&mut Event); 22] = [
            |it| it.received_at = ReceivedAt::from_micros(0),
            |it| it.received_at = ReceivedAt::from_micros(1),
            |it| it.id = EventId::from_uuid(Uuid::from_u128(2)),
            |it| it.time = EventTime::from_parts(it.time.micros() + 1, 3).unwrap(),
            |it| it.time = EventTime::from_parts(it.time.micros(), 6).unwrap(),
            |it| it.event_type_id += 1,
            |it| it.record_id += 1,
            |it| it.source_id += 1,
            |it| it.source_type_id += 1,
            |it| it.source_name.push('x'),
            |it| it.source_info.push('x'),
            |it| it.data = EventData::from_stored("[{\"a\":1.0}]".to_owned()),
            |it| it.files = vec![file(None)],
            |it| it.files = vec![file(None), file(None)],
            |it| it.files = vec![file(Some(FileRecord::default()))],
            |it| {
                let size_bytes = 1;
                it.files = vec![file(Some(FileRecord {
                    size_bytes,
                    ..FileRecord::default()
                }))];
            },
            |it| {
                let content_type = ContentType::parse("a/b").ok();
                it.files = vec![file(Some(FileRecord {
                    content_type,
                    ..FileRecord::default()
                }))];
            },
            |it| {
                let sha256 = Some(FileSha256::new([0; 32]));
                it.files = vec![file(Some(FileRecord {
                    sha256,
                    ..FileRecord::default()
                }))];
            },
            |it| {
                let etag = Some("a/b".to_owned());
                it.files = vec![file(Some(FileRecord {
                    etag,
                    ..FileRecord::default()
                }))];
            },
            |it| {
                let version_id = Some("a/b".to_owned());
                it.files = vec![file(Some(FileRecord {
                    version_id,
                    ..FileRecord::default()
                }))];
            },
            |it| {
                let file_name = FileName::parse("a/b").ok();
                it.files = vec![file(Some(FileRecord {
                    file_name,
                    ..FileRecord::default()
                }))];
            },
            // The same letters, distinguished by the lengths.
            |it| (it.source_name, it.source_info) = ("a".to_owned(), "bc".to_owned()),
        ];
        let mut sums = vec![sum([&event])];
        for change in changes {
            let mut other = event.clone();
            change(&mut other);
            sums.push(sum([&other]));
        }
        for (index, one) in sums.iter().enumerate() {
            assert!(!sums[index + 1..].contains(one), "{index}");
        }
    }

    #[test]
    fn order_and_number_count() {
        let (one, other) = (
            event(),
            Event {
                record_id: 1,
                ..event()
            },
        );
        assert_ne!(sum([&one, &other]), sum([&other, &one]));
        assert_ne!(sum([&one]), sum([&one, &one]));
        assert_eq!(sum([&one, &other]).events, 2);
    }

    /// A sum that was written down after a copy has to stay valid in later versions.
    #[test]
    fn the_digest_is_stable() {
        let sha256 = "33e6f5814d8e48a10722fbacd15794ccecb4a6ae552041e091a9a188cc641e8a";
        let text = sum([&event()]).to_string();
        assert_eq!(text, format!("1 events, sha256 {sha256}"));
    }
}
