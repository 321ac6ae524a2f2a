//! Checksums of an object's bytes, computed while they are streamed.

use s3s::crypto::{Checksum as _, Md5};
use sha2::{Digest, Sha256};

use crate::domain::FileSha256;

/// Checksums over all bytes of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksums {
    pub size_bytes: u64,
    pub sha256: FileSha256,
    /// In hexadecimal; equals the ETag of an unencrypted object that was uploaded with a single PUT.
    pub md5: String,
    /// The ETag of an object that was uploaded in parts of the given sizes: the MD5 of the parts' MD5s, `-`
    /// and the number of parts. `None` if no sizes were given or their sum is not the object's size.
    pub multipart_etag: Option<String>,
}

/// Computes [`Checksums`] incrementally.
pub(super) struct Hasher {
    size_bytes: u64,
    sha256: Sha256,
    md5: Md5,
    parts: Option<PartsHasher>,
}

impl Hasher {
    /// `part_sizes` are the sizes of the object's parts in order, if known.
    pub(super) fn new(part_sizes: Option<Vec<u64>>) -> Self {
        Self {
            size_bytes: 0,
            sha256: Sha256::new(),
            md5: Md5::new(),
            parts: part_sizes.map(PartsHasher::new),
        }
    }

    pub(super) fn update(&mut self, chunk: &[u8]) {
        self.size_bytes += chunk.len() as u64;
        self.sha256.update(chunk);
        self.md5.update(chunk);
        if let Some(parts) = &mut self.parts {
            parts.update(chunk);
        }
    }

    pub(super) fn finish(self) -> Checksums {
        let Self {
            size_bytes,
            sha256,
            md5,
            parts,
        } = self;
        Checksums {
            size_bytes,
            sha256: FileSha256::new(sha256.finalize().into()),
            md5: hex::encode(md5.finalize()),
            multipart_etag: parts.and_then(PartsHasher::finish),
        }
    }
}

/// Computes the MD5 of each part, and the MD5 of those.
struct PartsHasher {
    /// In reverse order: the current part is the last element.
    sizes: Vec<u64>,
    count: usize,
    /// Bytes that the current part still lacks.
    missing_bytes: u64,
    part: Md5,
    all: Md5,
    /// More bytes came than the parts add up to.
    is_exceeded: bool,
}

impl PartsHasher {
    fn new(mut sizes: Vec<u64>) -> Self {
        sizes.reverse();
        Self {
            count: sizes.len(),
            missing_bytes: sizes.last().copied().unwrap_or_default(),
            sizes,
            part: Md5::new(),
            all: Md5::new(),
            is_exceeded: false,
        }
    }

    fn update(&mut self, mut chunk: &[u8]) {
        while !chunk.is_empty() {
            self.end_full_parts();
            if self.sizes.is_empty() {
                self.is_exceeded = true;
                return;
            }
            let missing = usize::try_from(self.missing_bytes).unwrap_or(usize::MAX);
            let (now, later) = chunk.split_at(missing.min(chunk.len()));
            self.part.update(now);
            self.missing_bytes -= now.len() as u64;
            chunk = later;
        }
    }

    fn end_full_parts(&mut self) {
        while self.missing_bytes == 0 && self.sizes.pop().is_some() {
            let part = std::mem::replace(&mut self.part, Md5::new());
            self.all.update(&part.finalize());
            self.missing_bytes = self.sizes.last().copied().unwrap_or_default();
        }
    }

    fn finish(mut self) -> Option<String> {
        self.end_full_parts();
        let is_whole = self.sizes.is_empty() && !self.is_exceeded;
        is_whole.then(|| format!("{}-{}", hex::encode(self.all.finalize()), self.count))
    }
}

#[cfg(test)]
mod tests {
    use s3s::crypto::{Checksum as _, Md5};

    use super::Hasher;

    fn tag(bytes: &[u8], sizes: &[u64], chunk_bytes: usize) -> Option<String> {
        let mut hasher = Hasher::new(Some(sizes.to_vec()));
        for chunk in bytes.chunks(chunk_bytes) {
            hasher.update(chunk);
        }
        let checksums = hasher.finish();
        assert_eq!(checksums.size_bytes, bytes.len() as u64);
        assert_eq!(checksums.md5, hex::encode(Md5::checksum(bytes)));
        checksums.multipart_etag
    }

    #[test]
    fn multipart_etag_matches_s3_for_any_chunking() {
        let bytes: Vec<u8> = (0..=99).collect();
        let md5s = [&bytes[..40], &bytes[40..80], &bytes[80..]].map(Md5::checksum);
        let expected = format!("{}-3", hex::encode(Md5::checksum(&md5s.concat())));
        for chunk_bytes in [1, 7, 40, 64, 100] {
            let tag = tag(&bytes, &[40, 40, 20], chunk_bytes);
            assert_eq!(tag.as_deref(), Some(&*expected), "by {chunk_bytes}");
        }
        for sizes in [&[40, 40, 19][..], &[40, 40, 21], &[40, 40], &[]] {
            assert_eq!(tag(&bytes, sizes, 64), None, "{sizes:?}");
        }
        let empty = format!("{}-1", hex::encode(Md5::checksum(&Md5::checksum(b""))));
        assert_eq!(tag(b"", &[0], 1), Some(empty));
    }
}
