//! `PutObject` and `DeleteObject`.

use http::header;
use s3s::dto::{DeleteObjectInput, DeleteObjectOutput, ETag, PutObjectInput, PutObjectOutput};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::adapter::Adapter;
use super::get_object::reject_version;
use super::object_headers::{self, overwrite};
use super::receive::incoming_put;
use crate::objects::embedded::disk::folder::shard;
use crate::objects::embedded::disk::object::{self, ObjectWriter, Published, sealed_metadata};
use crate::objects::embedded::s3_api::request::s3_errors::{error, sealed, with_message};
use crate::objects::embedded::s3_api::request::sent_request::SentRequest;

impl Adapter {
    pub(super) async fn put(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let (key, request_body) = self.authorized(&request.extensions).await?;
        let sent = SentRequest::of(&request.extensions)?;
        let mut input = request.input;
        let overwrite = overwrite(sent)?;
        let headers = object_headers::of_put(&mut input, sent)?;
        let checksums = [
            input.checksum_crc32,
            input.checksum_crc32c,
            input.checksum_crc64nvme,
            input.checksum_sha1,
            input.checksum_sha256,
        ];
        let incoming = incoming_put(
            &request_body,
            &request.headers,
            sent.trailers.clone(),
            input.body,
            input.content_length,
            input.content_md5.as_deref(),
            checksums,
        )?;
        let size_bytes = incoming.size_bytes;

        let target = key.clone();
        let writer = self.on_disk(&request_body, move |folder| {
            // Reject now what would be rejected after gigabytes were sent.
            let object = folder.object_path(&target);
            if let Some(refusal) = overwrite.refusal(&object)? {
                shard::make_durable(folder, &object)?;
                return Ok(Err(refusal));
            }
            let sealed = sealed_metadata(&object)?;
            if sealed.is_some_and(|sealed| Some(sealed.size_bytes) != size_bytes) {
                return Ok(Err(Published::Sealed));
            }
            let writer = ObjectWriter::create(folder)?;
            Ok(Ok((writer, overwrite)))
        });
        let (writer, overwrite) = writer.await?.map_err(not_replaced)?;
        let received = incoming.receive(writer, &key, headers, &self.clock);
        let (writer, metadata, checksums) = received.await?;
        let etag = metadata.md5.clone();
        let publish = self.on_disk(&request_body, move |folder| {
            writer.publish(folder, &key, &metadata, &overwrite)
        });
        match publish.await? {
            refused @ (Published::AlreadyExists | Published::Missing | Published::Sealed) => {
                Err(not_replaced(refused))
            }
            Published::Durable | Published::SameContent => Ok(S3Response::new(PutObjectOutput {
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

    pub(super) async fn delete(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let (key, request_body) = self.authorized(&request.extensions).await?;
        let sent = SentRequest::of(&request.extensions)?;
        let input = request.input;
        reject_version(input.version_id.as_deref())?;
        let has_condition = sent.headers.contains_key(header::IF_MATCH)
            || input.if_match_size.is_some()
            || input.if_match_last_modified_time.is_some();
        if has_condition {
            let message = "Conditional deletion is not implemented.";
            return Err(with_message(S3ErrorCode::NotImplemented, message));
        }
        let delete = self.on_disk(&request_body, move |folder| object::delete(folder, &key));
        delete.await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }
}

/// Returns the error for an upload that may not replace the existing object.
fn not_replaced(published: Published) -> S3Error {
    match published {
        Published::Sealed => sealed(),
        Published::Missing => error(S3ErrorCode::NoSuchKey),
        _ => error(S3ErrorCode::PreconditionFailed),
    }
}
