//! PUT and DELETE of an object.

use std::sync::Arc;

use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, ETag, PutObjectInput, PutObjectOutput, UploadPartInput,
    UploadPartOutput,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::adapter::{Adapter, blocking};
use super::digests::Claims;
use super::errors::{error, sealed, worded};
use super::file::{self, Headers, Meta, Published, Replace, Upload};
use super::parts;
use super::reads::refuse_version;
use super::upload::{
    Incoming, broken, no_such_upload, part_number, put_headers, refuse_unsupported, replace,
};

impl Adapter {
    pub(super) async fn put(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let (key, intake) = self.admitted(&request.extensions).await?;
        let mut input = request.input;
        let replace = replace(input.if_none_match.as_ref())?;
        refuse_unsupported(&input)?;
        let headers = put_headers(&mut input)?;
        let checksums = [
            input.checksum_crc32,
            input.checksum_crc32c,
            input.checksum_crc64nvme,
            input.checksum_sha1,
            input.checksum_sha256,
        ];
        let md5 = input.content_md5.as_deref();
        let claims = Claims::new(md5, checksums, trailer(&request.headers))?;
        let size_bytes = length(input.content_length)?;

        let folder = Arc::clone(&self.folder);
        let (target, digests) = (key.clone(), claims.digests());
        let upload = blocking(&intake, move || {
            // Nobody should send gigabytes to learn at their end what is known now.
            let object = folder.object_path(&target);
            if replace == Replace::No && object.exists() {
                return folder.settle(&object).map(|()| Err(Published::Taken));
            }
            if file::sealed_at(&object)?.is_some_and(|meta| meta.size_bytes != size_bytes) {
                return Ok(Err(Published::Sealed));
            }
            Upload::begin(&folder, digests).map(Ok)
        })
        .await?
        .map_err(not_published)?;
        let incoming = Incoming {
            upload,
            claims,
            trailers: request.trailing_headers,
            intake: Arc::clone(&intake),
        };
        let body = input.body.unwrap_or_else(|| s3s::Body::empty().into());
        let broken = |_| broken(&intake, &request.headers);
        let (upload, finished) = incoming.receive(body, Some(size_bytes), broken).await?;

        let checksums = finished.checksums;
        let etag = hex::encode(finished.md5);
        let meta = Meta {
            key: key.to_string(),
            size_bytes,
            md5: etag.clone(),
            sha256: checksums.checksum_sha256.clone(),
            modified_at_s: self.now_s(),
            headers,
            parts: None,
        };
        let folder = Arc::clone(&self.folder);
        let publish = move || upload.publish(&folder, &key, &meta, replace);
        match blocking(&intake, publish).await? {
            refused @ (Published::Taken | Published::Sealed) => Err(not_published(refused)),
            Published::Durable | Published::Same => Ok(S3Response::new(PutObjectOutput {
                e_tag: Some(ETag::Strong(etag)),
                checksum_crc32: checksums.checksum_crc32,
                checksum_crc32c: checksums.checksum_crc32c,
                checksum_crc64nvme: checksums.checksum_crc64nvme,
                checksum_sha1: checksums.checksum_sha1,
                checksum_sha256: checksums.checksum_sha256,
                ..PutObjectOutput::default()
            })),
        }
    }

    pub(super) async fn put_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let (key, intake) = self.admitted(&request.extensions).await?;
        let input = request.input;
        let number = part_number(input.part_number)?;
        if input.sse_customer_key.is_some() {
            let message = "Encryption with a key of the customer's is not implemented.";
            return Err(worded(S3ErrorCode::NotImplemented, message));
        }
        let checksums = [
            input.checksum_crc32,
            input.checksum_crc32c,
            input.checksum_crc64nvme,
            input.checksum_sha1,
            input.checksum_sha256,
        ];
        let md5 = input.content_md5.as_deref();
        let claims = Claims::new(md5, checksums, trailer(&request.headers))?;
        let size_bytes = length(input.content_length)?;

        let folder = Arc::clone(&self.folder);
        let (target, id, digests) = (key.clone(), input.upload_id.clone(), claims.digests());
        let upload = blocking(&intake, move || {
            let goes_on = parts::goes_on(&folder, &target, &id)?;
            goes_on.then(|| Upload::begin(&folder, digests)).transpose()
        })
        .await?
        .ok_or_else(no_such_upload)?;
        let incoming = Incoming {
            upload,
            claims,
            trailers: request.trailing_headers,
            intake: Arc::clone(&intake),
        };
        let body = input.body.unwrap_or_else(|| s3s::Body::empty().into());
        let broken = |_| broken(&intake, &request.headers);
        let (upload, finished) = incoming.receive(body, Some(size_bytes), broken).await?;

        let checksums = finished.checksums;
        let etag = hex::encode(finished.md5);
        let meta = Meta {
            key: key.to_string(),
            size_bytes,
            md5: etag.clone(),
            sha256: checksums.checksum_sha256.clone(),
            modified_at_s: self.now_s(),
            headers: Headers::default(),
            parts: None,
        };
        let (folder, id) = (Arc::clone(&self.folder), input.upload_id);
        let put = move || parts::put(&folder, &key, &id, number, upload, &meta);
        if !blocking(&intake, put).await? {
            return Err(no_such_upload());
        }
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(etag)),
            checksum_crc32: checksums.checksum_crc32,
            checksum_crc32c: checksums.checksum_crc32c,
            checksum_crc64nvme: checksums.checksum_crc64nvme,
            checksum_sha1: checksums.checksum_sha1,
            checksum_sha256: checksums.checksum_sha256,
            ..UploadPartOutput::default()
        }))
    }

    pub(super) async fn remove(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let (key, intake) = self.admitted(&request.extensions).await?;
        let input = request.input;
        refuse_version(input.version_id.as_deref())?;
        let has_condition = input.if_match.is_some()
            || input.if_match_size.is_some()
            || input.if_match_last_modified_time.is_some();
        if has_condition {
            let message = "A conditional removal is not implemented.";
            return Err(worded(S3ErrorCode::NotImplemented, message));
        }
        let folder = Arc::clone(&self.folder);
        blocking(&intake, move || file::remove(&folder, &key)).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }
}

/// Says why an object was not replaced.
fn not_published(published: Published) -> S3Error {
    match published {
        Published::Sealed => sealed(),
        _ => error(S3ErrorCode::PreconditionFailed),
    }
}

fn trailer(headers: &http::HeaderMap) -> Option<&str> {
    let names = headers.get("x-amz-trailer");
    names.map(|names| names.to_str().unwrap_or_default())
}

fn length(length: Option<i64>) -> S3Result<u64> {
    length
        .and_then(|length| u64::try_from(length).ok())
        .ok_or_else(|| error(S3ErrorCode::MissingContentLength))
}
