use std::fs;
use std::path::{Path, PathBuf};

use super::record::Record;
use super::{Copied, Incarnation, require_own_log};
use crate::store::sqlite::names::{log_of, record_of};

/// A database with a log, in use.
fn in_use(folder: &tempfile::TempDir) -> (PathBuf, Incarnation) {
    let database = folder.path().join("x.db");
    fs::write(&database, "content").unwrap();
    fs::write(log_of(&database), [7; 100]).unwrap();
    let incarnation = Incarnation::begin(&database).unwrap();
    require_own_log(&database).unwrap();
    (database, incarnation)
}

fn replace(database: &Path) {
    fs::write(database.with_extension("new"), "other content").unwrap();
    fs::rename(database.with_extension("new"), database).unwrap();
}

/// Makes the record one of an earlier run of the machine.
fn start_machine(database: &Path) {
    let (record, _) = Record::read(&record_of(database)).unwrap().unwrap();
    let earlier = Record {
        boot: Some("earlier".to_owned()),
        ..record
    };
    earlier.write(&record_of(database)).unwrap();
}

#[test]
fn another_file_is_refused_whatever_happened() {
    let folder = tempfile::tempdir().unwrap();
    for happens in ["nothing", "a checkpoint", "a power cut"] {
        let (database, incarnation) = in_use(&folder);
        match happens {
            "a checkpoint" => incarnation.begin_checkpoint().unwrap(),
            "a power cut" => start_machine(&database),
            _ => {}
        }
        replace(&database);
        require_own_log(&database).unwrap_err();
    }
}

#[test]
fn other_content_counts_unless_something_else_explains_it() {
    let folder = tempfile::tempdir().unwrap();
    let (database, incarnation) = in_use(&folder);
    fs::write(&database, "other content").unwrap();
    require_own_log(&database).unwrap_err();
    start_machine(&database);
    require_own_log(&database).unwrap();

    let (database, _) = in_use(&folder);
    incarnation.begin_checkpoint().unwrap();
    fs::write(&database, "a checkpoint that a crash cut short").unwrap();
    require_own_log(&database).unwrap();

    let (database, incarnation) = in_use(&folder);
    let done = incarnation.checkpoint(|| {
        fs::write(&database, "a checkpoint").unwrap();
        Ok(Copied::default())
    });
    done.unwrap();
    require_own_log(&database).unwrap();
    fs::write(&database, "other content").unwrap();
    require_own_log(&database).unwrap_err();
}

#[test]
fn a_record_that_is_none_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    for record in ["", "{", "{}", "null"] {
        let (database, _) = in_use(&folder);
        fs::write(record_of(&database), record).unwrap();
        replace(&database);
        require_own_log(&database).unwrap();
    }
    let (database, _) = in_use(&folder);
    fs::write(log_of(&database), "").unwrap(); // as after a checkpoint at a close
    replace(&database);
    require_own_log(&database).unwrap();
}
