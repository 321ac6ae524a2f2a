//! Uploads in parts, as S3 clients ask for them. Their rules and files are in `parts` and `complete`.

use std::sync::Arc;

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, ListPartsInput, ListPartsOutput, Part,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::adapter::{Adapter, blocking, failed};
use super::complete::{Fault, Wish, complete};
use super::errors::{error, sealed, worded};
use super::intake::Intake;
use super::reads::timestamp;
use super::upload::{create_headers, no_such_upload, part_number, refuse, replace};
use super::{parts, sweep};
use crate::objects::PartTag;

/// Source: Amazon S3 API reference, "ListParts": as many as one answer has.
pub(super) const MAX_LISTED_PARTS: u16 = 1000;

impl Adapter {
    pub(super) async fn begin_parts(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let (key, intake) = self.admitted(&request.extensions).await?;
        let mut input = request.input;
        let headers = create_headers(&mut input)?;
        let (folder, now_s, target) = (Arc::clone(&self.folder), self.now_s(), key.clone());
        let ages = Arc::clone(&self.clock);
        let begin = move || {
            sweep::expire(&folder, &ages)?;
            parts::begin(&folder, &target, headers, now_s)
        };
        let upload_id = blocking(&intake, begin).await?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(upload_id),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: input.checksum_type,
            ..CreateMultipartUploadOutput::default()
        }))
    }

    pub(super) async fn list_parts_of(
        &self,
        request: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let (key, intake) = self.admitted(&request.extensions).await?;
        let input = request.input;
        let after = number("part-number-marker", input.part_number_marker.unwrap_or(0))?;
        let max_parts = input.max_parts.unwrap_or(MAX_LISTED_PARTS.into());
        let max_parts = number("max-parts", max_parts)?.min(MAX_LISTED_PARTS);
        let (folder, upload_id) = (Arc::clone(&self.folder), input.upload_id.clone());
        let list = move || parts::list(&folder, &key, &upload_id, after, max_parts.into());
        let found = blocking(&intake, list).await?.ok_or_else(no_such_upload)?;
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

    pub(super) async fn complete_parts(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let (key, intake) = self.admitted(&request.extensions).await?;
        let input = request.input;
        refuse(&[
            ("if-match", input.if_match.is_some()),
            ("x-amz-checksum-crc32", input.checksum_crc32.is_some()),
            ("x-amz-checksum-crc32c", input.checksum_crc32c.is_some()),
            (
                "x-amz-checksum-crc64nvme",
                input.checksum_crc64nvme.is_some(),
            ),
            ("x-amz-checksum-sha1", input.checksum_sha1.is_some()),
            ("x-amz-checksum-sha256", input.checksum_sha256.is_some()),
        ])?;
        let replace = replace(input.if_none_match.as_ref())?;
        let size_bytes = match input.mpu_object_size.map(u64::try_from) {
            None => None,
            Some(Ok(size_bytes)) => Some(size_bytes),
            Some(Err(_)) => return Err(error(S3ErrorCode::InvalidArgument)),
        };
        let named = input.multipart_upload.and_then(|upload| upload.parts);
        let named: S3Result<Vec<_>> = named.into_iter().flatten().map(tag).collect();
        let named = named?;
        let now_s = self.now_s();
        let (folder, upload_id) = (Arc::clone(&self.folder), input.upload_id);
        let completed = tokio::task::spawn_blocking(move || {
            let wish = Wish {
                parts: &named,
                size_bytes,
                replace,
                now_s,
            };
            complete(&folder, &key, &upload_id, &wish)
        });
        let completed = completed
            .await
            .unwrap_or_else(|panic| Err(std::io::Error::other(panic).into()));
        let etag = completed.map_err(|fault| refusal(fault, &intake))?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(etag)),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    pub(super) async fn abort_parts(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let (key, intake) = self.admitted(&request.extensions).await?;
        let input = request.input;
        let asked = input.if_match_initiated_time.is_some();
        refuse(&[("x-amz-if-match-initiated-time", asked)])?;
        let folder = Arc::clone(&self.folder);
        let abort = move || parts::abort(&folder, &key, &input.upload_id);
        if !blocking(&intake, abort).await? {
            return Err(no_such_upload());
        }
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}

fn tag(part: CompletedPart) -> S3Result<PartTag> {
    let malformed = || error(S3ErrorCode::MalformedXML);
    Ok(PartTag {
        number: part_number(part.part_number.ok_or_else(malformed)?)?,
        etag: part.e_tag.ok_or_else(malformed)?.into_value(),
    })
}

fn number(name: &str, value: i32) -> S3Result<u16> {
    // Above every part: behind it is nothing.
    let value = value.min(u16::MAX.into());
    u16::try_from(value).map_err(|_| {
        let message = format!("Argument '{name}' must be an integer between 0 and 2147483647");
        worded(S3ErrorCode::InvalidArgument, message)
    })
}

fn refusal(fault: Fault, intake: &Intake) -> S3Error {
    let code = match fault {
        Fault::Failed(cause) => return failed(intake, cause),
        Fault::Sealed => return sealed(),
        Fault::Taken => return error(S3ErrorCode::PreconditionFailed),
        Fault::NoSuchUpload => return no_such_upload(),
        Fault::Empty => S3ErrorCode::MalformedXML,
        Fault::Order => S3ErrorCode::InvalidPartOrder,
        Fault::Part(_) => S3ErrorCode::InvalidPart,
        Fault::TooSmall { .. } => S3ErrorCode::EntityTooSmall,
        Fault::TooLarge => S3ErrorCode::EntityTooLarge,
        Fault::OtherSize(_) => S3ErrorCode::InvalidRequest,
    };
    worded(code, fault.to_string())
}
