//! Checksums of an upload: computes those that are needed and compares them with those that were sent.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::Checksum;
use s3s::{S3Error, S3ErrorCode, S3Result};

use crate::objects::embedded::s3_api::request::s3_errors::{error, with_message};

/// Computes MD5 and SHA-256, and the other checksums that were sent or announced.
pub(super) struct Hasher {
    md5: Md5,
    checksums: ChecksumHasher,
}

impl Hasher {
    pub(super) fn update(&mut self, chunk: &[u8]) {
        self.md5.update(chunk);
        self.checksums.update(chunk);
    }

    pub(super) fn finish(self) -> Digests {
        Digests {
            md5: self.md5.finalize(),
            checksums: self.checksums.finalize(),
        }
    }
}

/// The digests of a complete upload; the checksums are in base64.
pub(super) struct Digests {
    pub md5: [u8; 16],
    pub checksums: Checksum,
}

/// The checksums of S3, by the ends of their headers' names.
const CHECKSUMS: [&str; 5] = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];
const HEADER: &str = "x-amz-checksum-";

/// The checksums that the sender sent before the body or after it.
#[derive(Debug)]
pub(crate) struct ExpectedChecksums {
    md5: Option<[u8; 16]>,
    /// In the order of [`CHECKSUMS`].
    checksums: [Option<String>; 5],
    /// Those that will follow the body as trailers, in the same order.
    announced: [bool; 5],
}

impl ExpectedChecksums {
    /// Expects the SHA-256 `sha256`, in base64, and nothing else.
    pub(crate) fn of_sha256(sha256: Option<String>) -> Self {
        Self {
            md5: None,
            checksums: [None, None, None, None, sha256],
            announced: [false; 5],
        }
    }

    /// Takes the values of `Content-MD5` and of the checksums' headers in the order of [`CHECKSUMS`]; reads
    /// `x-amz-trailer` from the headers.
    pub(super) fn new(
        md5: Option<&str>,
        checksums: [Option<String>; 5],
        headers: &HeaderMap,
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
        let names = headers.get("x-amz-trailer");
        let names = names.map(|names| names.to_str().unwrap_or_default());
        for name in names.into_iter().flat_map(|names| names.split(',')) {
            let name = name.trim().to_ascii_lowercase();
            let known = name
                .strip_prefix(HEADER)
                .and_then(|end| CHECKSUMS.iter().position(|known| *known == end));
            match known {
                Some(index) => announced[index] = true,
                None => return Err(unsupported_trailer(&name)),
            }
        }
        Ok(Self {
            md5,
            checksums,
            announced,
        })
    }

    /// Returns a hasher for all checksums to compare.
    pub(super) fn hasher(&self) -> Hasher {
        let wanted = |index: usize| self.announced[index] || self.checksums[index].is_some();
        Hasher {
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

    /// Adds the trailers that followed the body.
    pub(super) fn add_trailers(&mut self, trailers: &HeaderMap) {
        for (index, end) in CHECKSUMS.iter().enumerate() {
            if let Some(value) = trailers.get(format!("{HEADER}{end}")) {
                // A value that is not text becomes one that does not match.
                self.checksums[index] = Some(value.to_str().unwrap_or_default().to_owned());
            }
        }
    }

    /// Returns an error if a checksum does not match or an announced one was not sent.
    pub(super) fn check(&self, digests: &Digests) -> S3Result<()> {
        if self.md5.is_some_and(|md5| md5 != digests.md5) {
            return Err(mismatch("Content-MD5"));
        }
        let computed = &digests.checksums;
        let computed = [
            &computed.checksum_crc32,
            &computed.checksum_crc32c,
            &computed.checksum_crc64nvme,
            &computed.checksum_sha1,
            &computed.checksum_sha256,
        ];
        for (index, end) in CHECKSUMS.iter().enumerate() {
            let expected = &self.checksums[index];
            if self.announced[index] && expected.is_none() {
                return Err(mismatch(&format!("announced {HEADER}{end}")));
            }
            if expected.is_some() && expected != computed[index] {
                return Err(mismatch(&format!("{HEADER}{end}")));
            }
        }
        Ok(())
    }
}

/// Returns all checksums but the SHA-256, as [`Metadata`](crate::objects::embedded::disk::object::Metadata) has them.
pub(super) fn by_name(checksums: &Checksum) -> BTreeMap<String, String> {
    let values = [
        &checksums.checksum_crc32,
        &checksums.checksum_crc32c,
        &checksums.checksum_crc64nvme,
        &checksums.checksum_sha1,
    ];
    let named = CHECKSUMS.iter().zip(values);
    let named = named.filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?)));
    named.collect()
}

fn mismatch(what: &str) -> S3Error {
    with_message(
        S3ErrorCode::BadDigest,
        format!("The {what} you specified did not match what we received."),
    )
}

fn unsupported_trailer(name: &str) -> S3Error {
    let message = format!("The trailer '{name}' is not implemented.");
    with_message(S3ErrorCode::NotImplemented, message)
}
