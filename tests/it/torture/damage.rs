//! Damage to files of every kind in the data folder: harmless, or refused and named, and other tenants are
//! served.

mod outcome;
mod stage;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::dice::Dice;
use super::seed;
use crate::support;
use outcome::Outcome;
use stage::{Kind, Stage};

/// What befalls a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Damage {
    Emptied,
    CutInHalf,
    OneBitFlipped,
    OverwrittenWithNoise,
    Removed,
    /// By the file of another tenant, or another file, of the same kind.
    Replaced,
}

const DAMAGES: [Damage; 6] = [
    Damage::Emptied,
    Damage::CutInHalf,
    Damage::OneBitFlipped,
    Damage::OverwrittenWithNoise,
    Damage::Removed,
    Damage::Replaced,
];

/// What is not noticed yet: the log of another database in a folder that was copied as a whole, where no record tells
/// which files belong together. It is shown and not counted.
const OPEN: (&str, Damage) = ("tenant's db-wal", Damage::Replaced);

#[tokio::test]
async fn damage_to_any_file_is_harmless_or_named() {
    let cases = support::number_from_environment("EVENT_HISTORY_TEST_DAMAGES", 24);
    let flips = support::number_from_environment("EVENT_HISTORY_TEST_FLIPS", 1);
    let seed = seed();
    let mut dice = Dice::seeded(seed);
    let stage = Stage::set().await;
    let mut all: Vec<(Kind, Damage)> = Vec::new();
    // With a part of its name one kind can be looked at alone.
    let part = support::environment("EVENT_HISTORY_TEST_KIND").unwrap_or_default();
    let kinds = stage.kinds().into_iter();
    for kind in kinds.filter(|kind| kind.to_string().contains(&part)) {
        for damage in DAMAGES {
            let times = if damage == Damage::OneBitFlipped {
                flips
            } else {
                1
            };
            all.extend((0..times).map(|_| (kind.clone(), damage)));
        }
    }
    let total = all.len();
    while all.len() as u64 > cases {
        all.swap_remove(dice.index(all.len()));
    }
    all.sort();
    println!("{} of {total} cases", all.len());
    let mut table: BTreeMap<Kind, BTreeMap<Damage, Vec<Outcome>>> = BTreeMap::new();
    for (kind, damage) in all {
        let Some(outcome) = stage.outcome(&kind, damage, &mut dice).await else {
            continue; // no other file to replace it by
        };
        println!("{kind:<28} {:<22} {outcome}", format!("{damage:?}"));
        table
            .entry(kind)
            .or_default()
            .entry(damage)
            .or_default()
            .push(outcome);
    }
    let outcomes = || table.values().flat_map(BTreeMap::values).flatten();
    let count = |name: &str| outcomes().filter(|it| it.name() == name).count();
    for name in ["harmless", "refused", "cannot be told", "WRONG"] {
        println!("{name}: {}", count(name));
    }
    let open = |kind: &Kind, damage: Damage| kind.to_string() == OPEN.0 && damage == OPEN.1;
    let wrong = table.iter().flat_map(|(kind, outcomes)| {
        let outcomes = outcomes.iter().filter(|(damage, _)| !open(kind, **damage));
        outcomes.flat_map(|(_, outcomes)| outcomes)
    });
    let wrong = wrong.filter(|it| it.name() == "WRONG").count();
    assert_eq!(wrong, 0, "seed {seed}");
}

impl Damage {
    /// Damages a file; `other` is what it may be replaced by. Returns the place of a flipped bit.
    fn befall(self, path: &Path, other: Option<&Path>, dice: &mut Dice) -> Option<usize> {
        let content = fs::read(path).expect("the file is there");
        let mut flipped = None;
        match self {
            Self::Emptied => fs::write(path, ""),
            Self::CutInHalf => fs::write(path, &content[..content.len() / 2]),
            Self::OneBitFlipped => {
                let mut content = content;
                if !content.is_empty() {
                    let at = dice.index(content.len());
                    content[at] ^= 1 << dice.below(8);
                    flipped = Some(at);
                }
                fs::write(path, content)
            }
            Self::OverwrittenWithNoise => fs::write(path, dice.bytes(content.len().max(64))),
            Self::Removed => fs::remove_file(path),
            Self::Replaced => fs::copy(other.expect("another file of the kind"), path).map(drop),
        }
        .expect("a file of the test's");
        flipped
    }
}
