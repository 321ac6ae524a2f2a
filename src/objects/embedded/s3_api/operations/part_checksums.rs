//! Compares the checksums that complete an upload in parts with those of the parts.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, checksum_combine};
use s3s::crypto::{Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::{Checksum, ChecksumType, CompletedPart};

use crate::objects::embedded::disk::multipart::{CompleteError, SelectedPart};

const SHA256: &str = "sha256";

/// Returns an error if a checksum of a named part, or of the whole object, is not that of what was uploaded.
pub(super) fn check(
    selected: &[SelectedPart],
    named: &[CompletedPart],
    whole: &Checksum,
) -> Result<(), CompleteError> {
    for (part, named) in selected.iter().zip(named) {
        let sent = [
            ("crc32", &named.checksum_crc32),
            ("crc32c", &named.checksum_crc32c),
            ("crc64nvme", &named.checksum_crc64nvme),
            ("sha1", &named.checksum_sha1),
            (SHA256, &named.checksum_sha256),
        ];
        for (name, sent) in sent {
            if sent.is_some() && sent.as_ref() != of_part(part, name) {
                return Err(CompleteError::InvalidPart(part.number));
            }
        }
    }
    let sent = [
        ("crc32", &whole.checksum_crc32),
        ("crc32c", &whole.checksum_crc32c),
        ("crc64nvme", &whole.checksum_crc64nvme),
        ("sha1", &whole.checksum_sha1),
        (SHA256, &whole.checksum_sha256),
    ];
    for (name, sent) in sent {
        let Some(sent) = sent else { continue };
        // The checksum of the parts' checksums may be followed by their number.
        let is_full = whole
            .checksum_type
            .as_ref()
            .map_or(name == "crc64nvme", |it| {
                it.as_str() == ChecksumType::FULL_OBJECT
            });
        let found = if is_full {
            of_whole(selected, name)
        } else {
            of_checksums(selected, name)
        };
        let count = format!("-{}", selected.len());
        let sent = sent
            .strip_suffix(&count)
            .filter(|_| !is_full)
            .unwrap_or(sent);
        if found.as_deref() != Some(sent) {
            return Err(CompleteError::WrongChecksum(name));
        }
    }
    Ok(())
}

fn of_part<'a>(part: &'a SelectedPart, name: &str) -> Option<&'a String> {
    let checksums: &BTreeMap<_, _> = &part.checksums;
    if name == SHA256 {
        return part.sha256.as_ref();
    }
    checksums.get(name)
}

/// Returns the checksum of the object, computed from those of its parts; `None` if one is unknown, or if a whole
/// object has no checksum of this kind.
fn of_whole(selected: &[SelectedPart], name: &str) -> Option<String> {
    let (algorithm, bytes) = match name {
        "crc32" => (CrcAlgorithm::Crc32IsoHdlc, 4),
        "crc32c" => (CrcAlgorithm::Crc32Iscsi, 4),
        "crc64nvme" => (CrcAlgorithm::Crc64Nvme, 8),
        _ => return None,
    };
    let mut whole = None;
    for part in selected {
        let digest = STANDARD.decode(of_part(part, name)?).ok()?;
        let value = digest
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
        whole = Some(match whole {
            None => value,
            Some(before) => checksum_combine(algorithm, before, value, part.size_bytes),
        });
    }
    let whole = whole?.to_be_bytes();
    Some(STANDARD.encode(&whole[whole.len() - bytes..]))
}

/// Returns the checksum of the parts' checksums; `None` if one is unknown.
fn of_checksums(selected: &[SelectedPart], name: &str) -> Option<String> {
    let mut digests = Vec::new();
    for part in selected {
        digests.extend(STANDARD.decode(of_part(part, name)?).ok()?);
    }
    Some(match name {
        "crc32" => digest::<Crc32>(&digests),
        "crc32c" => digest::<Crc32c>(&digests),
        "crc64nvme" => digest::<Crc64Nvme>(&digests),
        "sha1" => digest::<Sha1>(&digests),
        _ => digest::<Sha256>(&digests),
    })
}

fn digest<C: s3s::crypto::Checksum>(bytes: &[u8]) -> String
where
    C::Output: AsRef<[u8]>,
{
    let mut hasher = C::new();
    hasher.update(bytes);
    STANDARD.encode(hasher.finalize())
}
