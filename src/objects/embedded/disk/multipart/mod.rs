//! Uploads in parts: creating one, adding and listing parts, completing, aborting and expiring. Every
//! function blocks.
//!
//! Completing copies no bytes: the object's own file lists its parts, so it takes as long for 5 TiB as for
//! 5 MiB. The rename of that file is the one step that counts. After it the upload's folder moves from
//! `multipart` to `parts`; if a crash comes between, the next start moves it. Files and locks are described
//! in [`part_files`](super::object::part_files).

pub(crate) mod cleanup;
mod completion;
mod upload;

pub(crate) use completion::{CompleteError, CompleteRequest, SelectedPart, complete};
pub(crate) use upload::{MAX_PART_NUMBER, abort, accepts_parts, create, list_parts, put_part};
