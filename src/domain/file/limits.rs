//! Limits on the size of files and of their parts.
//! Source: Amazon S3 user guide, "Uploading objects" and "Amazon S3 multipart upload limits".

const MIB: u64 = 1024 * 1024;

pub const MAX_FILE_BYTES: u64 = 5 * 1024 * 1024 * MIB;

/// Of a single PUT or form, and of a part.
pub const MAX_SINGLE_UPLOAD_BYTES: u64 = 5 * 1024 * MIB;

/// Of each part but the last.
pub const MIN_PART_BYTES: u64 = 5 * MIB;

pub const MAX_PARTS: u16 = 10_000;
