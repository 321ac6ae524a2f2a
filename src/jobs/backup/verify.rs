//! Reads every chunk of the backups in a target, and names what is damaged or missing.

use std::collections::HashSet;

use futures_util::{StreamExt, stream};

use super::Error;
use super::format::{ChunkId, Content, Manifest};
use super::listing::ListingReader;
use super::target::{MARK, Target};
use crate::jobs::{Phase, Progress};

/// The chunks that are read at once.
const CONCURRENT_CHUNKS: usize = 4;

/// The outcome of a verification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// The complete backups that were read.
    pub backups: Vec<String>,
    /// Those without a manifest: they were interrupted, or are being made.
    pub unfinished: Vec<String>,
    /// The chunks that were read, each once.
    pub chunks: u64,
    pub bytes: u64,
    /// What the backups did not hold from the beginning, in one line each.
    pub lacking: Vec<String>,
    /// Damaged or missing things.
    pub problems: u64,
}

/// Verifies every backup, or the one of this name. Passes each problem to `on_problem` when it is found, in one line.
/// A chunk that several backups have is read once; of each, some 50 bytes stay in memory.
pub async fn verify(
    target: &Target,
    only: Option<&str>,
    progress: &Progress,
    on_problem: &mut (dyn FnMut(&str) + Send),
) -> Result<Verified, Error> {
    let mut verification = Verification {
        target,
        progress,
        on_problem,
        seen: HashSet::new(),
        verified: Verified::default(),
    };
    verification.run(only).await?;
    Ok(verification.verified)
}

struct Verification<'a> {
    target: &'a Target,
    progress: &'a Progress,
    on_problem: &'a mut (dyn FnMut(&str) + Send),
    /// Chunks that were read and are as they should be.
    seen: HashSet<ChunkId>,
    verified: Verified,
}

impl Verification<'_> {
    async fn run(&mut self, only: Option<&str>) -> Result<(), Error> {
        let mut backups = self.target.backups().await?;
        if let Some(only) = only {
            let name = self.target.select(Some(only)).await?;
            backups.retain(|it| it.name == name);
        }
        if backups.is_empty() {
            return Err(Error::Refused(
                "there is no backup in the target".to_owned(),
            ));
        }
        self.progress.begin(Phase::VerifyingBackup, 0, 0);
        let mark = match self.target.mark().await {
            Ok(Some(mark)) => Some(mark.store),
            Ok(None) => {
                self.report(&format!("'{MARK}' is missing"));
                None
            }
            Err(error) => {
                self.damage("the target", error)?;
                None
            }
        };
        for backup in backups {
            let name = backup.name;
            let what = format!("backup '{name}'");
            let started = match self.target.started(&name).await {
                Ok(started) => Some(started),
                Err(error) => {
                    self.damage(&what, error)?;
                    None
                }
            };
            if !backup.is_complete {
                self.verified.unfinished.push(name);
                continue;
            }
            let manifest = match self.target.manifest(&name).await {
                Ok(manifest) => manifest,
                Err(error) => {
                    self.damage(&what, error)?;
                    continue;
                }
            };
            let is_its = started.is_none_or(|it| {
                (it.name, it.store, it.at) == (name.clone(), manifest.store, manifest.started_at)
            });
            if !is_its || mark.is_some_and(|store| store != manifest.store) {
                self.report(&format!("{what}: its parts are those of different backups"));
            }
            let lacking = manifest.problems.iter();
            let lacking = lacking.map(|problem| format!("{what}: {problem}"));
            self.verified.lacking.extend(lacking);
            self.backup(&what, &manifest).await?;
            self.verified.backups.push(name);
        }
        Ok(())
    }

    async fn backup(&mut self, what: &str, manifest: &Manifest) -> Result<(), Error> {
        for listing in [Some(&manifest.databases), manifest.files.as_ref()] {
            let Some(listing) = listing else {
                continue;
            };
            let found = self.verified.problems;
            self.content(&format!("{what}: a listing"), listing).await?;
            if self.verified.problems > found {
                continue; // nothing behind the damage can be read
            }
            let mut entries = ListingReader::new(self.target, listing);
            loop {
                match entries.next().await {
                    Ok(Some(entry)) => {
                        let described = format!("{what}: {}", entry.describe());
                        self.content(&described, &entry.content).await?;
                        self.progress.advance(1);
                    }
                    Ok(None) => break,
                    Err(error) => {
                        self.damage(what, error)?;
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads the chunks that have not been read yet. Of a damaged one that several things share, each is named.
    async fn content(&mut self, what: &str, content: &Content) -> Result<(), Error> {
        let mut unread = Vec::new();
        let mut listed = HashSet::new();
        for (id, _, bytes) in content.parts() {
            if !self.seen.contains(&id) && listed.insert(id) {
                unread.push((id, bytes));
            }
        }
        let target = self.target;
        let mut reading = stream::iter(unread)
            .map(|(id, bytes)| async move { (id, bytes, target.chunk(id, bytes).await.map(drop)) })
            .buffered(CONCURRENT_CHUNKS);
        while let Some((id, bytes, outcome)) = reading.next().await {
            match outcome {
                Ok(()) => {
                    self.seen.insert(id);
                    self.verified.chunks += 1;
                    self.verified.bytes += bytes;
                }
                Err(Error::Damaged(problem)) => {
                    self.verified.problems += 1;
                    (self.on_problem)(&format!("{what}: {problem}"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reports damage; returns any other error.
    fn damage(&mut self, what: &str, error: Error) -> Result<(), Error> {
        match error {
            Error::Damaged(problem) => {
                self.report(&format!("{what}: {problem}"));
                Ok(())
            }
            error => Err(error),
        }
    }

    fn report(&mut self, problem: &str) {
        self.verified.problems += 1;
        (self.on_problem)(problem);
    }
}
