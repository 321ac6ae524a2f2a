//! The digests of an upload, and what its sender says that they are.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::Checksum;
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::errors::{error, worded};

/// MD5 and SHA-256 of every object, and of what else its sender announced.
#[derive(Default)]
pub(super) struct Digests {
    md5: Md5,
    checksums: ChecksumHasher,
}

impl Digests {
    pub(super) fn update(&mut self, chunk: &[u8]) {
        self.md5.update(chunk);
        self.checksums.update(chunk);
    }

    pub(super) fn finish(self) -> Finished {
        Finished {
            md5: self.md5.finalize(),
            checksums: self.checksums.finalize(),
        }
    }
}

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digests").finish_non_exhaustive()
    }
}

/// The digests of a whole upload; the checksums are in base64.
pub(super) struct Finished {
    pub md5: [u8; 16],
    pub checksums: Checksum,
}

/// The checksums that S3 knows, by the ends of their headers' names.
const CHECKSUMS: [&str; 5] = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];
const HEADER: &str = "x-amz-checksum-";

/// What the sender says of the body, before it or after it.
#[derive(Debug)]
pub(super) struct Claims {
    md5: Option<[u8; 16]>,
    /// In the order of [`CHECKSUMS`].
    checksums: [Option<String>; 5],
    /// Those that will follow the body, in the same order.
    announced: [bool; 5],
}

impl Claims {
    /// Takes the values of `Content-MD5`, of the checksums' headers in the order of [`CHECKSUMS`], and of
    /// `x-amz-trailer`.
    pub(super) fn new(
        md5: Option<&str>,
        checksums: [Option<String>; 5],
        trailer: Option<&str>,
    ) -> S3Result<Self> {
        let md5 = match md5 {
            None => None,
            Some(text) => Some(
                STANDARD
                    .decode(text)
                    .ok()
                    .and_then(|bytes| bytes.try_into().ok())
                    .ok_or_else(|| error(S3ErrorCode::InvalidDigest))?,
            ),
        };
        let mut announced = [false; 5];
        for name in trailer.into_iter().flat_map(|names| names.split(',')) {
            let name = name.trim().to_ascii_lowercase();
            let known = name
                .strip_prefix(HEADER)
                .and_then(|end| CHECKSUMS.iter().position(|known| *known == end));
            match known {
                Some(place) => announced[place] = true,
                None => return Err(unsupported_trailer(&name)),
            }
        }
        Ok(Self {
            md5,
            checksums,
            announced,
        })
    }

    /// Returns what has to be computed while the body comes in.
    pub(super) fn digests(&self) -> Digests {
        let wanted = |place: usize| self.announced[place] || self.checksums[place].is_some();
        Digests {
            md5: Md5::new(),
            checksums: ChecksumHasher {
                crc32: wanted(0).then(Crc32::new),
                crc32c: wanted(1).then(Crc32c::new),
                crc64nvme: wanted(2).then(Crc64Nvme::new),
                sha1: wanted(3).then(Sha1::new),
                sha256: Some(Sha256::new()),
            },
        }
    }

    /// Takes in what followed the body.
    pub(super) fn add_trailers(&mut self, trailers: &http::HeaderMap) {
        for (place, end) in CHECKSUMS.iter().enumerate() {
            if let Some(value) = trailers.get(format!("{HEADER}{end}")) {
                // What is no text is not the checksum either: it will not match.
                self.checksums[place] = Some(value.to_str().unwrap_or_default().to_owned());
            }
        }
    }

    /// Holds what the sender said against what came.
    pub(super) fn check(&self, finished: &Finished) -> S3Result<()> {
        if self.md5.is_some_and(|md5| md5 != finished.md5) {
            return Err(mismatch("Content-MD5"));
        }
        let Checksum {
            checksum_crc32,
            checksum_crc32c,
            checksum_crc64nvme,
            checksum_sha1,
            checksum_sha256,
            checksum_type: _,
        } = &finished.checksums;
        let computed = [
            checksum_crc32,
            checksum_crc32c,
            checksum_crc64nvme,
            checksum_sha1,
            checksum_sha256,
        ];
        for (place, end) in CHECKSUMS.iter().enumerate() {
            let claimed = &self.checksums[place];
            if self.announced[place] && claimed.is_none() {
                return Err(mismatch(&format!("announced {HEADER}{end}")));
            }
            if claimed.is_some() && claimed != computed[place] {
                return Err(mismatch(&format!("{HEADER}{end}")));
            }
        }
        Ok(())
    }
}

fn mismatch(what: &str) -> S3Error {
    worded(
        S3ErrorCode::BadDigest,
        format!("The {what} you specified did not match what we received."),
    )
}

fn unsupported_trailer(name: &str) -> S3Error {
    let message = format!("The trailer '{name}' is not implemented.");
    worded(S3ErrorCode::NotImplemented, message)
}
