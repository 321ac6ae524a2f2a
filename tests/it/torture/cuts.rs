//! Power cuts, replayed from the record of what a server under load wrote and synced.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::dice::Dice;
use super::disk::{Disk, UNSYNCED, Unsynced};
use super::ledger::{Ledger, SentTenant};
use super::load::{self, TENANTS};
use super::record::{Call, Entry, Recorder};
use super::{seed, server_on, settings_of, verify};
use crate::support::{self, FaultySync, Server};

/// Each run of a round ends with a kill, and the next one finds what is not synced yet.
const RUNS: u64 = 2;
const LOAD_MS: std::ops::Range<u64> = 400..1_200;

/// How long syncs go one way.
const STRETCH_MS: std::ops::Range<u64> = 50..400;

const DELAY_MS: u32 = 30;

/// How many problems of a cut are shown.
const SHOWN: usize = 5;

/// What happens to syncs while a server is under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syncs {
    Succeed,
    /// In stretches they fail, or come late.
    Fail,
}

#[tokio::test]
async fn what_was_acknowledged_survives_power_cuts() {
    torture(Syncs::Succeed).await;
}

#[tokio::test]
async fn what_was_acknowledged_while_syncs_fail_survives_power_cuts() {
    torture(Syncs::Fail).await;
}

async fn torture(syncs: Syncs) {
    let rounds = support::number_from_environment("EVENT_HISTORY_TEST_ROUNDS", 1);
    let cuts = support::number_from_environment("EVENT_HISTORY_TEST_CUTS", 5);
    let seed = seed();
    let mut problems = Vec::new();
    for round in 0..rounds {
        let round = Round::record(syncs, seed + round).await;
        problems.extend(round.cut(cuts).await);
    }
    assert!(problems.is_empty(), "seed {seed}:\n{}", problems.join("\n"));
}

/// A record, and what was promised while it was made.
struct Round {
    seed: u64,
    place: TempDir,
    before: Disk,
    entries: Vec<Entry>,
    ledger: Ledger,
}

impl Round {
    async fn record(syncs: Syncs, seed: u64) -> Self {
        let place = tempfile::tempdir().expect("a temporary folder");
        let root = place.path().join("data");
        fs::create_dir(&root).expect("a new folder");
        let before = Disk::of(&root, seed);
        let recorder = Recorder::new(&root);
        let faults = FaultySync::new();
        let mut dice = Dice::seeded(seed);
        let mut ledger = Ledger::default();
        for run in 0..RUNS {
            let server = recorder.records(faults.befalls(server_on(&root))).start();
            if run == 0 {
                begin(&server, &recorder, &mut ledger).await;
            }
            let time =
                Duration::from_millis(LOAD_MS.start + dice.below(LOAD_MS.end - LOAD_MS.start));
            let trouble = trouble(syncs, &faults, dice.clone());
            load::load_until_killed(&server, &recorder, &mut ledger, time, dice.next(), trouble)
                .await;
            faults.recover();
        }
        let round = Self {
            seed,
            entries: recorder.entries(),
            place,
            before,
            ledger,
        };
        round.check_record(&root, syncs);
        println!(
            "seed {seed}: {} calls; {}",
            round.entries.len(),
            round.ledger.summary()
        );
        round
    }

    /// With everything that was written, the record makes the folder that there is.
    fn check_record(&self, root: &Path, syncs: Syncs) {
        if syncs != Syncs::Succeed {
            return; // what a failed sync has dropped is not on the disk of the record
        }
        let mut disk = Disk::of(&self.empty("before"), 0);
        self.entries.iter().for_each(|it| disk.apply(&it.call));
        let rebuilt = self.empty("whole");
        disk.write_to(&rebuilt, Unsynced::Kept, &mut Dice::seeded(0));
        let (found, expected) = (files(&rebuilt), files(root));
        assert_eq!(
            found.keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>()
        );
        for (path, content) in expected {
            assert!(
                found[&path] == content,
                "{} is not as recorded",
                path.display()
            );
        }
    }

    fn empty(&self, name: &str) -> PathBuf {
        let path = self.place.path().join(name);
        fs::create_dir(&path).expect("a new folder");
        path
    }

    /// Returns what was wrong after so many cuts.
    async fn cut(self, cuts: u64) -> Vec<String> {
        let unexpected = self.ledger.unexpected.iter().take(SHOWN);
        let mut problems: Vec<_> = unexpected
            .map(|it| format!("seed {}: {it}", self.seed))
            .collect();
        let mut dice = Dice::seeded(self.seed ^ 0xc075);
        let mut moments: Vec<_> = (0..cuts)
            .map(|number| self.moment(number, &mut dice))
            .collect();
        moments.sort_unstable();
        let (place, entries, ledger) = (self.place, self.entries, self.ledger);
        let mut disk = self.before;
        let mut applied = 0;
        for (number, moment) in moments.into_iter().enumerate() {
            while applied < moment {
                disk.apply(&entries[applied].call);
                applied += 1;
            }
            let unsynced = UNSYNCED[dice.index(UNSYNCED.len())];
            let root = place.path().join(format!("cut.{number}"));
            fs::create_dir(&root).expect("a new folder");
            disk.write_to(&root, unsynced, &mut dice);
            let length = moment.checked_sub(1).map_or(0, |last| entries[last].end);
            let found = after(&root, &ledger, length).await;
            let hint = format!(
                "seed {} cut at call {moment} of {}, unsynced {unsynced:?}",
                self.seed,
                entries.len()
            );
            println!("{hint}: {} problems", found.len());
            problems.extend(found.iter().take(SHOWN).map(|it| format!("{hint}: {it}")));
            fs::remove_dir_all(&root).expect("a folder of the test's");
        }
        problems
    }

    /// Returns how many calls come before a cut: right after an answer, where a sync or a name was just done,
    /// or anywhere.
    fn moment(&self, number: u64, dice: &mut Dice) -> usize {
        let anywhere = dice.index(self.entries.len() + 1);
        match number % 3 {
            0 => {
                let events = self
                    .ledger
                    .events
                    .iter()
                    .filter_map(|it| it.acknowledged_at);
                let files = self.ledger.files.iter().filter_map(|it| it.acknowledged_at);
                let answers: Vec<_> = events.chain(files).collect();
                if answers.is_empty() {
                    return anywhere;
                }
                let length = answers[dice.index(answers.len())];
                self.entries.partition_point(|it| it.end <= length)
            }
            1 => {
                let is_turning_point = |entry: &Entry| {
                    matches!(
                        entry.call,
                        Call::Rename(_) | Call::Link(_) | Call::SyncEnd { .. }
                    )
                };
                let after = self.entries[anywhere..].iter().position(is_turning_point);
                after.map_or(anywhere, |calls| anywhere + calls + 1)
            }
            _ => anywhere,
        }
    }
}

/// Starts a server on what a cut has left, and returns what is wrong with it.
pub(super) async fn after(root: &Path, ledger: &Ledger, length: u64) -> Vec<String> {
    let server = match server_on(root).try_start() {
        Ok(server) => server,
        Err(refusal) => return vec![format!("it does not start: {refusal}")],
    };
    let mut problems = verify::problems(&server, ledger, length).await;
    problems.extend(fsck(root));
    problems
}

/// Returns what `event-history fsck` finds, beside the running server.
fn fsck(root: &Path) -> Option<String> {
    let home = root.parent().expect("a folder of the test's");
    let mut fsck = support::clean_command(support::binary(), home);
    let settings = settings_of(root);
    let output = fsck.arg("fsck").envs(settings).output();
    let output = output.expect("the binary runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (!output.status.success()).then(|| format!("fsck, {}: {said}", output.status))
}

async fn begin(server: &Server, recorder: &Recorder, ledger: &mut Ledger) {
    for number in 0..TENANTS {
        let tenant = server.create_tenant(&format!("tenant_{number}")).await;
        ledger.tenants.push(SentTenant {
            tenant,
            created_at: recorder.position(),
            deletion_asked_at: None,
            deleted_at: None,
        });
    }
}

/// Makes syncs go one way or another, in turns.
async fn trouble(syncs: Syncs, faults: &FaultySync, mut dice: Dice) {
    if syncs == Syncs::Succeed {
        return std::future::pending().await;
    }
    loop {
        match dice.below(4) {
            0 => faults.recover(),
            1 => faults.delay(DELAY_MS, ""),
            _ => faults.fail(""),
        }
        let stretch = STRETCH_MS.start + dice.below(STRETCH_MS.end - STRETCH_MS.start);
        tokio::time::sleep(Duration::from_millis(stretch)).await;
    }
}

/// Returns the files below a folder with their content, but those that SQLite maps: no record has them.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|it| it != "db-shm") {
                let content = fs::read(&path).expect("a file");
                let path = path.strip_prefix(root).expect("a path below the root");
                found.insert(path.to_owned(), content);
            }
        }
    }
    found
}
