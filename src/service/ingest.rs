//! Ingestion of events, each exactly once.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Access, Error};
use crate::domain::{Event, EventFile, EventId, FileId, FileRecord, ObjectKey, Retention};
use crate::objects::ObjectInfo;
use crate::store::Appended;

/// The time limit for looking up all files of an event. Callers wait for 5 s at most (EventBridge's limit), and the event
/// has to be stored within that time too.
const FILES_TIMEOUT: Duration = Duration::from_millis(3_500);

/// The files of one event that are looked up concurrently.
const MAX_CONCURRENT_FILES: usize = 10;

/// Attempts to look up a file that changes in the meantime.
const MAX_ATTEMPTS: usize = 3;

/// How an event was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Stored,
    /// It is stored already, with the same content.
    Duplicate,
}

impl Access {
    /// Stores an event; it is durable when this returns. A second delivery changes nothing and succeeds; the same id with
    /// different content is an error.
    ///
    /// The current metadata of the event's files is recorded with it.
    pub async fn append(&self, mut event: Event) -> Result<Delivery, Error> {
        let event_id = event.id;
        self.take_events(1)?;
        match self.recorded(&event.files).await {
            Ok(files) => event.files = files,
            Err(problem) => {
                let is_redelivery = self.redelivery(&event).await?;
                return is_redelivery.then_some(Delivery::Duplicate).ok_or(problem);
            }
        }
        let store = &self.service.store;
        let files = event.files.clone();
        let appended = store.append(&self.tenant, vec![event]).await?;
        let appended = appended.first().copied();
        let appended = appended
            .ok_or_else(|| Error::Broken("the store returned no result for the event".into()))?;
        self.delivered(event_id, &files, appended).await
    }

    /// Handles what the store did with an event that references `files`.
    pub(super) async fn delivered(
        &self,
        event_id: EventId,
        files: &[EventFile],
        appended: Appended,
    ) -> Result<Delivery, Error> {
        match appended {
            Appended::Stored => {
                self.protect(files).await.map_err(unprotected)?;
                Ok(Delivery::Stored)
            }
            Appended::AlreadyThere if files.is_empty() => Ok(Delivery::Duplicate),
            Appended::AlreadyThere => {
                self.protect_stored(event_id).await?;
                Ok(Delivery::Duplicate)
            }
            Appended::OtherContent => Err(Error::OtherContent { event_id }),
            // It existed a moment ago. The next delivery finds out whether it still does.
            Appended::FileTombstoned(file_id) => {
                let cause = format!("file {file_id} is about to be removed as an orphan");
                Err(Error::Unavailable(cause.into()))
            }
        }
    }

    /// Tells whether an event with a file that cannot be recorded was stored before the file changed. Then this is a late
    /// second delivery, and must succeed.
    pub(super) async fn redelivery(&self, event: &Event) -> Result<bool, Error> {
        match self.service.store.event(&self.tenant, event.id).await? {
            Some(stored) if stored.is_delivered_again_by(event) => {
                match self.protect(&stored.files).await {
                    // Nothing can be protected of a file that is gone.
                    Ok(()) | Err(Error::StorageRefused(_)) => Ok(true),
                    Err(error) => Err(error),
                }
            }
            Some(_) => Err(Error::OtherContent { event_id: event.id }),
            None => Ok(false),
        }
    }

    /// Tells whether an event that is refused for another reason was stored before that reason was there. Then this is a
    /// late second delivery, and must succeed.
    pub async fn was_stored(&self, event: &Event) -> Result<bool, Error> {
        match self.redelivery(event).await {
            Err(Error::OtherContent { .. }) => Ok(false),
            other => other,
        }
    }

    /// Looks up the files' metadata.
    async fn recorded(&self, files: &[EventFile]) -> Result<Vec<EventFile>, Error> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<FileId> = files.iter().map(|file| file.id).collect();
        let recording = stream::iter(ids)
            .map(|id| self.record(id))
            .buffered(MAX_CONCURRENT_FILES)
            .try_collect();
        let recorded = tokio::time::timeout(FILES_TIMEOUT, recording).await;
        recorded.unwrap_or_else(|_| {
            let cause = "object storage did not return the event's files in time";
            Err(Error::Unavailable(cause.into()))
        })
    }

    /// Looks up the metadata of a file, and seals it.
    pub(super) async fn record(&self, file_id: FileId) -> Result<EventFile, Error> {
        for _ in 0..MAX_ATTEMPTS {
            if let Some(file) = self.record_once(file_id).await? {
                return Ok(file);
            }
        }
        let cause = format!("file {file_id} is being replaced again and again");
        Err(Error::Unavailable(cause.into()))
    }

    /// Returns `None` if the file was replaced in the meantime.
    async fn record_once(&self, file_id: FileId) -> Result<Option<EventFile>, Error> {
        let key = self.object_key(file_id);
        let objects = &self.service.objects;
        let info = objects.head(&key, None).await?;
        let info = info.filter(|info| !self.predates_tenant(info));
        let info = info.ok_or(Error::FileNotInStorage { file_id })?;
        if !info.is_consistent() {
            let [declared, computed] = [info.declared_sha256, info.sha256]
                .map(|it| it.map_or_else(|| "unknown".to_owned(), |it| it.to_string()));
            let reason =
                format!("has the SHA-256 {computed}, and its uploader declared {declared}");
            return Err(Error::FileNotAllowed { file_id, reason });
        }
        let record = info.record();
        let rules = &self.service.settings.uploads;
        rules
            .check_stored(&record)
            .map_err(|reason| Error::FileNotAllowed { file_id, reason })?;
        // Before the event is stored, so that its record stays true.
        if !objects.seal(&key, &info).await? {
            return Ok(None);
        }
        Ok(Some(EventFile {
            id: file_id,
            record: Some(record),
        }))
    }

    /// Protects the files of an event that was stored before: an earlier call may have ended between the two.
    async fn protect_stored(&self, event_id: EventId) -> Result<(), Error> {
        if self.service.settings.object_lock.is_none() {
            return Ok(());
        }
        match self.service.store.event(&self.tenant, event_id).await? {
            Some(stored) => self.protect(&stored.files).await.map_err(unprotected),
            None => Ok(()),
        }
    }

    /// Protects files from removal, if the operator wants that. After the event is stored, so that a refused event
    /// leaves no file protected, and before it is acknowledged.
    async fn protect(&self, files: &[EventFile]) -> Result<(), Error> {
        let Some(lock) = self.service.settings.object_lock else {
            return Ok(());
        };
        let retention = lock.retention_from(self.service.clock.now());
        let files: Vec<_> = files
            .iter()
            .map(|file| (file.id, file.record.clone()))
            .collect();
        let protecting = stream::iter(files)
            .map(|(id, record)| self.protect_one(id, record, retention))
            .buffered(MAX_CONCURRENT_FILES)
            .try_collect::<()>();
        protecting.await
    }

    async fn protect_one(
        &self,
        file_id: FileId,
        record: Option<FileRecord>,
        retention: Retention,
    ) -> Result<(), Error> {
        let version_id = record.as_ref().and_then(|it| it.version_id.as_deref());
        let key = self.object_key(file_id);
        let objects = &self.service.objects;
        Ok(objects.retain(&key, version_id, retention).await?)
    }

    /// Tells whether a file is older than the tenant, so that it belongs to a former tenant of the same name.
    fn predates_tenant(&self, info: &ObjectInfo) -> bool {
        let tolerance = self.service.objects.max_clock_skew();
        let latest = info.modified_at.map(|at| at.checked_add(tolerance));
        matches!(latest, Some(Ok(latest)) if latest < self.tenant.created_at)
    }

    /// Returns the key of a file of this tenant. Keys of other tenants cannot be formed.
    pub(super) fn object_key(&self, file_id: FileId) -> ObjectKey {
        ObjectKey {
            database_name: self.tenant.database_name.clone(),
            file_id,
        }
    }
}

/// The operator has to correct a bucket that does not support retention: until then, a retry may succeed.
fn unprotected(error: Error) -> Error {
    match error {
        Error::StorageRefused(reason) => Error::Unavailable(reason.into()),
        other => other,
    }
}
