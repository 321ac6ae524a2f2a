//! Moves damaged uploads out of the way, so that they never block intact ones.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::io_errors::{if_found, with_path};
use super::{Folder, directories};
use crate::domain::Finding;

const QUARANTINE: &str = "quarantine";
/// Limits the numbered names that are tried for entries of the same name.
const MAX_SAME_NAME: usize = 1000;
/// Limits the names that a finding lists.
const MAX_SHOWN: usize = 5;

/// Moves the upload at `path` into the quarantine folder and logs it. Nothing is deleted: an operator
/// decides. On failure it stays where it is. Blocks.
pub(crate) fn quarantine(folder: &Folder, path: &Path, cause: &io::Error) {
    let shown = path.display();
    match move_away(folder, path) {
        Ok(target) => tracing::error!(
            path = %shown, moved_to = %target.display(), error = %cause,
            "quarantined a damaged multipart upload"
        ),
        Err(error) => tracing::error!(
            path = %shown, error = %cause, %error, "cannot quarantine a damaged multipart upload"
        ),
    }
}

/// Logs that cleanup skipped a file or folder.
pub(crate) fn log_skipped(path: &Path, cause: &io::Error) {
    tracing::error!(path = %path.display(), error = %cause, "skipped an entry of the file storage folder");
}

fn move_away(folder: &Folder, path: &Path) -> io::Result<PathBuf> {
    let quarantine = folder.path().join(QUARANTINE);
    directories::ensure_private(&quarantine)?;
    directories::sync(folder.path())?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let numbered = (1..MAX_SAME_NAME).map(|number| quarantine.join(format!("{name}.{number}")));
    let target = std::iter::once(quarantine.join(&*name))
        .chain(numbered)
        .find(|target| fs::symlink_metadata(target).is_err())
        .ok_or(ErrorKind::AlreadyExists)?;
    fs::rename(path, &target).map_err(|error| with_path("cannot move", path, &error))?;
    directories::sync(&quarantine)?;
    directories::sync_parent(path)?;
    Ok(target)
}

/// Reports quarantined uploads; `None` if there are none. Blocks.
pub(crate) fn check(folder: &Folder) -> Option<Finding> {
    let quarantine = folder.path().join(QUARANTINE);
    let shown = quarantine.display();
    let entries = match if_found(fs::read_dir(&quarantine)) {
        Ok(entries) => entries?,
        Err(error) => {
            let message = format!("cannot read folder '{shown}': {error}");
            return Some(Finding::warning("damage", message, "let this user read it"));
        }
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let mut names: Vec<_> = names.map(|name| name.display().to_string()).collect();
    if names.is_empty() {
        return None;
    }
    names.sort_unstable();
    let (count, listed) = (names.len(), names[..names.len().min(MAX_SHOWN)].join(", "));
    let more = if count > MAX_SHOWN { ", …" } else { "" };
    let message = format!("damaged uploads are quarantined in '{shown}': {count} ({listed}{more})");
    let remedy = "inspect and remove them: their files have to be uploaded again";
    Some(Finding::warning("damage", message, remedy))
}
