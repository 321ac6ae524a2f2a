//! The API key of a service that was given none: it generates one for a new data folder, on a loopback address alone.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::values::{MIN_KEY_LENGTH, is_key};
use crate::domain::Entropy;
use crate::durable_file;
use crate::store;

/// Holds the key, as one line, in the folder of the databases.
const FILE: &str = "api-key";
/// Random bits of a key: 256.
const KEY_BYTES: usize = 32;
/// Far above the size that is written: anything larger is not a key file.
const MAX_FILE_BYTES: u64 = 4096;
/// The permission bits with which other users could read or change the file.
const OTHERS: u32 = 0o077;

/// The file of a generated key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    pub path: PathBuf,
    /// This start generated the key, or the next start of `serve` will.
    pub is_new: bool,
    /// No other user can read the file.
    pub is_private: bool,
}

/// Returns the file of the key and the key; `None` if the next start generates one. Fails if the file is damaged, or if
/// there is a database without one: then its callers have a key already.
pub(super) fn find(
    listen: SocketAddr,
    database: &store::Location,
) -> Result<(KeyFile, Option<SecretString>), String> {
    let path = path(listen, database)?;
    match read(&path)? {
        Some((file, key)) => Ok((file, Some(key))),
        None if store::exists(database) => Err(format!(
            "none is generated, because {database} is in use already"
        )),
        None => {
            let file = KeyFile {
                path,
                is_new: true,
                is_private: true,
            };
            Ok((file, None))
        }
    }
}

/// Does the same, and generates the key if there is none. Of two processes that do so at once, both get the same key.
pub(super) fn find_or_generate(
    listen: SocketAddr,
    database: &store::Location,
    entropy: &dyn Entropy,
) -> Result<(KeyFile, SecretString), String> {
    let path = match find(listen, database)? {
        (file, Some(key)) => return Ok((file, key)),
        (file, None) => file.path,
    };
    let mut bytes = [0; KEY_BYTES];
    entropy.fill(&mut bytes);
    let line = format!("{}\n", hex::encode(bytes));
    let created = durable_file::create_folder(durable_file::folder_of(&path))
        .and_then(|()| durable_file::create(&path, line.as_bytes()));
    let is_new = created.map_err(|error| format!("cannot write '{}': {error}", path.display()))?;
    match read(&path)? {
        Some((file, key)) => Ok((KeyFile { is_new, ..file }, key)),
        None => Err(format!("'{}' disappeared", path.display())),
    }
}

/// Returns the path of the key file of a service that listens on `listen` and stores its events in `database`, or why
/// such a service has to be given its keys.
fn path(listen: SocketAddr, database: &store::Location) -> Result<PathBuf, String> {
    if !listen.ip().is_loopback() {
        let address = listen.ip();
        return Err(format!(
            "none is generated, because {address} is not a loopback address"
        ));
    }
    match database {
        store::Location::Sqlite { folder } => Ok(folder.join(FILE)),
        store::Location::ClickHouse(_) => {
            Err("none is generated, because all replicas on a ClickHouse need the same".to_owned())
        }
    }
}

fn read(path: &Path) -> Result<Option<(KeyFile, SecretString)>, String> {
    let failed = |error: io::Error| format!("cannot read '{}': {error}", path.display());
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    let mut text = String::new();
    file.take(MAX_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(failed)?;
    let key = text.trim_end();
    let is_valid = key.len() >= MIN_KEY_LENGTH && is_key(key);
    if !is_valid {
        return Err(format!(
            "'{}' is damaged: it must hold one key of at least {} visible ASCII characters; restore \
             it, or write a new key to it",
            path.display(),
            MIN_KEY_LENGTH
        ));
    }
    let file = KeyFile {
        path: path.to_owned(),
        is_new: false,
        is_private: mode & OTHERS == 0,
    };
    Ok(Some((file, key.into())))
}
