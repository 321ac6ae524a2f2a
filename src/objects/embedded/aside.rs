//! What is damaged, or was not put here by us: named, and never in the way of what is whole.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::folder::{Folder, PRIVATE_FOLDER, about, sync_folder};
use crate::domain::Finding;

/// Holds what was set aside.
const DAMAGED: &str = "damaged";
/// How many things of one name are told apart.
const MAX_NAMESAKES: usize = 1000;
/// How many names one finding has.
const MAX_SHOWN: usize = 5;

/// Moves what is at `path` out of the way, and says so in the log. Nothing of it is lost: an operator
/// decides. A failure leaves it where it is. Blocks.
pub(super) fn set_aside(folder: &Folder, path: &Path, why: &io::Error) {
    match move_away(folder, path) {
        Ok(target) => tracing::error!(
            path = %path.display(), moved_to = %target.display(), error = %why,
            "an upload in parts is damaged and was set aside"
        ),
        Err(error) => tracing::error!(
            path = %path.display(), error = %why, %error,
            "an upload in parts is damaged, and cannot be set aside"
        ),
    }
}

/// Says in the log that something was left where it is. Blocks.
pub(super) fn leave(path: &Path, why: &dyn std::fmt::Display) {
    tracing::error!(path = %path.display(), error = %why, "left as it is in the folder of files");
}

fn move_away(folder: &Folder, path: &Path) -> io::Result<PathBuf> {
    let damaged = folder.path().join(DAMAGED);
    match DirBuilder::new().mode(PRIVATE_FOLDER).create(&damaged) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(about("cannot create folder", &damaged, &error));
        }
        _ => sync_folder(folder.path())?,
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let namesakes = (1..MAX_NAMESAKES).map(|number| damaged.join(format!("{name}.{number}")));
    let target = std::iter::once(damaged.join(&*name))
        .chain(namesakes)
        .find(|target| fs::symlink_metadata(target).is_err())
        .ok_or(ErrorKind::AlreadyExists)?;
    fs::rename(path, &target).map_err(|error| about("cannot move", path, &error))?;
    sync_folder(&damaged)?;
    path.parent().map_or(Ok(()), sync_folder)?;
    Ok(target)
}

/// Says what was set aside; `None` where there is nothing. Blocks.
pub(super) fn check(folder: &Folder) -> Option<Finding> {
    let damaged = folder.path().join(DAMAGED);
    let entries = match fs::read_dir(&damaged) {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            let message = format!("cannot read folder '{}': {error}", damaged.display());
            return Some(Finding::warning("damage", message, "let this user read it"));
        }
        Ok(entries) => entries.flatten(),
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    if names.is_empty() {
        return None;
    }
    names.sort_unstable();
    let (count, shown) = (names.len(), names[..names.len().min(MAX_SHOWN)].join(", "));
    let message = format!(
        "damaged uploads were set aside in '{}': {count} ({shown}{})",
        damaged.display(),
        if count > MAX_SHOWN { ", …" } else { "" }
    );
    let remedy = "see what they are, and remove them: their files have to be uploaded again";
    Some(Finding::warning("damage", message, remedy))
}
