//! The checks of a folder for `event-history check`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use super::disk::Folder;
use super::disk::file_system::sync;
use super::disk::layout::Layout;
use super::external::registry_reader;
use super::registry::Registry;
use super::registry::consistency::{self, Inconsistency};
use super::tables::schema::REGISTRY;
use crate::domain::Finding;
use crate::domain::cause::chain;
use crate::store::Error;

const SUBJECT: &str = "database";
const PROBE_PREFIX: &str = ".event-history-check-";

/// Where the header of a database file has its `user_version`, big-endian.
/// Source: SQLite documentation, "Database File Format", section 1.3.
const USER_VERSION_AT: usize = 60;
const HEADER_BYTES: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";

const RESTORE_REGISTRY: &str = "restore 'registry.db' from a backup, or move it away and restore the \
                                entries with `event-history tenants adopt --all`";

/// The inconsistencies that are listed one by one, at most.
const MAX_LISTED: usize = 20;

/// Reports whether a store could be opened in `folder`, without opening one, and which entries and databases do not
/// fit: the folder may be missing, and another process may be using it. Leaves nothing behind. Does disk I/O.
///
/// Not for a process that has the store open: reading `registry.db` past SQLite would release the
/// locks that SQLite holds on it.
pub fn check_folder(folder: &Path) -> Vec<Finding> {
    let name = folder.display();
    match fs::metadata(folder) {
        Ok(found) if !found.is_dir() => {
            return vec![wrong(
                format!("'{name}' is a file, not a folder"),
                "name a folder in '--database sqlite:<folder>', or move the file away",
            )];
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return vec![check_missing(folder)],
        Err(error) => return vec![unwritable(folder, &error)],
    }
    let layout = Layout::of(folder);
    let (tenants, registry) = (layout.tenants(), layout.registry());
    for place in [folder, tenants] {
        if let Err(error) = probe(place)
            && place.exists()
        {
            return vec![unwritable(place, &error)]; // a missing one is created when the store opens
        }
    }
    if registry.exists() && !tenants.exists() {
        return vec![wrong(
            format!("the folder of databases '{}' is missing", tenants.display()),
            "put it back, or mount it",
        )];
    }
    match read_registry(&registry) {
        Ok(None) => {}
        Ok(Some(finding)) => return vec![finding],
        Err(error) => return vec![unwritable(&registry, &error)],
    }
    let good = format!("the folder '{name}' is writable");
    let mut findings = vec![Finding::good(SUBJECT, good)];
    let found = Layout::absolute(folder).and_then(|layout| registry_reader::inspect(&layout));
    findings.extend(listed(found));
    findings
}

/// Checks the folder of an open store. Does disk I/O.
pub(super) fn check_open(folder: &Folder, registry: &Registry) -> Vec<Finding> {
    let path = folder.layout.path();
    for place in [path, folder.layout.tenants()] {
        if let Err(error) = probe(place) {
            return vec![unwritable(place, &error)];
        }
    }
    if let Err(error) = registry.ping() {
        let message = format!(
            "the tenant registry in '{}' cannot be read: {error}",
            path.display()
        );
        return vec![wrong(message, RESTORE_REGISTRY)];
    }
    let good = format!("the folder '{}' is writable", path.display());
    let mut findings = vec![Finding::good(SUBJECT, good)];
    let found = consistency::inspect(&folder.layout, || registry.entries());
    findings.extend(listed(found));
    findings
}

/// Lists inconsistencies; of very many the first.
fn listed(found: Result<Vec<Inconsistency>, Error>) -> Vec<Finding> {
    let found = match found {
        Ok(found) => found,
        Err(error) => return vec![wrong(chain(&error), RESTORE_REGISTRY)],
    };
    let listed = found.iter().take(MAX_LISTED);
    let mut findings: Vec<_> = listed.map(|it| it.finding(SUBJECT)).collect();
    if found.len() > MAX_LISTED {
        let more = found.len() - MAX_LISTED;
        let message = format!("{more} more databases have problems");
        findings.push(wrong(message, "repair those above, and check again"));
    }
    findings
}

/// Reports whether a folder that is missing could be created.
fn check_missing(folder: &Path) -> Finding {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let Some(parent) = absolute.ancestors().skip(1).find(|it| it.exists()) else {
        return unwritable(folder, &ErrorKind::NotFound.into());
    };
    match probe(parent) {
        Ok(()) => {
            let message = format!(
                "the folder '{}' will be made at the start",
                folder.display()
            );
            Finding::good(SUBJECT, message)
        }
        Err(error) => unwritable(parent, &error),
    }
}

/// Creates, syncs and removes a file: permission bits alone say too little (root, read-only mounts).
fn probe(folder: &Path) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(PROBE_PREFIX)
        .tempfile_in(folder)?;
    file.write_all(&[0; 4096])?; // a full disk still allows empty files
    file.as_file().sync_all()?;
    file.close()?;
    sync(folder).map_err(io::Error::other)
}

/// Returns what is wrong with a registry file, if there is one and something is.
fn read_registry(path: &Path) -> io::Result<Option<Finding>> {
    let mut header = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(HEADER_BYTES as u64).read_to_end(&mut header)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    OpenOptions::new().append(true).open(path)?;
    if header.is_empty() {
        return Ok(None); // the last process ended while it created the file
    }
    if !header.starts_with(MAGIC) {
        let message = format!("'{}' is not an SQLite database", path.display());
        return Ok(Some(wrong(message, "restore the file from a backup")));
    }
    let version = header.get(USER_VERSION_AT..).and_then(<[u8]>::first_chunk);
    let version = version.map_or(0, |bytes| i32::from_be_bytes(*bytes));
    Ok(REGISTRY.refuse_newer(version, path).err().map(|_| {
        let message = format!("'{}' was changed by a newer version", path.display());
        wrong(message, "run that version of event-history")
    }))
}

/// Reports that the check itself failed.
pub(super) fn failed(error: &Error) -> Finding {
    wrong(format!("the check failed: {error}"), "look into the log")
}

fn unwritable(place: &Path, error: &io::Error) -> Finding {
    let remedy = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free space there",
        _ => "let the user of this process write there, or name another folder in '--database'",
    };
    wrong(
        format!("'{}' is not writable: {error}", place.display()),
        remedy,
    )
}

fn wrong(message: impl Into<String>, remedy: &str) -> Finding {
    Finding::wrong(SUBJECT, message, remedy)
}
