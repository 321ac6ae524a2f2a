//! Backs up the files of the embedded storage.

use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::file_stamp::FileStamp;
use super::previous::Previous;
use super::{BackedUp, CONCURRENT, Creation, entry};
use crate::jobs::Phase;
use crate::jobs::backup::format::{Content, Entry, Kind};
use crate::jobs::backup::listing::ListingWriter;
use crate::jobs::backup::{Error, blocking};
use crate::objects::{Inspection, ObjectFile};

/// The objects whose earlier entries are looked up together.
const OBJECT_BATCH: usize = 64;

/// The attempts to find the files of an object that somebody replaces again and again.
const MAX_ATTEMPTS: usize = 5;

impl Creation<'_> {
    /// Backs up the files of the embedded storage, and returns the listing of them.
    pub(super) async fn files(
        &mut self,
        folder: &Path,
        previous: &mut Previous,
    ) -> Result<Content, Error> {
        let (folder, entropy) = (folder.to_owned(), Arc::clone(&self.job.entropy));
        let opening = blocking(move || Ok(Inspection::open(&folder, entropy).map(Arc::new)));
        let mut listing = ListingWriter::create(self.scratch.file("files"))?;
        let Some(inspection) = opening.await? else {
            return self.store_listing(listing).await; // nobody has uploaded anything
        };
        self.progress.begin(Phase::BackingUp, 0, 0);
        for first_byte in 0..=u8::MAX {
            let inspected = Arc::clone(&inspection);
            let names = blocking(move || {
                let names = inspected.names(first_byte);
                names.map_err(|error| Error::file("list", inspected.path(), error))
            });
            for batch in names.await?.chunks(OBJECT_BATCH) {
                let mut known = Vec::with_capacity(batch.len());
                for name in batch {
                    known.push((name, previous.object(name).await));
                }
                let this = &*self;
                let objects: Vec<_> = stream::iter(known)
                    .map(|(name, known)| this.object(&inspection, name, known))
                    .buffered(CONCURRENT)
                    .try_collect()
                    .await?;
                for object in objects {
                    self.add_object(object, &mut listing)?;
                }
            }
        }
        let owner = inspection.owner();
        match self.file(&owner, &[]).await {
            Ok(found) => self.add_object((vec![found], None), &mut listing)?,
            Err(error) if error.is_missing_file() => {}
            Err(error) => return Err(error),
        }
        self.store_listing(listing).await
    }

    fn add_object(
        &mut self,
        (files, damage): (Vec<BackedUp>, Option<String>),
        listing: &mut ListingWriter,
    ) -> Result<(), Error> {
        self.problems.extend(damage);
        for BackedUp {
            entry,
            is_unchanged,
        } in files
        {
            self.totals.files += 1;
            self.totals.bytes += entry.content.size_bytes;
            self.unchanged += u64::from(is_unchanged);
            self.progress.advance(1);
            listing.add(&entry)?;
        }
        Ok(())
    }

    /// Backs up an object, and returns its files, none if it is gone, and what is wrong with it. A damaged one is backed up as
    /// it is.
    async fn object(
        &self,
        inspection: &Arc<Inspection>,
        name: &str,
        known: Vec<Entry>,
    ) -> Result<(Vec<BackedUp>, Option<String>), Error> {
        'attempts: for _ in 0..MAX_ATTEMPTS {
            let (inspected, of_object) = (Arc::clone(inspection), name.to_owned());
            let looking = blocking(move || {
                let found = inspected.files(&of_object);
                found.map_err(|error| Error::file("read an object in", inspected.path(), error))
            });
            let Some(object) = looking.await? else {
                return Ok((Vec::new(), None));
            };
            let mut done = Vec::with_capacity(object.files.len());
            for file in &object.files {
                match self.file(file, &known).await {
                    Ok(found) => done.push(found),
                    // Deleted or replaced meanwhile.
                    Err(error) if error.is_missing_file() => continue 'attempts,
                    Err(error) => return Err(error),
                }
            }
            let damage = object
                .damage
                .map(|problem| format!("object '{name}' is damaged: {problem}"));
            return Ok((done, damage));
        }
        Ok((
            Vec::new(),
            Some(format!("object '{name}' changes all the time")),
        ))
    }

    async fn file(&self, file: &ObjectFile, known: &[Entry]) -> Result<BackedUp, Error> {
        let path = format!("files/{}", file.name);
        let known = known.iter().find(|it| it.path == path);
        let (at, clock) = (file.path.clone(), Arc::clone(&self.job.clock));
        let stamping = blocking(move || {
            let stamp = FileStamp::of(&[&at]).map_err(|error| Error::file("read", &at, error))?;
            Ok((stamp.text().to_owned(), stamp.settled(&*clock)))
        });
        let (now, stamp) = stamping.await?;
        if let Some(known) = known
            && known.stamp.as_ref() == Some(&now)
        {
            return Ok(BackedUp {
                entry: known.clone(),
                is_unchanged: true,
            });
        }
        let chunks = known.map_or(&[][..], |it| &it.content.chunks);
        let stored = self.writer.store(&file.path, Kind::File, chunks).await?;
        Ok(BackedUp {
            entry: entry(path, stored, None, stamp),
            is_unchanged: false,
        })
    }
}
