//! How the files of tenants are called.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::errors::io_failed;
use crate::domain::DatabaseName;
use crate::store::Error;

/// The folder of the tenants' databases, below that of the store.
pub(super) const TENANTS: &str = "tenants";

/// What is kept beside a database file: SQLite's write-ahead log and the log's index, and which file the log
/// belongs to (`incarnation/`).
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-id"];

pub(super) fn database_in(tenants: &Path, name: &DatabaseName) -> PathBuf {
    tenants.join(format!("{}.db", file_stem(name)))
}

/// Returns the database files in a folder; none where there is no such folder.
pub(super) fn databases_in(
    tenants: &Path,
) -> Result<impl Iterator<Item = Result<PathBuf, Error>> + use<'_>, Error> {
    let files = match fs::read_dir(tenants) {
        Ok(files) => Some(files),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(io_failed(tenants, error)),
    };
    let paths = files.into_iter().flatten().map(|file| match file {
        Ok(file) => Ok(file.path()),
        Err(error) => Err(io_failed(tenants, error)),
    });
    let is_database = |path: &PathBuf| path.extension().is_some_and(|end| end == "db");
    Ok(paths.filter(move |path| path.as_ref().map_or(true, is_database)))
}

pub(super) fn files_of(database: &Path) -> Vec<PathBuf> {
    let companions = COMPANIONS.map(|suffix| companion(database, suffix));
    [database.to_owned()]
        .into_iter()
        .chain(companions)
        .collect()
}

/// Returns where the write-ahead log of a database is, or would be.
pub(super) fn log_of(database: &Path) -> PathBuf {
    companion(database, COMPANIONS[0])
}

/// Returns where it is written down which file the log of a database belongs to.
pub(super) fn record_of(database: &Path) -> PathBuf {
    companion(database, COMPANIONS[2])
}

/// Returns where the index of the log of a database is, or would be.
pub(super) fn index_of(database: &Path) -> PathBuf {
    companion(database, COMPANIONS[1])
}

fn companion(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Two names that differ by case alone get two files on a file system that ignores case, too: an
/// upper-case letter is written as `=` and the lower-case letter. Names themselves have no `=`.
pub(super) fn file_stem(name: &DatabaseName) -> String {
    let mut stem = String::with_capacity(name.as_str().len());
    for character in name.as_str().chars() {
        if character.is_ascii_uppercase() {
            stem.push('=');
        }
        stem.push(character.to_ascii_lowercase());
    }
    stem
}

/// Returns whose database or log a path in the folder of tenants leads to, by the name of the file alone.
pub(super) fn tenant_of(database: &Path) -> Option<DatabaseName> {
    let is_tenants = database.parent()?.file_name()? == TENANTS;
    let is_theirs = ["db", "db-wal"]
        .iter()
        .any(|it| database.extension() == Some(it.as_ref()));
    if !is_tenants || !is_theirs {
        return None;
    }
    let mut name = String::new();
    let mut characters = database.file_stem()?.to_str()?.chars();
    while let Some(character) = characters.next() {
        match character {
            '=' => name.push(characters.next()?.to_ascii_uppercase()),
            other => name.push(other),
        }
    }
    let name = DatabaseName::parse(&name).ok()?;
    (file_stem(&name) == database.file_stem()?.to_str()?).then_some(name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{file_stem, tenant_of};
    use crate::domain::DatabaseName;

    #[test]
    fn file_names_differ_even_where_case_is_ignored() {
        for (name, stem) in [
            ("alx_demo-1", "alx_demo-1"),
            ("Demo", "=demo"),
            ("dEMo", "d=e=mo"),
        ] {
            let name = DatabaseName::parse(name).unwrap();
            assert_eq!(file_stem(&name), stem);
            let path = format!("/data/tenants/{stem}.db");
            assert_eq!(tenant_of(Path::new(&path)), Some(name));
        }
        for path in [
            "/data/registry.db",
            "/data/tenants/x.db-shm",
            "/data/tenants/Demo.db",
            "/data/tenants/d=.db",
            "/data/tenants/==d.db",
            "/data/tenants/x y.db",
        ] {
            assert_eq!(tenant_of(Path::new(path)), None, "{path}");
        }
    }
}
