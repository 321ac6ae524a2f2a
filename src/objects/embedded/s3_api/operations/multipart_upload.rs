//! `CreateMultipartUpload`, `UploadPart`, `ListParts`, `CompleteMultipartUpload`, `AbortMultipartUpload`.

use std::sync::Arc;

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Checksum, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, ListPartsInput, ListPartsOutput, Part, UploadPartInput,
    UploadPartOutput,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::adapter::{Adapter, storage_error};
use super::get_object::timestamp;
use super::object_headers::{self, overwrite, reject_unsupported};
use super::part_checksums;
use super::receive::incoming_put;
use crate::objects::PartTag;
use crate::objects::embedded::disk::multipart::{
    self, CompleteError, CompleteRequest, MAX_PART_NUMBER,
};
use crate::objects::embedded::disk::object::{Headers, ObjectWriter};
use crate::objects::embedded::s3_api::request::body::RequestBody;
use crate::objects::embedded::s3_api::request::s3_errors::{
    error, no_such_upload, sealed, with_message,
};
use crate::objects::embedded::s3_api::request::sent_request::SentRequest;

/// The limit of one response. Source: Amazon S3 API reference, "`ListParts`".
pub(crate) const MAX_LISTED_PARTS: u16 = 1000;

impl Adapter {
    pub(super) async fn create_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let (key, request_body) = self.authorized(&request.extensions).await?;
        let sent = SentRequest::of(&request.extensions)?;
        let mut input = request.input;
        let headers = object_headers::of_create(&mut input, sent)?;
        let clock = Arc::clone(&self.clock);
        let create = self.on_disk(&request_body, move |folder| {
            multipart::create(folder, &clock, &key, headers)
        });
        let upload_id = create.await?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(upload_id),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: input.checksum_type,
            ..CreateMultipartUploadOutput::default()
        }))
    }

    pub(super) async fn put_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let (key, request_body) = self.authorized(&request.extensions).await?;
        let input = request.input;
        let sent = SentRequest::of(&request.extensions)?;
        let number = part_number(input.part_number)?;
        if input.sse_customer_key.is_some() {
            let message = "Encryption with a customer-provided key is not implemented.";
            return Err(with_message(S3ErrorCode::NotImplemented, message));
        }
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

        let (target, upload_id) = (key.clone(), input.upload_id.clone());
        let writer = self.on_disk(&request_body, move |folder| {
            let accepts = multipart::accepts_parts(folder, &target, &upload_id)?;
            accepts.then(|| ObjectWriter::create(folder)).transpose()
        });
        let writer = writer.await?.ok_or_else(no_such_upload)?;
        let headers = Headers::default();
        let received = incoming.receive(writer, &key, headers, &self.clock);
        let (writer, metadata, checksums) = received.await?;
        let etag = metadata.md5.clone();
        let upload_id = input.upload_id;
        let put = self.on_disk(&request_body, move |folder| {
            multipart::put_part(folder, &key, &upload_id, number, writer, &metadata)
        });
        if !put.await? {
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

    pub(super) async fn list_upload_parts(
        &self,
        request: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let (key, request_body) = self.authorized(&request.extensions).await?;
        let input = request.input;
        let after = number("part-number-marker", input.part_number_marker.unwrap_or(0))?;
        let max_parts = input.max_parts.unwrap_or(MAX_LISTED_PARTS.into());
        let max_parts = number("max-parts", max_parts)?.min(MAX_LISTED_PARTS);
        let upload_id = input.upload_id.clone();
        let found = self.on_disk(&request_body, move |folder| {
            multipart::list_parts(folder, &key, &upload_id, after, max_parts.into())
        });
        let found = found.await?.ok_or_else(no_such_upload)?;
        let parts = found.parts.into_iter().map(|(part, put_at_s)| Part {
            last_modified: Some(timestamp(put_at_s)),
            part_number: Some(part.number.into()),
            size: i64::try_from(part.size_bytes).ok(),
            e_tag: Some(ETag::Strong(part.etag)),
            ..Part::default()
        });
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            part_number_marker: Some(after.into()),
            max_parts: Some(max_parts.into()),
            is_truncated: Some(found.next.is_some()),
            next_part_number_marker: found.next.map(i32::from),
            parts: Some(parts.collect()),
            ..ListPartsOutput::default()
        }))
    }

    pub(super) async fn complete_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let (key, request_body) = self.authorized(&request.extensions).await?;
        let overwrite = overwrite(SentRequest::of(&request.extensions)?)?;
        let input = request.input;
        let whole = Checksum {
            checksum_crc32: input.checksum_crc32,
            checksum_crc32c: input.checksum_crc32c,
            checksum_crc64nvme: input.checksum_crc64nvme,
            checksum_sha1: input.checksum_sha1,
            checksum_sha256: input.checksum_sha256,
            checksum_type: input.checksum_type,
        };
        let answered = whole.clone();
        let size_bytes = input.mpu_object_size.map(u64::try_from).transpose();
        let size_bytes = size_bytes.map_err(|_| error(S3ErrorCode::InvalidArgument))?;
        let parts = input.multipart_upload.and_then(|upload| upload.parts);
        let named: Vec<_> = parts.into_iter().flatten().collect();
        let parts: S3Result<Vec<_>> = named.iter().map(tag).collect();
        let parts = parts?;
        let now_s = self.clock.now_s();
        let upload_id = input.upload_id;
        let completed = self.on_disk(&request_body, move |folder| {
            let request = CompleteRequest {
                parts: &parts,
                size_bytes,
                check: &|selected| part_checksums::check(selected, &named, &whole),
                overwrite,
                now_s,
            };
            Ok(multipart::complete(folder, &key, &upload_id, &request))
        });
        let completed = completed.await?;
        let etag = completed.map_err(|error| complete_error(error, &request_body))?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(etag)),
            checksum_crc32: answered.checksum_crc32,
            checksum_crc32c: answered.checksum_crc32c,
            checksum_crc64nvme: answered.checksum_crc64nvme,
            checksum_sha1: answered.checksum_sha1,
            checksum_sha256: answered.checksum_sha256,
            checksum_type: answered.checksum_type,
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    pub(super) async fn abort_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let (key, request_body) = self.authorized(&request.extensions).await?;
        let input = request.input;
        let is_sent = input.if_match_initiated_time.is_some();
        reject_unsupported(&[("x-amz-if-match-initiated-time", is_sent)])?;
        let abort = self.on_disk(&request_body, move |folder| {
            multipart::abort(folder, &key, &input.upload_id)
        });
        if !abort.await? {
            return Err(no_such_upload());
        }
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}

fn tag(part: &CompletedPart) -> S3Result<PartTag> {
    let malformed = || error(S3ErrorCode::MalformedXML);
    Ok(PartTag {
        number: part_number(part.part_number.ok_or_else(malformed)?)?,
        etag: part.e_tag.clone().ok_or_else(malformed)?.into_value(),
    })
}

fn part_number(number: i32) -> S3Result<u16> {
    u16::try_from(number)
        .ok()
        .filter(|number| (1..=MAX_PART_NUMBER).contains(number))
        .ok_or_else(|| {
            let message = "Part number must be an integer between 1 and 10000, inclusive";
            with_message(S3ErrorCode::InvalidArgument, message)
        })
}

fn number(name: &str, value: i32) -> S3Result<u16> {
    // No part has a larger number.
    let value = value.min(u16::MAX.into());
    u16::try_from(value).map_err(|_| {
        let message = format!("Argument '{name}' must be an integer between 0 and 2147483647");
        with_message(S3ErrorCode::InvalidArgument, message)
    })
}

fn complete_error(cause: CompleteError, request_body: &RequestBody) -> S3Error {
    let code = match cause {
        CompleteError::Io(cause) => return storage_error(request_body, cause),
        CompleteError::Sealed => return sealed(),
        CompleteError::AlreadyExists => return error(S3ErrorCode::PreconditionFailed),
        CompleteError::Missing => return error(S3ErrorCode::NoSuchKey),
        CompleteError::NoSuchUpload => return no_such_upload(),
        CompleteError::NoParts => S3ErrorCode::MalformedXML,
        CompleteError::PartOrder => S3ErrorCode::InvalidPartOrder,
        CompleteError::InvalidPart(_) => S3ErrorCode::InvalidPart,
        CompleteError::PartTooSmall { .. } => S3ErrorCode::EntityTooSmall,
        CompleteError::TooLarge => S3ErrorCode::EntityTooLarge,
        CompleteError::WrongChecksum(_) => S3ErrorCode::BadDigest,
        CompleteError::SizeMismatch(_) => S3ErrorCode::InvalidRequest,
    };
    with_message(code, cause.to_string())
}
