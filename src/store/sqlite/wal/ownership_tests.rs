use std::fs;
use std::path::{Path, PathBuf};

use super::{Checkpointed, Record, WalOwnership, require_own_wal, wal_of, wal_owner_of};

/// A database with a log, in use.
fn in_use(folder: &tempfile::TempDir) -> (PathBuf, WalOwnership) {
    let database = folder.path().join("x.db");
    fs::write(&database, "content").unwrap();
    fs::write(wal_of(&database), [7; 100]).unwrap();
    let ownership = WalOwnership::begin(&database).unwrap();
    require_own_wal(&database).unwrap();
    (database, ownership)
}

fn replace(database: &Path) {
    fs::write(database.with_extension("new"), "other content").unwrap();
    fs::rename(database.with_extension("new"), database).unwrap();
}

/// Makes the record one of an earlier run of the machine.
fn restart_machine(database: &Path) {
    let (mut record, _) = Record::read(&wal_owner_of(database)).unwrap().unwrap();
    record.boot = Some("earlier".to_owned());
    record.write(&wal_owner_of(database)).unwrap();
}

#[test]
fn another_file_is_refused_whatever_happened() {
    let folder = tempfile::tempdir().unwrap();
    for happens in ["nothing", "a checkpoint", "a power cut"] {
        let (database, ownership) = in_use(&folder);
        match happens {
            "a checkpoint" => ownership.begin_checkpoint().unwrap(),
            "a power cut" => restart_machine(&database),
            _ => {}
        }
        replace(&database);
        require_own_wal(&database).unwrap_err();
    }
}

#[test]
fn other_content_counts_unless_something_else_explains_it() {
    let folder = tempfile::tempdir().unwrap();
    let (database, ownership) = in_use(&folder);
    fs::write(&database, "other content").unwrap();
    require_own_wal(&database).unwrap_err();
    restart_machine(&database);
    require_own_wal(&database).unwrap();

    let (database, _) = in_use(&folder);
    ownership.begin_checkpoint().unwrap();
    fs::write(&database, "a checkpoint that a crash cut short").unwrap();
    require_own_wal(&database).unwrap();

    let (database, ownership) = in_use(&folder);
    let done = ownership.checkpoint(|| {
        fs::write(&database, "a checkpoint").unwrap();
        Ok(Checkpointed::default())
    });
    done.unwrap();
    require_own_wal(&database).unwrap();
    fs::write(&database, "other content").unwrap();
    require_own_wal(&database).unwrap_err();
}

#[test]
fn an_invalid_record_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    for record in ["", "{", "{}", "null"] {
        let (database, _) = in_use(&folder);
        fs::write(wal_owner_of(&database), record).unwrap();
        replace(&database);
        require_own_wal(&database).unwrap();
    }
    let (database, _) = in_use(&folder);
    fs::write(wal_of(&database), "").unwrap(); // as after a checkpoint at a close
    replace(&database);
    require_own_wal(&database).unwrap();
}
