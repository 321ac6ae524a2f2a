//! Compares the digests of a file's bytes with those that were recorded.

use crate::domain::{FileRecord, FileSha256};
use crate::objects::{Checksums, ObjectInfo};

/// Hexadecimal digits of an MD5.
const MD5_DIGITS: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileCheck {
    /// A digest recorded with the event matches the bytes, and no other one contradicts it.
    Verified,
    /// The bytes may be right: no digest is known. Has the reason.
    Unverified(&'static str),
    /// The bytes differ from what was recorded; this is their own record.
    Changed(Box<FileRecord>),
}

/// An entity tag, by what it is a digest of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag<'a> {
    /// The MD5 of the bytes.
    Whole(&'a str),
    /// The MD5 of the MD5s of this many parts.
    Parts(&'a str, u16),
    Other,
}

impl<'a> Tag<'a> {
    fn of(etag: Option<&'a str>) -> Self {
        let is_md5 = |text: &str| {
            text.len() == MD5_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        match etag.map(|etag| (etag, etag.split_once('-'))) {
            Some((etag, None)) if is_md5(etag) => Self::Whole(etag),
            Some((etag, Some((md5, count)))) if is_md5(md5) => {
                let count = count.parse().ok().filter(|count| *count > 0);
                count.map_or(Self::Other, |count| Self::Parts(etag, count))
            }
            _ => Self::Other,
        }
    }
}

/// Returns the number of parts whose sizes are needed to verify the file; `None` if none are needed.
pub(super) fn parts_to_know(record: Option<&FileRecord>, info: &ObjectInfo) -> Option<u16> {
    let now = info.record();
    let expected = record.unwrap_or(&now);
    if expected.sha256.or(now.sha256).is_some() || info.has_opaque_etag {
        return None;
    }
    match Tag::of(expected.etag.as_deref()) {
        Tag::Parts(_, count) => Some(count),
        Tag::Whole(_) | Tag::Other => None,
    }
}

/// Compares what was read with every digest that was recorded with the event or is known to the storage. `info`
/// describes the object and agrees with the record.
pub(super) fn check(record: Option<&FileRecord>, info: &ObjectInfo, read: &Checksums) -> FileCheck {
    let now = info.record();
    let expected = record.unwrap_or(&now).clone();
    let tag = Tag::of(expected.etag.as_deref());
    let sha256s: Vec<FileSha256> = [expected.sha256, now.sha256]
        .into_iter()
        .flatten()
        .collect();
    let tag_agrees = match tag {
        _ if info.has_opaque_etag => None,
        Tag::Whole(etag) => Some(etag.eq_ignore_ascii_case(&read.md5)),
        Tag::Parts(etag, _) => {
            let found = read.multipart_etag.as_ref();
            found.map(|found| etag.eq_ignore_ascii_case(found))
        }
        Tag::Other => None,
    };
    let is_same = if read.size_bytes != expected.size_bytes {
        Some(false)
    } else if sha256s.is_empty() {
        tag_agrees
    } else {
        // A SHA-256 decides, whatever the tag is a digest of.
        Some(sha256s.iter().all(|sha256| *sha256 == read.sha256))
    };
    match is_same {
        Some(false) => FileCheck::Changed(Box::new(found(now, tag, read))),
        Some(true) if record.is_some() => FileCheck::Verified,
        Some(true) => FileCheck::Unverified("nothing was recorded about the file with the event"),
        None if info.has_opaque_etag => FileCheck::Unverified(
            "no SHA-256 is known, and the entity tag of an encrypted object is no MD5",
        ),
        None if matches!(tag, Tag::Parts(..)) => FileCheck::Unverified(
            "no SHA-256 is known, and the storage does not tell the sizes of the file's parts",
        ),
        None => FileCheck::Unverified("no SHA-256 is known, and the entity tag is no MD5"),
    }
}

/// Returns the record of the bytes that were read, with the same kind of tag as the expected one.
fn found(now: FileRecord, tag: Tag<'_>, read: &Checksums) -> FileRecord {
    let etag = match tag {
        Tag::Whole(_) => Some(read.md5.clone()),
        Tag::Parts(..) => read.multipart_etag.clone(),
        Tag::Other => None,
    };
    FileRecord {
        size_bytes: read.size_bytes,
        sha256: Some(read.sha256),
        etag: etag.or(now.etag),
        ..now
    }
}

#[cfg(test)]
mod tests {
    use super::{FileCheck, check, parts_to_know};
    use crate::domain::{FileRecord, FileSha256};
    use crate::objects::{Checksums, ObjectInfo};

    const MD5: &str = "9e107d9d372bb6826bd81d3542a419d6";
    const OTHER: &str = "e4d909c290d0fb1ca068ffaddf22cbd0";
    const OF_PARTS: &str = "9e107d9d372bb6826bd81d3542a419d6-2";

    fn info(etag: &str, sha256: Option<u8>) -> ObjectInfo {
        ObjectInfo {
            size_bytes: 7,
            etag: Some(etag.to_owned()),
            declared_sha256: sha256.map(|byte| FileSha256::new([byte; 32])),
            ..ObjectInfo::default()
        }
    }

    fn read(md5: &str, multipart_etag: Option<&str>) -> Checksums {
        Checksums {
            size_bytes: 7,
            sha256: FileSha256::new([1; 32]),
            md5: md5.to_owned(),
            multipart_etag: multipart_etag.map(str::to_owned),
        }
    }

    fn is_changed(outcome: &FileCheck) -> bool {
        matches!(outcome, FileCheck::Changed(_))
    }

    fn is_unverified(outcome: &FileCheck) -> bool {
        matches!(outcome, FileCheck::Unverified(_))
    }

    fn recorded(info: &ObjectInfo, read: &Checksums) -> FileCheck {
        check(Some(&info.record()), info, read)
    }

    #[test]
    fn a_sha256_decides() {
        for etag in [MD5, OF_PARTS, "opaque"] {
            let [right, wrong] = [Some(1), Some(2)].map(|sha256| info(etag, sha256));
            assert_eq!(recorded(&right, &read(OTHER, None)), FileCheck::Verified);
            assert!(is_changed(&recorded(&wrong, &read(MD5, Some(OF_PARTS)))));
            assert_eq!(parts_to_know(Some(&right.record()), &right), None);
        }
        // The event is older than what the storage knows now.
        let record = info(MD5, None).record();
        let outcome = check(Some(&record), &info(MD5, Some(2)), &read(MD5, None));
        assert!(is_changed(&outcome));
    }

    #[test]
    fn without_a_sha256_the_tag_decides_if_it_is_a_digest() {
        let whole = info(MD5, None);
        assert_eq!(recorded(&whole, &read(MD5, None)), FileCheck::Verified);
        assert!(is_changed(&recorded(&whole, &read(OTHER, None))));
        let parts = info(OF_PARTS, None);
        assert_eq!(parts_to_know(Some(&parts.record()), &parts), Some(2));
        assert_eq!(
            recorded(&parts, &read(OTHER, Some(OF_PARTS))),
            FileCheck::Verified
        );
        let others = format!("{OTHER}-2");
        assert!(is_changed(&recorded(&parts, &read(OTHER, Some(&others)))));
        assert!(is_unverified(&recorded(&parts, &read(OTHER, None))));
        for etag in ["", "opaque", "-", "9e107d9d372bb6826bd81d3542a419d6-x"] {
            let outcome = recorded(&info(etag, None), &read(MD5, Some(OF_PARTS)));
            assert!(is_unverified(&outcome), "{etag}");
        }
        let encrypted = ObjectInfo {
            has_opaque_etag: true,
            ..info(MD5, None)
        };
        assert!(is_unverified(&recorded(&encrypted, &read(OTHER, None))));
    }

    #[test]
    fn without_a_record_no_file_is_verified() {
        let whole = info(MD5, Some(1));
        assert!(is_unverified(&check(None, &whole, &read(MD5, None))));
        assert!(is_changed(&check(
            None,
            &info(MD5, None),
            &read(OTHER, None)
        )));
        let longer = Checksums {
            size_bytes: 8,
            ..read(MD5, None)
        };
        assert!(is_changed(&check(None, &whole, &longer)));
        let record = FileRecord {
            size_bytes: 8,
            ..FileRecord::default()
        };
        assert!(is_changed(&check(Some(&record), &whole, &read(MD5, None))));
    }
}
