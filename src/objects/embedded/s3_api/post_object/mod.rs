//! Uploads from a browser's form: `POST /<bucket>`, `multipart/form-data` (RFC 7578).
//!
//! The fields precede the file and are kept in memory; the file is written to disk as it arrives.

mod paced_body;
mod policy;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use multer::{Field, Multipart};
use s3s::{S3Error, S3ErrorCode, S3Result};

use self::paced_body::PacedBody;
use self::policy::{Fields, SigningScope};
use super::operations::{
    Adapter, ExpectedChecksums, Incoming, USER_METADATA, normalize, reject_unsupported,
};
use super::request::body::{BodyReader, RequestBody};
use super::request::s3_errors::{error, invalid_key, sealed, with_message};
use super::request::tenant_check::{self, SignedAt};
use crate::domain::file::limits::MAX_SINGLE_UPLOAD_BYTES;
use crate::domain::{Clock, ObjectKey};
use crate::objects::KeyPair;
use crate::objects::embedded::disk::object::{Headers, ObjectWriter, Overwrite, Published};

/// The limit of all fields before the file together, names and values.
/// Source: Amazon S3 API reference, "Browser-Based Uploads Using POST": 20 KB.
const MAX_FIELDS_BYTES: usize = 20 * 1024;
/// S3's own fields and user metadata are far fewer.
const MAX_FIELDS: usize = 50;

/// Accepts forms for one bucket.
#[derive(Debug)]
pub(crate) struct PostObject {
    pub adapter: Adapter,
    pub key_pair: KeyPair,
    pub region: String,
    pub bucket: String,
}

impl PostObject {
    /// Stores the object, and answers when it is durable.
    pub(super) async fn post(
        &self,
        headers: &HeaderMap,
        body: &Arc<RequestBody>,
    ) -> S3Result<Response> {
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .and_then(|it| it.to_str().ok());
        let boundary = multer::parse_boundary(content_type.unwrap_or_default()).map_err(|_| {
            let message = "Bucket POST must be of the enclosure-type multipart/form-data";
            with_message(S3ErrorCode::PreconditionFailed, message)
        })?;
        let at_file = Arc::new(AtomicBool::new(false));
        let paced = PacedBody::new(BodyReader(Arc::clone(body)), Arc::clone(&at_file));
        let mut form = Multipart::new(paced, boundary);
        let (fields, file) = read_fields(&mut form, body).await?;
        at_file.store(true, Ordering::Relaxed);

        let scope = SigningScope {
            key_pair: &self.key_pair,
            region: &self.region,
            bucket: &self.bucket,
            now: self.adapter.clock.now(),
        };
        let sizes = policy::check(&fields, &scope)?;
        let form = ObjectForm::parse(&fields)?;
        let signed_at = SignedAt::parse(fields.get("x-amz-date").map(String::as_str));
        let name = &form.key.database_name;
        tenant_check::check(self.adapter.tenants.as_ref(), name, signed_at).await?;
        let etag = self.store(&form, sizes, file, body).await?;
        self.answer(&form, &etag)
    }

    async fn store(
        &self,
        form: &ObjectForm,
        sizes: RangeInclusive<u64>,
        file: Field<'static>,
        body: &Arc<RequestBody>,
    ) -> S3Result<String> {
        let create = self
            .adapter
            .on_disk(body, |folder| ObjectWriter::create(folder));
        let writer = create.await?;
        let incoming = Incoming {
            stream: Box::pin(limit_size(file, sizes, Arc::clone(body))),
            request_body: Arc::clone(body),
            size_bytes: None,
            expected: ExpectedChecksums::of_sha256(form.sha256.clone()),
            trailers: None,
        };
        let headers = form.headers.clone();
        let received = incoming.receive(writer, &form.key, headers, &self.adapter.clock);
        let (writer, metadata, _checksums) = received.await?;
        let etag = metadata.md5.clone();
        let key = form.key.clone();
        let publish = self.adapter.on_disk(body, move |folder| {
            writer.publish(folder, &key, &metadata, &Overwrite::Any)
        });
        if publish.await? == Published::Sealed {
            return Err(sealed());
        }
        Ok(etag)
    }

    fn answer(&self, form: &ObjectForm, etag: &str) -> S3Result<Response> {
        let (bucket, key) = (&self.bucket, &form.key);
        let location = format!("/{bucket}/{key}");
        let value = |text: String| {
            HeaderValue::try_from(text).map_err(|_| error(S3ErrorCode::InternalError))
        };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = form.success_status;
        let headers = response.headers_mut();
        headers.insert(header::ETAG, value(format!("\"{etag}\""))?);
        headers.insert(header::LOCATION, value(location.clone())?);
        if form.success_status == StatusCode::CREATED {
            let xml = HeaderValue::from_static("application/xml");
            headers.insert(header::CONTENT_TYPE, xml);
            // No character of a bucket or a key has to be escaped in XML.
            *response.body_mut() = Body::from(format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse><Location>{location}\
                 </Location><Bucket>{bucket}</Bucket><Key>{key}</Key><ETag>&quot;{etag}&quot;</ETag>\
                 </PostResponse>"
            ));
        }
        Ok(response)
    }
}

/// The fields of a form, parsed.
#[derive(Debug)]
struct ObjectForm {
    key: ObjectKey,
    headers: Headers,
    sha256: Option<String>,
    success_status: StatusCode,
}

impl ObjectForm {
    fn parse(fields: &Fields) -> S3Result<Self> {
        let field = |name: &str| fields.get(name).cloned();
        let is_sent = |name: &'static str| (name, fields.contains_key(name));
        reject_unsupported(&[
            is_sent("success_action_redirect"),
            is_sent("redirect"),
            is_sent("tagging"),
            ("acl", fields.get("acl").is_some_and(|acl| acl != "private")),
        ])?;
        let mut user = BTreeMap::new();
        for (name, value) in fields {
            match name.strip_prefix(USER_METADATA) {
                Some(name) => _ = user.insert(name.to_owned(), value.clone()),
                None => reject_unsupported(&[(name, !is_known(name))])?,
            }
        }
        let algorithm = fields.get("x-amz-checksum-algorithm");
        reject_unsupported(&[(
            "x-amz-checksum-algorithm",
            algorithm.is_some_and(|algorithm| algorithm != "SHA256"),
        )])?;
        let key = fields.get("key").ok_or_else(|| {
            let message = "Bucket POST must contain a field named 'key'.";
            with_message(S3ErrorCode::InvalidArgument, message)
        })?;
        let key = ObjectKey::parse(key)
            .filter(|parsed| parsed.to_string() == *key)
            .ok_or_else(invalid_key)?;
        let success_status = match fields.get("success_action_status").map(String::as_str) {
            Some("200") => StatusCode::OK,
            Some("201") => StatusCode::CREATED,
            _ => StatusCode::NO_CONTENT,
        };
        Ok(Self {
            key,
            headers: normalize(Headers {
                content_type: field("content-type"),
                content_encoding: field("content-encoding"),
                content_language: field("content-language"),
                content_disposition: field("content-disposition"),
                cache_control: field("cache-control"),
                expires: field("expires"),
                user,
            })?,
            sha256: field("x-amz-checksum-sha256"),
            success_status,
        })
    }
}

/// Returns true for a field that is implemented or that S3 ignores.
fn is_known(name: &str) -> bool {
    !name.starts_with("x-amz-")
        || [
            "x-amz-algorithm",
            "x-amz-checksum-algorithm",
            "x-amz-checksum-sha256",
            "x-amz-credential",
            "x-amz-date",
            "x-amz-signature",
        ]
        .contains(&name)
}

/// Reads the fields up to the file, which is required.
async fn read_fields(
    form: &mut Multipart<'static>,
    body: &RequestBody,
) -> S3Result<(Fields, Field<'static>)> {
    let mut fields = Fields::new();
    let mut fields_bytes = 0;
    let failed = |error: multer::Error| form_error(&error, body);
    while let Some(mut field) = form.next_field().await.map_err(failed)? {
        let name = field.name().unwrap_or_default().to_ascii_lowercase();
        if name == "file" {
            return Ok((fields, field));
        }
        let mut value = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(failed)? {
            value.extend_from_slice(&chunk);
        }
        fields_bytes += name.len() + value.len();
        if fields_bytes > MAX_FIELDS_BYTES {
            return Err(too_long());
        }
        let value = String::from_utf8(value).map_err(|_| malformed())?;
        if name.is_empty() || fields.len() >= MAX_FIELDS || fields.insert(name, value).is_some() {
            return Err(malformed());
        }
    }
    let message = "POST requires exactly one file upload per request.";
    Err(with_message(S3ErrorCode::InvalidArgument, message))
}

/// Streams the file, and fails as soon as its size violates the policy.
fn limit_size(
    file: Field<'static>,
    sizes: RangeInclusive<u64>,
    body: Arc<RequestBody>,
) -> impl Stream<Item = S3Result<Bytes>> {
    stream::try_unfold((file, 0_u64), move |(mut file, mut size_bytes)| {
        let (body, sizes) = (Arc::clone(&body), sizes.clone());
        async move {
            let chunk = file.chunk().await;
            let Some(chunk) = chunk.map_err(|error| form_error(&error, &body))? else {
                if size_bytes < *sizes.start() {
                    let message = "Your proposed upload is smaller than the minimum allowed size";
                    return Err(with_message(S3ErrorCode::EntityTooSmall, message));
                }
                return Ok(None);
            };
            size_bytes += chunk.len() as u64;
            if size_bytes > MAX_SINGLE_UPLOAD_BYTES.min(*sizes.end()) {
                let message = "Your proposed upload exceeds the maximum allowed size";
                return Err(with_message(S3ErrorCode::EntityTooLarge, message));
            }
            Ok(Some((chunk, (file, size_bytes))))
        }
    })
}

/// Returns the reason why a form could not be read to its end.
fn form_error(problem: &multer::Error, body: &RequestBody) -> S3Error {
    if let Some(error) = body.read_error() {
        return error;
    }
    if matches!(problem, multer::Error::StreamReadFailed(_)) {
        return too_long();
    }
    malformed()
}

fn too_long() -> S3Error {
    // s3s has no variant for this code.
    let code = S3ErrorCode::Custom("MaxPostPreDataLengthExceeded".into());
    let message = "Your POST request fields preceding the upload file were too large.";
    let mut refusal = with_message(code, message);
    refusal.set_status_code(StatusCode::BAD_REQUEST);
    refusal
}

fn malformed() -> S3Error {
    let message = "The body of your POST request is not well-formed multipart/form-data.";
    with_message(S3ErrorCode::MalformedPOSTRequest, message)
}
