//! The names of databases and of the files that belong to them.

use std::path::{Path, PathBuf};

use crate::domain::DatabaseName;

/// The folder of the tenants' databases.
pub(super) const TENANTS: &str = "tenants";

/// Returns a database file and the files that may belong to it.
pub(crate) fn files_of(database: &Path) -> [PathBuf; 4] {
    [
        database.to_owned(),
        wal_of(database),
        wal_index_of(database),
        wal_owner_of(database),
    ]
}

/// Returns the path of a database's write-ahead log.
pub(crate) fn wal_of(database: &Path) -> PathBuf {
    companion(database, "-wal")
}

/// Returns the path of the index of a database's log.
pub(crate) fn wal_index_of(database: &Path) -> PathBuf {
    companion(database, "-shm")
}

/// Returns the path of the record of which file the log of a database belongs to (`wal/ownership.rs`).
pub(crate) fn wal_owner_of(database: &Path) -> PathBuf {
    companion(database, "-owner")
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

/// Returns the tenant whose database or log is at this path, by the name of the file alone.
pub(crate) fn tenant_of(database: &Path) -> Option<DatabaseName> {
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
    let name = DatabaseName::parse_stored(&name).ok()?;
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
            (DatabaseName::SYSTEM, "_system"),
        ] {
            let name = DatabaseName::parse_stored(name).unwrap();
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
