//! Taking events in, each once.

use super::{Access, Error};
use crate::domain::{Event, FileId, ObjectKey};
use crate::store::Appended;

impl Access {
    /// Stores an event: durable when this answers. A second delivery of the same event changes
    /// nothing and is no error; the same id with other content is one.
    pub async fn append(&self, event: Event) -> Result<(), Error> {
        let event_id = event.id;
        if let Some(file_id) = event.file_id
            && !self.has_file(file_id).await?
        {
            return self.redelivery_without_file(&event, file_id).await;
        }
        let appended = self.service.store.append(&self.tenant, vec![event]).await?;
        match appended.first() {
            Some(Appended::Stored | Appended::AlreadyThere) => Ok(()),
            Some(Appended::OtherContent) => Err(Error::OtherContent { event_id }),
            None => Err(Error::Broken(
                "the store gave no answer for the event".into(),
            )),
        }
    }

    /// Decides about an event whose file storage does not have. Where the event was stored while the
    /// file was still there, this is a late second delivery: refusing it would tell the sender that an
    /// event is not stored that is.
    async fn redelivery_without_file(&self, event: &Event, file_id: FileId) -> Result<(), Error> {
        match self.service.store.event(&self.tenant, event.id).await? {
            Some(stored) if stored.same_content(event) => Ok(()),
            Some(_) => Err(Error::OtherContent { event_id: event.id }),
            None => Err(Error::FileNotInStorage { file_id }),
        }
    }

    async fn has_file(&self, file_id: FileId) -> Result<bool, Error> {
        Ok(self
            .service
            .objects
            .head(&self.object_key(file_id), None)
            .await?
            .is_some())
    }

    /// Returns where a file of this tenant lies. There is no way to a key of another tenant.
    pub(super) fn object_key(&self, file_id: FileId) -> ObjectKey {
        ObjectKey {
            database_name: self.tenant.database_name.clone(),
            file_id,
        }
    }
}
