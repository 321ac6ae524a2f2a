//! Taking events in, each once.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Access, Error};
use crate::domain::{Event, EventFile, FileId, ObjectKey, Retention};
use crate::objects::ObjectInfo;
use crate::store::Appended;

/// How long storage has to tell of all files of an event: who waits has 5 s (what EventBridge gives an
/// endpoint), and the event has to be stored in that time too.
const FILES_TIMEOUT: Duration = Duration::from_millis(3_500);

/// Files of one event that storage is asked for at once.
const FILES_AT_ONCE: usize = 10;

/// How often a file is looked at that changes while it is.
const MAX_LOOKS: usize = 3;

impl Access {
    /// Stores an event: durable when this answers. A second delivery of the same event changes
    /// nothing and is no error; the same id with other content is one.
    ///
    /// What storage says of the event's files at this moment is recorded with it.
    pub async fn append(&self, mut event: Event) -> Result<(), Error> {
        let event_id = event.id;
        match self.recorded(&event.files).await {
            Ok(files) => event.files = files,
            Err(problem) => return self.redelivery_or(&event, problem).await,
        }
        let store = &self.service.store;
        let appended = store.append(&self.tenant, vec![event]).await?;
        match appended.first() {
            Some(Appended::Stored | Appended::AlreadyThere) => Ok(()),
            Some(Appended::OtherContent) => Err(Error::OtherContent { event_id }),
            // It was there a moment ago. The next delivery learns whether it is still.
            Some(Appended::FileTombstoned(file_id)) => {
                let cause = format!("file {file_id} is about to be removed as an orphan");
                Err(Error::Unavailable(cause.into()))
            }
            None => Err(Error::Broken(
                "the store gave no answer for the event".into(),
            )),
        }
    }

    /// Decides about an event with a file that cannot be recorded. Where the event was stored while the
    /// file was still as it should be, this is a late second delivery: refusing it would tell the sender
    /// that an event is not stored that is.
    async fn redelivery_or(&self, event: &Event, problem: Error) -> Result<(), Error> {
        match self.service.store.event(&self.tenant, event.id).await? {
            Some(stored) if stored.same_content(event) => Ok(()),
            Some(_) => Err(Error::OtherContent { event_id: event.id }),
            None => Err(problem),
        }
    }

    /// Returns these files with what storage says of each.
    async fn recorded(&self, files: &[EventFile]) -> Result<Vec<EventFile>, Error> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<FileId> = files.iter().map(|file| file.id).collect();
        let recording = stream::iter(ids)
            .map(|id| self.record(id))
            .buffered(FILES_AT_ONCE)
            .try_collect();
        let recorded = tokio::time::timeout(FILES_TIMEOUT, recording).await;
        recorded.unwrap_or_else(|_| {
            let cause = "object storage did not tell of the event's files in time";
            Err(Error::Unavailable(cause.into()))
        })
    }

    async fn record(&self, file_id: FileId) -> Result<EventFile, Error> {
        for _ in 0..MAX_LOOKS {
            if let Some(file) = self.record_once(file_id).await? {
                return Ok(file);
            }
        }
        let cause = format!("file {file_id} is being replaced again and again");
        Err(Error::Unavailable(cause.into()))
    }

    /// Returns `None` if the file was replaced while it was looked at.
    async fn record_once(&self, file_id: FileId) -> Result<Option<EventFile>, Error> {
        let key = self.object_key(file_id);
        let objects = &self.service.objects;
        let info = objects.head(&key, None).await?;
        let info = info.filter(|info| !self.is_of_before(info));
        let info = info.ok_or(Error::FileNotInStorage { file_id })?;
        if !info.is_consistent() {
            return Err(Error::file_changed(
                file_id,
                info.declared(),
                Some(info.record()),
            ));
        }
        let record = info.record();
        let rules = &self.service.settings.uploads;
        rules
            .check_stored(&record)
            .map_err(|reason| Error::FileNotAllowed { file_id, reason })?;
        // Before the event is stored: what it records stays as it is, whatever comes of the event.
        if !objects.seal(&key, &info).await? {
            return Ok(None);
        }
        if let Some(lock) = self.service.settings.object_lock {
            let until = self.service.clock.now().checked_add(lock.life);
            let retention = Retention {
                mode: lock.mode,
                until: until.unwrap_or(jiff::Timestamp::MAX),
            };
            let version_id = record.version_id.as_deref();
            let retained = objects.retain(&key, version_id, retention).await;
            // A bucket that cannot keep what it was told to is the operator's to mend.
            retained.map_err(|error| Error::Unavailable(error.into()))?;
        }
        Ok(Some(EventFile {
            id: file_id,
            record: Some(record),
        }))
    }

    /// Tells whether a file is older than the tenant, and so was another's who had the name before.
    fn is_of_before(&self, info: &ObjectInfo) -> bool {
        let tolerance = self.service.objects.max_clock_skew();
        let latest = info.modified_at.map(|at| at.checked_add(tolerance));
        matches!(latest, Some(Ok(latest)) if latest < self.tenant.created_at)
    }

    /// Returns where a file of this tenant lies. There is no way to a key of another tenant.
    pub(super) fn object_key(&self, file_id: FileId) -> ObjectKey {
        ObjectKey {
            database_name: self.tenant.database_name.clone(),
            file_id,
        }
    }
}
