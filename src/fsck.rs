//! Looking for damage in a data folder: in its databases, in its files, and between the two. Changes nothing, and may
//! run beside a service; no terminal in it.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::{DatabaseName, EventFile, EventId, FileId, ObjectKey, SystemEntropy, Tenant};
use crate::objects::Inspection;
use crate::store::{Checked, Error as StoreError, Fault, Fsck, Reference};

/// Damaged files that are remembered, so that none is named twice.
const MAX_REMEMBERED: usize = 10_000;

/// How long the deletion of a tenant may be under way, before files that it lacks are named; and how often that is
/// looked at.
const MAX_DELETION: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(200);

/// Where to look.
#[derive(Debug)]
pub struct Job {
    /// The folder of the databases.
    pub databases: PathBuf,
    /// The folder of the embedded storage; `None`: the files are elsewhere.
    pub files: Option<PathBuf>,
    /// Empty: all tenants.
    pub tenants: BTreeSet<DatabaseName>,
}

/// One thing that is wrong, or could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub tenant: Option<DatabaseName>,
    /// The event and the file of it that this is about.
    pub reference: Option<(EventId, FileId)>,
    /// A file on this machine.
    pub path: PathBuf,
    /// In one line.
    pub problem: String,
    /// Nothing is known to be damaged: it could not be looked at.
    pub is_unchecked: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
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

/// Looks at everything, and shows what is wrong as it is found. Blocks. Memory does not grow with the number of
/// events.
pub fn fsck(job: &Job, show: &mut (dyn FnMut(Found) + Send)) -> Result<Sum, Error> {
    let files = match &job.files {
        Some(path) => Some(
            Inspection::open(path, Arc::new(SystemEntropy))
                .ok_or_else(|| Error::NoFiles(path.clone()))?,
        ),
        None => None,
    };
    let mut run = Run {
        store: Fsck::open(&job.databases)?,
        files,
        sum: Sum::default(),
        damaged_files: HashSet::new(),
        suspects: Vec::new(),
        show,
    };
    let (store, mut faults) = (&run.store, Vec::new());
    store.registry(&mut |fault| faults.push(fault));
    let is_meant = |it: &Fault| {
        let name = it.tenant.as_ref();
        job.tenants.is_empty() || name.is_some_and(|name| job.tenants.contains(name))
    };
    faults.retain(is_meant);
    for fault in faults {
        run.found(fault.into());
    }
    for tenant in run.tenants(&job.tenants)? {
        run.tenant(&Arc::new(tenant));
    }
    run.settle_suspects();
    if job.tenants.is_empty() {
        run.other_files();
    }
    Ok(run.sum)
}

struct Run<'a> {
    store: Fsck,
    files: Option<Inspection>,
    sum: Sum,
    /// Those that were named with the event that references them.
    damaged_files: HashSet<PathBuf>,
    /// What a running service may explain.
    suspects: Vec<Suspect>,
    show: &'a mut (dyn FnMut(Found) + Send),
}

/// A file that was not as its event says.
struct Suspect {
    tenant: Arc<Tenant>,
    reference: Reference,
    file: EventFile,
    key: ObjectKey,
}

impl Run<'_> {
    fn tenants(&self, names: &BTreeSet<DatabaseName>) -> Result<Vec<Tenant>, Error> {
        Tenant::named(self.store.tenants()?, names).map_err(Error::UnknownTenant)
    }

    fn tenant(&mut self, tenant: &Arc<Tenant>) {
        let (sum, show) = (&mut self.sum, &mut *self.show);
        let checked = self.store.database(tenant, &mut |fault| {
            let found = fault.into();
            count(sum, &found);
            show(found);
        });
        let Checked::Events(events) = checked else {
            return;
        };
        self.sum.tenants += 1;
        self.sum.events += events;
        if self.files.is_some() {
            self.references(tenant);
        }
    }

    /// Holds what the tenant's events reference against the objects. A database that cannot be read any further has
    /// been named.
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
            self.sum.files += 1;
            let key = ObjectKey {
                database_name: tenant.database_name.clone(),
                file_id: file.id,
            };
            if problem(files, &key, file).is_some() {
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
                self.settle(&suspect);
            }
        }
    }

    /// Gives a service time to finish what it is at: a tenant that is deleted loses its files first.
    fn settle_suspects(&mut self) {
        let suspects = std::mem::take(&mut self.suspects);
        let deadline = Instant::now() + MAX_DELETION;
        while !suspects.is_empty() && Instant::now() < deadline {
            let Ok(tenants) = self.store.tenants() else {
                break;
            };
            let is_there = |it: &Suspect| tenants.iter().any(|there| *there == *it.tenant);
            if !suspects.iter().any(is_there) {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        for suspect in suspects {
            self.settle(&suspect);
        }
    }

    /// Names the file, if it is as bad as before and its event is still there.
    fn settle(&mut self, suspect: &Suspect) {
        let Suspect {
            tenant,
            reference,
            file,
            key,
        } = suspect;
        let Some(files) = &self.files else {
            return;
        };
        let Some(problem) = problem(files, key, file) else {
            return;
        };
        // Where that cannot be told, it counts as there.
        if !self.store.still_has(tenant, reference).unwrap_or(true) {
            return;
        }
        let path = files.file_of(key);
        if self.damaged_files.len() < MAX_REMEMBERED {
            self.damaged_files.insert(path.clone());
        }
        self.found(Found {
            tenant: Some(tenant.database_name.clone()),
            reference: Some((reference.event_id, file.id)),
            path,
            problem,
            is_unchecked: false,
        });
    }

    /// Names damaged objects that no event references.
    fn other_files(&mut self) {
        let Some(files) = &self.files else {
            return;
        };
        let mut damaged = Vec::new();
        let listed = files.damaged(&mut |problem| damaged.push(problem));
        let named: Vec<String> = self
            .damaged_files
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        damaged.retain(|problem| !named.iter().any(|path| problem.contains(path)));
        let root = files.path().to_owned();
        let found = |problem, is_unchecked| Found {
            tenant: None,
            reference: None,
            path: root.clone(),
            problem,
            is_unchecked,
        };
        for problem in damaged {
            self.found(found(problem, false));
        }
        if let Err(error) = listed {
            self.found(found(error.to_string(), true));
        }
    }

    fn found(&mut self, found: Found) {
        count(&mut self.sum, &found);
        (self.show)(found);
    }
}

fn count(sum: &mut Sum, found: &Found) {
    if found.is_unchecked {
        sum.unchecked += 1;
    } else {
        sum.damaged += 1;
    }
}

/// Says what is wrong with a file that an event references.
fn problem(files: &Inspection, key: &ObjectKey, file: &EventFile) -> Option<String> {
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
        let side = |record: &crate::domain::FileRecord| {
            let etag = record.etag.as_deref().unwrap_or("none");
            format!("{} bytes with ETag {etag}", record.size_bytes)
        };
        format!("recorded {}, found {}", side(recorded), side(&now))
    })
}

impl From<Fault> for Found {
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
            problem,
            is_unchecked,
        }
    }
}

impl Found {
    /// Says it in one line.
    pub fn line(&self) -> String {
        let Self {
            tenant,
            reference,
            path,
            problem,
            is_unchecked,
        } = self;
        let word = if *is_unchecked {
            "unchecked"
        } else {
            "damaged"
        };
        let whose = tenant
            .as_ref()
            .map_or(String::new(), |name| format!(" tenant '{name}'"));
        let what = reference.as_ref().map_or(String::new(), |(event, file)| {
            format!(" file {file} of event {event}")
        });
        let path = Path::display(path);
        let line = format!("{word}{whose}{what} '{path}': {problem}");
        line.replace(char::is_control, " ")
    }
}
