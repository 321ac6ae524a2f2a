//! Implements the trait of s3s; the other files hold the operations.

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

use crate::domain::ObjectKey;
use crate::objects::embedded::disk::folder::Folder;
use crate::objects::embedded::disk::folder::clock::FolderClock;
use crate::objects::embedded::disk::folder::io_errors::is_damage;
use crate::objects::embedded::s3_api::request::body::RequestBody;
use crate::objects::embedded::s3_api::request::s3_errors::{error, retry_later};
use crate::objects::embedded::s3_api::request::tenant_check::{self, SignedAt, TenantLookup};

#[derive(Debug, Clone)]
pub(crate) struct Adapter {
    pub folder: Arc<Folder>,
    pub clock: Arc<FolderClock>,
    pub tenants: Option<Arc<dyn TenantLookup>>,
}

#[async_trait::async_trait]
impl S3 for Adapter {
    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.create_upload(request).await
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
        self.list_upload_parts(request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.complete_upload(request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.abort_upload(request).await
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
        self.delete(request).await
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        self.get(request).await
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        self.head(request).await
    }
}

impl Adapter {
    /// Returns the key and the body that the server attached to the request. Its signature is verified.
    pub(super) async fn authorized(
        &self,
        extensions: &Extensions,
    ) -> S3Result<(ObjectKey, Arc<RequestBody>)> {
        let denied = || error(S3ErrorCode::AccessDenied);
        let key = extensions.get::<ObjectKey>().cloned().ok_or_else(denied)?;
        let body = extensions.get::<Arc<RequestBody>>().cloned();
        let signed_at = *extensions.get::<SignedAt>().ok_or_else(denied)?;
        tenant_check::check(self.tenants.as_ref(), &key.database_name, signed_at).await?;
        Ok((key, body.ok_or_else(denied)?))
    }

    /// Runs `work` where blocking is allowed.
    pub(crate) async fn on_disk<T: Send + 'static>(
        &self,
        body: &RequestBody,
        work: impl FnOnce(&Arc<Folder>) -> io::Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let folder = Arc::clone(&self.folder);
        blocking(body, move || work(&folder)).await
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    body: &RequestBody,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> S3Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| Err(io::Error::other(panic)))
        .map_err(|cause| storage_error(body, cause))
}

/// Keeps the cause for the log, and returns an error that says whether to retry.
pub(super) fn storage_error(body: &RequestBody, cause: io::Error) -> S3Error {
    let answer = match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            retry_later(S3ErrorCode::SlowDown)
        }
        // A panic.
        ErrorKind::Other => error(S3ErrorCode::InternalError),
        _ if is_damage(&cause) => error(S3ErrorCode::InternalError),
        _ => retry_later(S3ErrorCode::ServiceUnavailable),
    };
    // Only the first is the cause; later ones follow from it.
    let _ = body.failure.set(cause);
    answer
}
