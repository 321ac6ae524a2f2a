//! Creates and syncs directories, so that the names in them survive a crash.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::io_errors::with_path;
use crate::domain::Finding;

/// Only the owner may list a folder: its files belong to tenants.
const PRIVATE: u32 = 0o700;

/// Creates one private folder in a parent that exists.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(PRIVATE).create(path)
}

/// Like [`create_private`]; a folder that exists already is left as it is.
pub(crate) fn ensure_private(path: &Path) -> io::Result<()> {
    match create_private(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(with_path("cannot create folder", path, &error))
        }
        _ => Ok(()),
    }
}

/// Creates `path` and its missing ancestors durably.
pub(super) fn create_durably(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = parent(path).unwrap_or(Path::new("."));
    create_durably(parent)?;
    match create_private(path) {
        Err(error) if !path.is_dir() => Err(with_path("cannot create folder", path, &error)),
        _ => sync(parent),
    }
}

/// Waits until the names in `path` are on disk.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| with_path("cannot sync folder", path, &error))
}

/// Waits until the name `path` itself is on disk.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync)
}

/// Syncs the ancestors of `path`: a process that created some of them may have been killed first.
pub(super) fn sync_ancestors(path: &Path) -> io::Result<()> {
    let mut child = path;
    while let Some(parent) = parent(child) {
        match sync(parent) {
            // This user did not create a folder that it may not read.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(()),
            synced => synced?,
        }
        child = parent;
    }
    Ok(())
}

/// Returns the parent folder; `None` for a root and for the working directory.
fn parent(path: &Path) -> Option<&Path> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() && path != Path::new(".") => {
            Some(Path::new("."))
        }
        Some(parent) if parent.as_os_str().is_empty() => None,
        parent => parent,
    }
}

/// Reports whether objects can be stored in `folder`, which need not exist yet. Leaves nothing behind.
pub fn check_writable(folder: &Path) -> Finding {
    let remedy = "name another folder with --files, or let this user write to that one";
    let mut nearest = folder;
    while !nearest.exists()
        && let Some(parent) = parent(nearest)
    {
        nearest = parent;
    }
    if !nearest.is_dir() {
        let message = format!("'{}' is not a folder", nearest.display());
        return Finding::wrong("bucket", message, remedy);
    }
    if let Err(error) = probe(nearest) {
        let message = format!(
            "folder '{}' does not take files: {error}",
            nearest.display()
        );
        return Finding::wrong("bucket", message, remedy);
    }
    let state = if nearest == folder {
        "takes files"
    } else {
        "can be created"
    };
    Finding::good("bucket", format!("folder '{}' {state}", folder.display()))
}

/// Performs the steps of publishing an object once: write, sync, link.
fn probe(folder: &Path) -> io::Result<()> {
    let probe = tempfile::Builder::new()
        .prefix(".probe-")
        .tempdir_in(folder)?;
    let path = probe.path().join("probe");
    let mut file = File::create_new(&path)?;
    file.write_all(b"probe")?;
    file.sync_all()?;
    fs::hard_link(&path, probe.path().join("link"))?;
    sync(probe.path())?;
    probe.close()
}
