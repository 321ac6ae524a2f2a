//! Uploads in parts: all that the service does of them itself.

use std::time::Duration;

use http::{Method, StatusCode};
use rusty_s3::actions::{CreateMultipartUpload, ListParts, ListPartsResponse, PartsContent};

use super::S3;
use super::answer::{Answer, unavailable};
use super::client::Call;
use crate::domain::{ObjectKey, UploadConstraints};
use crate::objects::signer::complete_body;
use crate::objects::{Error, Part, PartTag, Parts, Replace};

/// How long S3 may put an object together: "several minutes", during which it sends spaces.
/// Source: Amazon S3 API reference, "`CompleteMultipartUpload`".
const COMPLETE_TIMEOUT: Duration = Duration::from_mins(10);

/// Tells whether a storage may have made this id. SeaweedFS calls the others invalid, not unknown.
fn may_be_upload(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic()) && !id.contains("..")
}

impl S3 {
    pub(super) async fn begin_upload(
        &self,
        key: &ObjectKey,
        terms: &UploadConstraints,
    ) -> Result<String, Error> {
        let signed = self
            .sign(|credentials, now, life| {
                self.signer
                    .create_multipart(key, terms, credentials, now, life)
            })
            .await?;
        let call = Call::new("create_multipart", Method::POST, &signed);
        let answer = self.client.call(call).await?;
        match answer.status {
            StatusCode::OK => match CreateMultipartUpload::parse_response(&answer.body) {
                Ok(response) => Ok(response.upload_id().to_owned()),
                Err(error) => {
                    let reason = format!("its answer makes no sense: {error}");
                    Err(unavailable(reason))
                }
            },
            StatusCode::NOT_FOUND => Err(unavailable("the bucket does not exist".to_owned())),
            _ => Err(answer.refusal("s3:PutObject on the objects")),
        }
    }

    pub(super) async fn list_parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        after: u16,
    ) -> Result<Option<Parts>, Error> {
        if !may_be_upload(upload_id) {
            return Ok(None);
        }
        let signed = self
            .sign(|credentials, now, life| {
                self.signer
                    .list_parts(key, upload_id, after, credentials, now, life)
            })
            .await?;
        let call = Call::new("list_parts", Method::GET, &signed);
        let answer = self.client.call(call.page()).await?;
        match (answer.status, answer.code()) {
            (StatusCode::OK, _) => match ListParts::parse_response(&answer.body) {
                Ok(page) => Ok(Some(parts_of(page))),
                Err(error) => {
                    let reason = format!("its list of parts makes no sense: {error}");
                    Err(unavailable(reason))
                }
            },
            (_, Some("NoSuchUpload")) => Ok(None),
            _ => Err(answer.refusal("s3:ListMultipartUploadParts on the objects")),
        }
    }

    pub(super) async fn finish_upload(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[PartTag],
        replace: Replace,
    ) -> Result<bool, Error> {
        if parts.is_empty() {
            return Err(Error::Refused("an upload has one part at least".to_owned()));
        }
        // S3 refuses what SeaweedFS takes: a part twice.
        if !parts.is_sorted_by(|one, next| one.number < next.number) {
            return Err(Error::Refused("InvalidPartOrder".to_owned()));
        }
        if !may_be_upload(upload_id) {
            return Ok(false);
        }
        let signed = self
            .sign(|credentials, now, life| {
                self.signer
                    .complete(key, upload_id, replace, credentials, now, life)
            })
            .await?;
        let call = Call::new("complete_multipart", Method::POST, &signed)
            .body(complete_body(parts))
            .timeout(COMPLETE_TIMEOUT);
        completed(&self.client.call(call).await?)
    }

    pub(super) async fn end_upload(&self, key: &ObjectKey, upload_id: &str) -> Result<(), Error> {
        if !may_be_upload(upload_id) {
            return Ok(());
        }
        let signed = self
            .sign(|credentials, now, life| {
                self.signer.abort(key, upload_id, credentials, now, life)
            })
            .await?;
        let call = Call::new("abort_multipart", Method::DELETE, &signed);
        let answer = self.client.call(call).await?;
        if answer.status.is_success() || answer.code() == Some("NoSuchUpload") {
            return Ok(());
        }
        Err(answer.refusal("s3:AbortMultipartUpload on the objects"))
    }
}

/// Says what an answer to the last request of an upload comes to. S3 has sent 200 before it knows, so
/// it is the document that tells.
fn completed(answer: &Answer) -> Result<bool, Error> {
    match answer.code() {
        None if answer.status == StatusCode::OK
            && answer.body.contains("</CompleteMultipartUploadResult>") =>
        {
            Ok(true)
        }
        Some("NoSuchUpload" | "PreconditionFailed") => Ok(false),
        Some(
            code @ ("InvalidPart" | "InvalidPartOrder" | "EntityTooSmall" | "EntityTooLarge"
            | "MalformedXML" | "InvalidArgument" | "InvalidRequest"),
        ) => Err(Error::Refused(code.to_owned())),
        _ => Err(answer.refusal("s3:PutObject on the objects")),
    }
}

fn parts_of(page: ListPartsResponse) -> Parts {
    let next = page.next_part_number_marker;
    let mut contents = page.parts;
    // SeaweedFS keeps what was there before a part was sent again, and lists both.
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

    use super::{completed, parts_of};
    use crate::objects::Error;
    use crate::objects::s3::answer::Answer;

    fn answer(status: StatusCode, body: &str) -> Answer {
        Answer {
            status,
            headers: HeaderMap::new(),
            body: body.to_owned(),
        }
    }

    #[test]
    fn the_document_tells_whether_an_upload_is_complete() {
        let result =
            "<CompleteMultipartUploadResult><ETag>x-2</ETag></CompleteMultipartUploadResult>";
        let error = |code: &str| format!("<?xml ?>\n   <Error><Code>{code}</Code></Error>");
        let of = |status, body: &str| completed(&answer(status, body));
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
    fn a_part_that_was_sent_again_is_one() {
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
