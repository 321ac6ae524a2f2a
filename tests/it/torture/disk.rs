//! What a disk may look like after a power cut, by the calls that were recorded until then.
//!
//! **Content.** What was written before a sync that succeeded is there. Of what was written since, each page
//! (or, torn, each sector) has any state that it had between then and the cut, and the file any size. After a
//! sync that failed the pages that were to be synced count as clean, as on Linux: what the process reads has
//! them, and no later sync writes them, unless they are written to again.
//!
//! **Names.** Making, renaming, linking and removing happen in order, as on file systems with one journal (ext4,
//! XFS, Btrfs): a beginning of them is there, and no less than up to the last one whose folder was synced. A
//! folder's sync is needed for that; a file's sync is taken to say nothing of its name.

mod content;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::dice::Dice;
use super::record::{Call, Names};
use content::File;

/// What becomes of what is not synced when the power is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsynced {
    /// Nothing of it is there.
    Lost,
    /// All of it is there.
    Kept,
    /// What was written before a moment is there, and nothing since.
    UntilAMoment,
    /// Each page has a state of its own.
    Pages,
    /// Each sector has.
    Sectors,
}

pub(super) const UNSYNCED: [Unsynced; 5] = [
    Unsynced::Lost,
    Unsynced::Kept,
    Unsynced::UntilAMoment,
    Unsynced::Pages,
    Unsynced::Sectors,
];

/// The folder, as the process sees it and as the disk may have it.
#[derive(Debug)]
pub(super) struct Disk {
    files: Vec<File>,
    by_inode: HashMap<u64, usize>,
    names: Vec<NameChange>,
    /// The number of the calls so far: each has a time.
    time: u64,
    /// When the syncs that are under way began.
    syncs: HashMap<u64, u64>,
    /// What a failed sync drops.
    random: Dice,
}

#[derive(Debug, Clone)]
struct NameChange {
    time: u64,
    what: What,
    folders: [u64; 2],
    synced: bool,
}

#[derive(Debug, Clone)]
enum What {
    File(String, usize),
    Folder(String),
    Rename(String, String),
    Link(String, String),
    Remove(String),
}

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    File(usize),
    Folder,
}

impl Disk {
    /// Takes the folder as it is, all of it on the disk.
    pub(super) fn of(root: &Path, seed: u64) -> Self {
        let mut disk = Self {
            files: Vec::new(),
            by_inode: HashMap::new(),
            names: Vec::new(),
            time: 0,
            syncs: HashMap::new(),
            random: Dice::seeded(seed),
        };
        disk.add(root, "");
        disk
    }

    fn add(&mut self, root: &Path, folder: &str) {
        for entry in fs::read_dir(root.join(folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a name of UTF-8");
            let path = if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            };
            let metadata = entry.metadata().expect("the entry is there");
            if metadata.is_dir() {
                self.change([0; 2], What::Folder(path.clone()));
                self.add(root, &path);
            } else {
                let content = fs::read(entry.path()).expect("the file is there");
                let file = self.file(metadata.ino());
                self.files[file].write(0, 0, &content);
                self.files[file].sync(u64::MAX);
                self.change([0; 2], What::File(path, file));
            }
        }
        self.names.iter_mut().for_each(|it| it.synced = true);
    }

    fn file(&mut self, inode: u64) -> usize {
        self.files.push(File::default());
        self.by_inode.insert(inode, self.files.len() - 1);
        self.files.len() - 1
    }

    fn change(&mut self, folders: [u64; 2], what: What) {
        self.names.push(NameChange {
            time: self.time,
            what,
            folders,
            synced: false,
        });
    }

    /// Does what the process has done next.
    pub(super) fn apply(&mut self, call: &Call) {
        self.time += 1;
        let time = self.time;
        match call {
            Call::Create {
                path,
                inode,
                folder,
            } => {
                let file = self.file(*inode);
                self.change([*folder; 2], What::File(path.clone(), file));
            }
            Call::Write {
                inode,
                offset,
                bytes,
            } => {
                let file = &mut self.files[self.by_inode[inode]];
                file.write(time, *offset, bytes);
            }
            Call::Resize { inode, size } => {
                self.files[self.by_inode[inode]].resize(time, *size);
            }
            Call::Rename(Names {
                from,
                to,
                from_folder,
                to_folder,
            }) => {
                let what = What::Rename(from.clone(), to.clone());
                self.change([*from_folder, *to_folder], what);
            }
            Call::Link(Names {
                from,
                to,
                to_folder,
                ..
            }) => {
                self.change([*to_folder; 2], What::Link(from.clone(), to.clone()));
            }
            Call::Unlink { path, folder } | Call::RemoveFolder { path, folder } => {
                self.change([*folder; 2], What::Remove(path.clone()));
            }
            Call::MakeFolder {
                path,
                inode,
                folder,
            } => {
                // An inode that a file has had before may be a folder's now.
                self.by_inode.remove(inode);
                self.change([*folder; 2], What::Folder(path.clone()));
            }
            Call::SyncBegin { number, .. } => {
                self.syncs.insert(*number, time);
            }
            Call::SyncEnd {
                inode,
                number,
                failed,
            } => {
                let begun = self.syncs.remove(number).expect("a sync that began");
                self.sync(*inode, begun, *failed);
            }
            // The numbers of syncs begin again with the next process.
            Call::Frozen => self.syncs.clear(),
        }
    }

    fn sync(&mut self, inode: u64, begun: u64, failed: bool) {
        match self.by_inode.get(&inode) {
            Some(file) if failed => {
                let drops_all = self.random.below(2) == 0;
                let random = &mut self.random;
                self.files[*file].fail_to_sync(begun, || drops_all || random.below(2) == 0);
            }
            Some(file) => self.files[*file].sync(begun),
            None if failed => {} // a journal that was not written may be written later
            None => {
                let synced = |it: &&mut NameChange| it.time < begun && it.folders.contains(&inode);
                let changes = self.names.iter_mut().filter(synced);
                changes.for_each(|it| it.synced = true);
            }
        }
    }

    /// Makes in `root`, which is empty, what the disk may have after a power cut at this moment.
    pub(super) fn write_to(&self, root: &Path, unsynced: Unsynced, random: &mut Dice) {
        let moment = self.moment(unsynced, random);
        for (path, node) in self.tree(unsynced, moment, random) {
            let path = root.join(path);
            match node {
                Node::Folder => fs::create_dir(&path).expect("a new folder"),
                Node::File(file) => {
                    let content = self.files[file].content(unsynced, moment, random);
                    fs::write(&path, content).expect("a new file");
                }
            }
        }
    }

    /// Returns a time since the start, rather close to now.
    fn moment(&self, unsynced: Unsynced, random: &mut Dice) -> u64 {
        match unsynced {
            Unsynced::Lost => 0,
            Unsynced::UntilAMoment => self.time - random.below(self.time.min(300) + 1),
            Unsynced::Kept | Unsynced::Pages | Unsynced::Sectors => self.time,
        }
    }

    /// Returns the names that are there, folders before what is in them.
    fn tree(&self, unsynced: Unsynced, moment: u64, random: &mut Dice) -> BTreeMap<String, Node> {
        let last_synced = self.names.iter().rposition(|it| it.synced);
        let least = last_synced.map_or(0, |last| last + 1);
        let open = self.names.len() - least;
        let kept = least
            + match unsynced {
                Unsynced::Lost => 0,
                Unsynced::Kept => open,
                Unsynced::UntilAMoment => self.names[least..]
                    .iter()
                    .take_while(|it| it.time <= moment)
                    .count(),
                Unsynced::Pages | Unsynced::Sectors => random.index(open + 1),
            };
        let mut tree = BTreeMap::new();
        for change in &self.names[..kept] {
            change.what.apply(&mut tree);
        }
        tree
    }
}

impl What {
    fn apply(&self, tree: &mut BTreeMap<String, Node>) {
        match self {
            Self::File(path, file) => _ = tree.insert(path.clone(), Node::File(*file)),
            Self::Folder(path) => _ = tree.insert(path.clone(), Node::Folder),
            Self::Remove(path) => _ = tree.remove(path),
            Self::Link(from, to) => {
                let node = tree[from];
                tree.insert(to.clone(), node);
            }
            Self::Rename(from, to) => {
                let below = format!("{from}/");
                let moved = tree.keys().filter(|path| path.starts_with(&below));
                for path in moved.cloned().collect::<Vec<_>>() {
                    let node = tree.remove(&path).expect("a name of the tree");
                    tree.insert(format!("{to}/{}", &path[below.len()..]), node);
                }
                let node = tree.remove(from).expect("what is renamed is there");
                tree.insert(to.clone(), node);
            }
        }
    }
}
