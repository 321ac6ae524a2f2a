//! Handing out URLs for files: the bytes never pass through the service.

use super::{Access, Error};
use crate::domain::{EventId, FileId};
use crate::objects::{DownloadTerms, Presigned, UploadTerms};

/// Where to upload a new file.
#[derive(Debug)]
pub struct UploadUrl {
    pub presigned: Presigned,
    pub file_id: FileId,
}

/// Where to download the file of an event.
#[derive(Debug)]
pub struct DownloadUrl {
    pub presigned: Presigned,
    pub file_id: FileId,
}

impl Access {
    /// Returns a URL for a file that does not exist yet. Writes nothing and calls no storage.
    pub async fn upload_url(&self) -> Result<UploadUrl, Error> {
        let file_id = FileId::random(&*self.service.entropy);
        let key = self.object_key(file_id);
        let life = self.service.settings.upload_url_life;
        let presigned = self
            .service
            .objects
            .presign_put(&key, &UploadTerms::default(), life)
            .await?;
        Ok(UploadUrl { presigned, file_id })
    }

    /// Returns a URL for the file that an event references.
    pub async fn download_url(&self, event_id: EventId) -> Result<DownloadUrl, Error> {
        let event = self.service.store.event(&self.tenant, event_id).await?;
        let file_id = event
            .and_then(|event| event.file_id)
            .ok_or(Error::NoFile { event_id })?;
        let key = self.object_key(file_id);
        let life = self.service.settings.download_url_life;
        let presigned = self
            .service
            .objects
            .presign_get(&key, &DownloadTerms::default(), life)
            .await?;
        Ok(DownloadUrl { presigned, file_id })
    }
}
