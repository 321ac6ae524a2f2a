//! Looks for damage in a data folder: in its databases, in its files, and between the two. Changes nothing, and may run
//! while a service does.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::domain::{
    DatabaseName, EventFile, EventId, FileId, FileRecord, ObjectKey, SystemEntropy, Tenant,
};
use crate::objects::Inspection;
use crate::store::{Checked, Error as StoreError, Fault, Fsck, Reference};

/// Damaged files that are remembered so that none is reported twice, and suspects that are kept for a second look.
const MAX_REMEMBERED: usize = 10_000;

/// The longest time to wait for the deletion of a tenant whose files are missing, and the interval of checks.
const MAX_DELETION: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub struct Job {
    /// The folder of the databases.
    pub databases: PathBuf,
    /// The folder of the embedded storage; `None`: files are not checked.
    pub files: Option<PathBuf>,
    /// Empty: all tenants.
    pub tenants: BTreeSet<DatabaseName>,
}

/// Something that is damaged, or could not be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub tenant: Option<DatabaseName>,
    /// The event and the file that this concerns.
    pub reference: Option<(EventId, FileId)>,
    /// The file or folder on disk.
    pub path: PathBuf,
    pub description: String,
    /// Could not be checked, and may not be damaged.
    pub is_unchecked: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub tenants: u64,
    pub events: u64,
    pub files: u64,
    pub damaged: u64,
    pub unchecked: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no tenant called '{0}'")]
    UnknownTenant(DatabaseName),
    #[error("there are no files in '{}'", .0.display())]
    NoFiles(PathBuf),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks everything and passes each problem to `on_problem` when it is found. Blocks. Memory does not grow with the
/// number of events.
pub fn run(job: &Job, on_problem: &mut (dyn FnMut(Problem) + Send)) -> Result<Report, Error> {
    let files = match &job.files {
        Some(path) => Some(
            Inspection::open(path, Arc::new(SystemEntropy))
                .ok_or_else(|| Error::NoFiles(path.clone()))?,
        ),
        None => None,
    };
    let mut check = Check {
        store: Fsck::open(&job.databases)?,
        files,
        report: Report::default(),
        damaged_files: HashSet::new(),
        suspects: Vec::new(),
        on_problem,
    };
    let mut faults = Vec::new();
    check.store.registry(&mut |fault| faults.push(fault));
    let is_selected = |it: &Fault| {
        let name = it.tenant.as_ref();
        job.tenants.is_empty() || name.is_some_and(|name| job.tenants.contains(name))
    };
    faults.retain(is_selected);
    for fault in faults {
        check.add_problem(fault.into());
    }
    let tenants = Tenant::named(check.store.tenants()?, &job.tenants);
    for tenant in tenants.map_err(Error::UnknownTenant)? {
        check.tenant(&Arc::new(tenant));
    }
    check.recheck_suspects();
    if job.tenants.is_empty() {
        check.unreferenced_files();
    }
    Ok(check.report)
}

struct Check<'a> {
    store: Fsck,
    files: Option<Inspection>,
    report: Report,
    /// Files that were reported with the event that references them.
    damaged_files: HashSet<PathBuf>,
    /// Problems that a running service may cause, to be checked again at the end.
    suspects: Vec<Suspect>,
    on_problem: &'a mut (dyn FnMut(Problem) + Send),
}

/// A file that did not match its event.
struct Suspect {
    tenant: Arc<Tenant>,
    reference: Reference,
    file: EventFile,
    key: ObjectKey,
}

impl Check<'_> {
    fn tenant(&mut self, tenant: &Arc<Tenant>) {
        let (report, on_problem) = (&mut self.report, &mut *self.on_problem);
        let checked = self.store.database(tenant, &mut |fault| {
            report.add(fault.into(), on_problem);
        });
        let Checked::Events(events) = checked else {
            return;
        };
        self.report.tenants += 1;
        self.report.events += events;
        if self.files.is_some() {
            self.references(tenant);
        }
    }

    /// Compares the files that the tenant's events reference with the objects. A database that cannot be read any
    /// further has been reported.
    fn references(&mut self, tenant: &Arc<Tenant>) {
        let mut after = i64::MIN;
        while let Ok(references) = self.store.references(tenant, after)
            && let Some(last) = references.last()
        {
            after = last.row;
            for reference in references {
                self.reference(tenant, &reference);
            }
        }
    }

    fn reference(&mut self, tenant: &Arc<Tenant>, reference: &Reference) {
        let Some(files) = &self.files else {
            return;
        };
        let mut suspects = Vec::new();
        for file in &reference.files {
            self.report.files += 1;
            let key = ObjectKey {
                database_name: tenant.database_name.clone(),
                file_id: file.id,
            };
            if mismatch(files, &key, file).is_some() {
                suspects.push(Suspect {
                    tenant: Arc::clone(tenant),
                    reference: reference.clone(),
                    file: file.clone(),
                    key,
                });
            }
        }
        let can_wait = self.store.is_beside_a_service();
        for suspect in suspects {
            if can_wait && self.suspects.len() < MAX_REMEMBERED {
                self.suspects.push(suspect);
            } else {
                self.recheck(&suspect);
            }
        }
    }

    /// Gives a running service time to finish: a tenant that is being deleted loses its files first.
    fn recheck_suspects(&mut self) {
        let suspects = std::mem::take(&mut self.suspects);
        let deadline = Instant::now() + MAX_DELETION;
        while !suspects.is_empty() && Instant::now() < deadline {
            let Ok(tenants) = self.store.tenants() else {
                break;
            };
            let exists = |it: &Suspect| tenants.iter().any(|tenant| *tenant == *it.tenant);
            if !suspects.iter().any(exists) {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        for suspect in suspects {
            self.recheck(&suspect);
        }
    }

    /// Reports the file if it still does not match and its event still exists.
    fn recheck(&mut self, suspect: &Suspect) {
        let Suspect {
            tenant,
            reference,
            file,
            key,
        } = suspect;
        let Some(files) = &self.files else {
            return;
        };
        let Some(description) = mismatch(files, key, file) else {
            return;
        };
        // An event that cannot be looked up counts as existing.
        if !self.store.still_has(tenant, reference).unwrap_or(true) {
            return;
        }
        let path = files.file_of(key);
        if self.damaged_files.len() < MAX_REMEMBERED {
            self.damaged_files.insert(path.clone());
        }
        self.add_problem(Problem {
            tenant: Some(tenant.database_name.clone()),
            reference: Some((reference.event_id, file.id)),
            path,
            description,
            is_unchecked: false,
        });
    }

    /// Reports damaged objects that no event references.
    fn unreferenced_files(&mut self) {
        let Some(files) = &self.files else {
            return;
        };
        let mut damaged = Vec::new();
        let listed = files.damaged(&mut |description| damaged.push(description));
        let reported = self.damaged_files.iter();
        let reported: Vec<String> = reported.map(|path| path.display().to_string()).collect();
        damaged.retain(|description| !reported.iter().any(|path| description.contains(path)));
        let root = files.path().to_owned();
        let problem = |description, is_unchecked| Problem {
            tenant: None,
            reference: None,
            path: root.clone(),
            description,
            is_unchecked,
        };
        for description in damaged {
            self.add_problem(problem(description, false));
        }
        if let Err(error) = listed {
            self.add_problem(problem(error.to_string(), true));
        }
    }

    fn add_problem(&mut self, problem: Problem) {
        self.report.add(problem, &mut *self.on_problem);
    }
}

impl Report {
    fn add(&mut self, problem: Problem, on_problem: &mut (dyn FnMut(Problem) + Send)) {
        if problem.is_unchecked {
            self.unchecked += 1;
        } else {
            self.damaged += 1;
        }
        on_problem(problem);
    }
}

/// Describes how a file that an event references differs from what it should be.
fn mismatch(files: &Inspection, key: &ObjectKey, file: &EventFile) -> Option<String> {
    let info = match files.look(key) {
        Ok(Some(info)) => info,
        Ok(None) => return Some("it is missing".to_owned()),
        Err(error) => return Some(error.to_string()),
    };
    let now = info.record();
    if !info.is_consistent() {
        return Some("its SHA-256 is not the one that was declared".to_owned());
    }
    let recorded = file.record.as_ref()?;
    (!recorded.same_bytes(&now)).then(|| {
        let side = |record: &FileRecord| {
            let etag = record.etag.as_deref().unwrap_or("none");
            format!("{} bytes with ETag {etag}", record.size_bytes)
        };
        format!("recorded {}, found {}", side(recorded), side(&now))
    })
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let Fault {
            tenant,
            file,
            problem,
            is_unchecked,
        } = fault;
        Self {
            tenant,
            reference: None,
            path: file,
            description: problem,
            is_unchecked,
        }
    }
}
