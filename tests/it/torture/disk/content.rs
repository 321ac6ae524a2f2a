//! The content of a file, as the process reads it and as the disk may have it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Unsynced;
use crate::torture::dice::Dice;

const PAGE: usize = 4096;
const SECTOR: usize = 512;

type Content = Arc<[u8; PAGE]>;

#[derive(Debug, Default)]
pub(super) struct File {
    pages: Vec<Page>,
    /// Those that were written to since they were last synced.
    dirty: BTreeSet<usize>,
    size: Sized,
}

#[derive(Debug, Default)]
struct Sized {
    on_disk: u64,
    /// Each with its time.
    since: Vec<(u64, u64)>,
}

#[derive(Debug, Default)]
struct Page {
    /// `None`: zeros.
    on_disk: Option<Content>,
    /// What the process reads, if a failed sync has left it out of the disk and out of `since`.
    clean: Option<Content>,
    /// What it was since, each with its time.
    since: Vec<(u64, Content)>,
}

impl File {
    pub(super) fn write(&mut self, time: u64, offset: u64, bytes: &[u8]) {
        let mut at = usize::try_from(offset).expect("a file that fits into memory");
        let end = at + bytes.len();
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let (page, begin) = (at / PAGE, at % PAGE);
            let (now, later) = bytes.split_at(bytes.len().min(PAGE - begin));
            let mut content = *self.page(page).cached();
            content[begin..begin + now.len()].copy_from_slice(now);
            self.put(time, page, &content);
            at += now.len();
            bytes = later;
        }
        if end as u64 > self.size.cached() {
            self.size.since.push((time, end as u64));
        }
    }

    pub(super) fn resize(&mut self, time: u64, size: u64) {
        let old = self.size.cached();
        self.size.since.push((time, size));
        if size >= old {
            return;
        }
        // What is behind the new end is zeros, should the file grow again.
        let size = usize::try_from(size).expect("a file that fits into memory");
        for page in size / PAGE..self.pages.len() {
            let kept = size.saturating_sub(page * PAGE).min(PAGE);
            let mut content = *self.pages[page].cached();
            content[kept..].fill(0);
            self.put(time, page, &content);
        }
    }

    fn page(&mut self, page: usize) -> &mut Page {
        if self.pages.len() <= page {
            self.pages.resize_with(page + 1, Page::default);
        }
        &mut self.pages[page]
    }

    fn put(&mut self, time: u64, page: usize, content: &[u8; PAGE]) {
        self.page(page).since.push((time, Arc::new(*content)));
        self.dirty.insert(page);
    }

    /// Everything from before `begun` is on the disk.
    pub(super) fn sync(&mut self, begun: u64) {
        for page in std::mem::take(&mut self.dirty) {
            if self.pages[page].sync(begun) {
                self.dirty.insert(page);
            }
        }
        self.size.sync(begun);
    }

    /// What is from before `begun` and dropped never comes to the disk by itself.
    pub(super) fn fail_to_sync(&mut self, begun: u64, mut is_dropped: impl FnMut() -> bool) {
        for page in std::mem::take(&mut self.dirty) {
            let still_dirty = if is_dropped() {
                self.pages[page].drop_before(begun)
            } else {
                self.pages[page].sync(begun)
            };
            if still_dirty {
                self.dirty.insert(page);
            }
        }
    }

    pub(super) fn content(&self, unsynced: Unsynced, moment: u64, random: &mut Dice) -> Vec<u8> {
        let Sized { on_disk, since } = &self.size;
        let known = match unsynced {
            Unsynced::Lost => 0,
            Unsynced::Kept => since.len(),
            Unsynced::UntilAMoment => since.iter().filter(|(time, _)| *time <= moment).count(),
            Unsynced::Pages | Unsynced::Sectors => random.index(since.len() + 1),
        };
        let size = known.checked_sub(1).map_or(*on_disk, |last| since[last].1);
        // A file that was not cut short has what was behind its later end still.
        let mut before = size;
        let cut = since[known..].iter().find(|(_, later)| {
            let is_shorter = *later < before;
            before = *later;
            is_shorter
        });
        let end = cut.map_or(u64::MAX, |(time, _)| *time);
        let size = usize::try_from(size).expect("a file that fits into memory");
        let mut content = vec![0; size];
        for (page, target) in self.pages.iter().zip(content.chunks_mut(PAGE)) {
            let states = page.since.partition_point(|(time, _)| *time < end);
            page.copy_to(target, states, unsynced, moment, random);
        }
        content
    }
}

impl Sized {
    fn cached(&self) -> u64 {
        self.since.last().map_or(self.on_disk, |(_, size)| *size)
    }

    fn sync(&mut self, begun: u64) {
        let synced = self.since.partition_point(|(time, _)| *time < begun);
        if let Some((_, size)) = self.since.drain(..synced).next_back() {
            self.on_disk = size;
        }
    }
}

impl Page {
    fn cached(&self) -> &[u8; PAGE] {
        let last = self.since.last().map(|(_, content)| content);
        let content = last.or(self.clean.as_ref()).or(self.on_disk.as_ref());
        content.map_or(&[0; PAGE], |content| content)
    }

    /// Returns whether it has been written to since.
    fn sync(&mut self, begun: u64) -> bool {
        let synced = self.since.partition_point(|(time, _)| *time < begun);
        if let Some((_, content)) = self.since.drain(..synced).next_back() {
            self.on_disk = Some(content);
            self.clean = None;
        }
        !self.since.is_empty()
    }

    fn drop_before(&mut self, begun: u64) -> bool {
        let dropped = self.since.partition_point(|(time, _)| *time < begun);
        if let Some((_, content)) = self.since.drain(..dropped).next_back() {
            self.clean = Some(content);
        }
        !self.since.is_empty()
    }

    /// Copies one of the first `states` states, or what is on the disk.
    fn copy_to(
        &self,
        target: &mut [u8],
        states: usize,
        unsynced: Unsynced,
        moment: u64,
        random: &mut Dice,
    ) {
        let mut state = || match unsynced {
            Unsynced::Lost => 0,
            Unsynced::Kept => states,
            Unsynced::UntilAMoment => {
                let known = self.since.partition_point(|(time, _)| *time <= moment);
                known.min(states)
            }
            Unsynced::Pages | Unsynced::Sectors => random.index(states + 1),
        };
        let step = if unsynced == Unsynced::Sectors {
            SECTOR
        } else {
            PAGE
        };
        for (number, target) in target.chunks_mut(step).enumerate() {
            let content = match state() {
                0 => self.on_disk.as_ref(),
                state => Some(&self.since[state - 1].1),
            };
            if let Some(content) = content {
                let begin = number * step;
                target.copy_from_slice(&content[begin..begin + target.len()]);
            }
        }
    }
}
