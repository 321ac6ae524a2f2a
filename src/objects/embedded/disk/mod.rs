//! Objects on disk: file format, folder layout, uploads in parts, and recovery after a crash.
//!
//! Nothing here knows S3: callers bring keys, bytes and metadata. Unless an item says otherwise, every
//! function blocks. Imports point downward: recovery and inspection use `multipart`, which uses `object`,
//! which uses `folder`.

pub(crate) mod folder;
pub(crate) mod inspection;
pub(crate) mod multipart;
pub(crate) mod object;
pub(crate) mod recovery;
