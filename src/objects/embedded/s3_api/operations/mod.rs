//! The S3 operations on one object: implements the trait of s3s with the storage folder.
//!
//! s3s has verified the signature and parsed the request; the server passes the key, the body and the request as it was
//! sent along as extensions. Imports `request` and `disk`.

mod adapter;
mod expected_checksums;
mod get_object;
mod multipart_upload;
mod object_headers;
mod part_checksums;
mod preconditions;
mod put_object;
mod receive;

pub(crate) use adapter::Adapter;
pub(crate) use expected_checksums::ExpectedChecksums;
pub(crate) use get_object::NULL_VERSION;
pub(crate) use multipart_upload::MAX_LISTED_PARTS;
pub(crate) use object_headers::{USER_METADATA, normalize, reject_unsupported};
pub(crate) use receive::Incoming;
