//! Multipart uploads: the requests that the service sends itself.

use std::time::Duration;

use http::{Method, StatusCode};
use rusty_s3::actions::{CreateMultipartUpload, ListParts, ListPartsResponse, PartsContent};

use super::S3;
use super::client::Call;
use super::response::{Response, no_bucket, unavailable};
use crate::domain::{ObjectKey, UploadConstraints};
use crate::objects::signer::{Signing, complete_body};
use crate::objects::{Error, Part, PartTag, Parts, Replace};

/// S3 may assemble an object for "several minutes", and sends spaces meanwhile.
/// Source: Amazon S3 API reference, "`CompleteMultipartUpload`".
const COMPLETE_TIMEOUT: Duration = Duration::from_mins(10);

/// Tells whether this can be the id of an upload. SeaweedFS does not report other ids as unknown.
fn is_upload_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic()) && !id.contains("..")
}

impl S3 {
    pub(super) async fn create_upload(
        &self,
        key: &ObjectKey,
        constraints: &UploadConstraints,
    ) -> Result<String, Error> {
        let call = Call::new("create_multipart", Method::POST);
        let sign = |signing: Signing<'_>| self.signer.create_multipart(key, constraints, signing);
        let response = self.send(call, sign).await?;
        match response.status {
            StatusCode::OK => CreateMultipartUpload::parse_response(&response.xml())
                .map(|created| created.upload_id().to_owned())
                .map_err(|error| unavailable(format!("its answer is invalid: {error}"))),
            StatusCode::NOT_FOUND => Err(no_bucket()),
            _ => Err(response.error("s3:PutObject on the objects")),
        }
    }

    pub(super) async fn list_parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        after: u16,
    ) -> Result<Option<Parts>, Error> {
        if !is_upload_id(upload_id) {
            return Ok(None);
        }
        let call = Call::new("list_parts", Method::GET).page();
        let sign = |signing: Signing<'_>| self.signer.list_parts(key, upload_id, after, signing);
        let response = self.send(call, sign).await?;
        match (response.status, response.error_code()) {
            (StatusCode::OK, _) => ListParts::parse_response(&response.xml())
                .map(|page| Some(parts_of(page)))
                .map_err(|error| unavailable(format!("its list of parts is invalid: {error}"))),
            (_, Some("NoSuchUpload")) => Ok(None),
            _ => Err(response.error("s3:ListMultipartUploadParts on the objects")),
        }
    }

    pub(super) async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[PartTag],
        replace: Replace,
    ) -> Result<bool, Error> {
        if parts.is_empty() {
            return Err(Error::Refused("an upload has one part at least".to_owned()));
        }
        // SeaweedFS accepts a duplicate part, S3 does not.
        if !parts.is_sorted_by(|one, next| one.number < next.number) {
            return Err(Error::Refused("InvalidPartOrder".to_owned()));
        }
        if !is_upload_id(upload_id) {
            return Ok(false);
        }
        let call = Call::new("complete_multipart", Method::POST)
            .body(complete_body(parts))
            .timeout(COMPLETE_TIMEOUT);
        let sign = |signing: Signing<'_>| self.signer.complete(key, upload_id, replace, signing);
        is_completed(&self.send(call, sign).await?)
    }

    pub(super) async fn abort_upload(&self, key: &ObjectKey, upload_id: &str) -> Result<(), Error> {
        if !is_upload_id(upload_id) {
            return Ok(());
        }
        let call = Call::new("abort_multipart", Method::DELETE);
        let response = self
            .send(call, |signing| self.signer.abort(key, upload_id, signing))
            .await?;
        if response.status.is_success() || response.error_code() == Some("NoSuchUpload") {
            return Ok(());
        }
        Err(response.error("s3:AbortMultipartUpload on the objects"))
    }
}

/// Interprets the response to the completion of an upload. S3 sends the status 200 before it knows the outcome, so the
/// body decides.
fn is_completed(response: &Response) -> Result<bool, Error> {
    match response.error_code() {
        None if response.status == StatusCode::OK
            && response.body.contains("</CompleteMultipartUploadResult>") =>
        {
            Ok(true)
        }
        Some("NoSuchUpload" | "PreconditionFailed") => Ok(false),
        Some(
            code @ ("InvalidPart" | "InvalidPartOrder" | "EntityTooSmall" | "EntityTooLarge"
            | "MalformedXML" | "InvalidArgument" | "InvalidRequest"),
        ) => Err(Error::Refused(code.to_owned())),
        _ => Err(response.error("s3:PutObject on the objects")),
    }
}

fn parts_of(page: ListPartsResponse) -> Parts {
    let next = page.next_part_number_marker;
    let mut contents = page.parts;
    // SeaweedFS keeps the old part when a part is sent again, and lists both.
    contents.sort_by(|a, b| (a.number, &a.last_modified).cmp(&(b.number, &b.last_modified)));
    let mut parts: Vec<Part> = Vec::with_capacity(contents.len());
    for content in contents {
        let PartsContent {
            number,
            etag,
            last_modified: _,
            size: size_bytes,
        } = content;
        parts.pop_if(|part| part.number == number);
        parts.push(Part {
            number,
            size_bytes,
            etag: etag.trim_matches('"').to_owned(),
        });
    }
    Parts { parts, next }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use rusty_s3::actions::ListParts;

    use super::{is_completed, parts_of};
    use crate::objects::Error;
    use crate::objects::s3::response::Response;

    fn response(status: StatusCode, body: &str) -> Response {
        Response {
            status,
            headers: HeaderMap::new(),
            body: body.to_owned(),
        }
    }

    #[test]
    fn the_body_decides_whether_an_upload_is_complete() {
        let result =
            "<CompleteMultipartUploadResult><ETag>x-2</ETag></CompleteMultipartUploadResult>";
        let error = |code: &str| format!("<?xml ?>\n   <Error><Code>{code}</Code></Error>");
        let of = |status, body: &str| is_completed(&response(status, body));
        assert!(of(StatusCode::OK, result).unwrap());
        assert!(!of(StatusCode::NOT_FOUND, &error("NoSuchUpload")).unwrap());
        assert!(!of(StatusCode::OK, &error("NoSuchUpload")).unwrap());
        for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
            let refused = of(status, &error("InvalidPart"));
            assert!(matches!(refused, Err(Error::Refused(code)) if code == "InvalidPart"));
        }
        let taken = error("PreconditionFailed");
        assert!(!of(StatusCode::PRECONDITION_FAILED, &taken).unwrap());
        for body in ["", "   ", &result[..40], &error("InternalError")] {
            let unclear = of(StatusCode::OK, body);
            assert!(matches!(unclear, Err(Error::Unavailable(_))), "{body}");
        }
        let unclear = of(StatusCode::SERVICE_UNAVAILABLE, &error("SlowDown"));
        assert!(matches!(unclear, Err(Error::Unavailable(_))));
    }

    #[test]
    fn a_part_that_was_sent_again_is_listed_once() {
        let part = |number: u16, etag: &str, at: u8| {
            format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etag}&quot;</ETag>\
                 <LastModified>2026-11-23T10:00:0{at}.000Z</LastModified><Size>5</Size></Part>"
            )
        };
        let (new, old, other) = (part(1, "new", 2), part(1, "old", 1), part(2, "other", 0));
        let xml = format!(
            "<ListPartsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <MaxParts>3</MaxParts><IsTruncated>true</IsTruncated>\
             <NextPartNumberMarker>2</NextPartNumberMarker>{new}{old}{other}</ListPartsResult>"
        );
        let parts = parts_of(ListParts::parse_response(&xml).unwrap());
        let tags: Vec<_> = parts
            .parts
            .iter()
            .map(|it| (it.number, it.etag.as_str()))
            .collect();
        assert_eq!(tags, [(1, "new"), (2, "other")]);
        assert_eq!(parts.next, Some(2));
    }
}
