//! What s3s asks of a storage, answered from the folder. The guard has let in nothing but requests for
//! one object, and s3s has verified the signature.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use http::Extensions;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    DeleteObjectInput, DeleteObjectOutput, GetObjectInput, GetObjectOutput, HeadObjectInput,
    HeadObjectOutput, ListPartsInput, ListPartsOutput, PutObjectInput, PutObjectOutput,
    UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::ages::Ages;
use super::errors::{error, later};
use super::folder::Folder;
use super::intake::Intake;
use super::is_damage;
use super::tenancy::{self, SignedAt, TenantAges};
use crate::domain::{Clock, ObjectKey};

/// What is read or written at once: large enough that a trip to the blocking threads is cheap, small
/// enough that a hundred transfers at once are 25 MB.
pub(super) const BLOCK_BYTES: usize = 256 * 1024;

#[derive(Debug, Clone)]
pub(super) struct Adapter {
    pub folder: Arc<Folder>,
    pub clock: Arc<Ages>,
    pub tenants: Option<Arc<dyn TenantAges>>,
}

#[async_trait::async_trait]
impl S3 for Adapter {
    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.begin_parts(request).await
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        self.put_part(request).await
    }

    async fn list_parts(
        &self,
        request: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        self.list_parts_of(request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.complete_parts(request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.abort_parts(request).await
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        self.put(request).await
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.remove(request).await
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        self.read(request).await
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        self.show(request).await
    }
}

impl Adapter {
    /// Returns what the guard left with the request, whose signature is verified.
    pub(super) async fn admitted(
        &self,
        extensions: &Extensions,
    ) -> S3Result<(ObjectKey, Arc<Intake>)> {
        let denied = || error(S3ErrorCode::AccessDenied);
        let key = extensions.get::<ObjectKey>().cloned().ok_or_else(denied)?;
        let intake = extensions.get::<Arc<Intake>>().cloned();
        let signed_at = *extensions.get::<SignedAt>().ok_or_else(denied)?;
        tenancy::check(self.tenants.as_ref(), &key.database_name, signed_at).await?;
        Ok((key, intake.ok_or_else(denied)?))
    }

    /// Returns the time in seconds since 1970.
    pub(super) fn now_s(&self) -> u64 {
        u64::try_from(self.clock.now().as_second()).unwrap_or_default()
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    intake: &Intake,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> S3Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| Err(io::Error::other(panic)))
        .map_err(|cause| failed(intake, cause))
}

/// Leaves the cause for the log, and tells the client whether it is worth another try.
pub(super) fn failed(intake: &Intake, cause: io::Error) -> S3Error {
    let answer = match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            later(S3ErrorCode::SlowDown)
        }
        // A panic.
        ErrorKind::Other => error(S3ErrorCode::InternalError),
        _ if is_damage(&cause) => error(S3ErrorCode::InternalError),
        _ => later(S3ErrorCode::ServiceUnavailable),
    };
    // Only the first is the cause; later ones follow from it.
    let _ = intake.failure.set(cause);
    answer
}
