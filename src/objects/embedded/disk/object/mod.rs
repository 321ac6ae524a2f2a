//! One object on disk: its file format, reading, writing, sealing and deleting it.
//!
//! The bytes are in the object's own file, or, after an upload in parts, in one file per part. Imports only
//! `folder`; inside, readers and writers use `part_files`, which uses `format`.

pub(crate) mod content;
mod format;
pub(crate) mod listing;
pub(crate) mod part_files;
mod reader;
mod verified_content;
mod writer;

pub(crate) use format::{Headers, Metadata, PartFiles, read_metadata};
pub(crate) use reader::{Object, open};
pub(crate) use writer::{ObjectWriter, Overwrite, Published, delete, seal, sealed_metadata};
