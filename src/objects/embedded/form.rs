//! A browser's form that uploads an object: `POST /<bucket>`, `multipart/form-data` (RFC 7578).
//!
//! The fields stand before the file and are kept in memory; the file goes to the disk as it comes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use multer::{Field, Multipart};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::adapter::{Adapter, blocking};
use super::digests::Claims;
use super::errors::{error, sealed, worded};
use super::file::{Headers, Meta, Published, Replace, Upload};
use super::intake::{Intake, Reader};
use super::policy::{self, Fields, Range, Scope};
use super::tenancy::{self, SignedAt};
use super::upload::{Incoming, checked, refuse};
use crate::domain::file::limits::MAX_SINGLE_UPLOAD_BYTES;
use crate::domain::{Clock, ObjectKey};
use crate::objects::KeyPair;

/// How large the fields before the file may be together, names and values.
/// Source: Amazon S3 API reference, "Browser-Based Uploads Using POST": 20 KB.
const MAX_FIELDS_BYTES: usize = 20 * 1024;
/// How many fields there may be: S3's own and user metadata have far fewer.
const MAX_FIELDS: usize = 50;
/// What is handed to the parser at once before the file.
const PIECE_BYTES: usize = 256;
/// What is handed to the parser before it finds the file. It takes a piece with every question, about
/// three a field, so it is ahead of what it has parsed.
const MAX_AHEAD_BYTES: usize = 128 * 1024;

/// Takes forms for one bucket.
pub(super) struct Forms {
    pub adapter: Adapter,
    pub key_pair: KeyPair,
    pub region: String,
    pub bucket: String,
}

impl Forms {
    /// Makes the object that the form is for, and answers when it is durable.
    pub(super) async fn take(
        &self,
        headers: &HeaderMap,
        intake: &Arc<Intake>,
    ) -> S3Result<Response> {
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .and_then(|it| it.to_str().ok());
        let boundary = multer::parse_boundary(content_type.unwrap_or_default()).map_err(|_| {
            let message = "Bucket POST must be of the enclosure-type multipart/form-data";
            worded(S3ErrorCode::PreconditionFailed, message)
        })?;
        let at_file = Arc::new(AtomicBool::new(false));
        let pieces = Pieces::new(Reader(Arc::clone(intake)), Arc::clone(&at_file));
        let mut form = Multipart::new(pieces, boundary);
        let (fields, file) = read_fields(&mut form, intake).await?;
        at_file.store(true, Ordering::Relaxed);

        let scope = Scope {
            key_pair: &self.key_pair,
            region: &self.region,
            bucket: &self.bucket,
            now: self.adapter.clock.now(),
        };
        let range = policy::check(&fields, &scope)?;
        let order = Order::of(&fields)?;
        let signed_at = SignedAt::parse(fields.get("x-amz-date").map(String::as_str));
        let name = &order.key.database_name;
        tenancy::check(self.adapter.tenants.as_ref(), name, signed_at).await?;
        let etag = self.store(&order, range, file, intake).await?;
        self.answer(&order, &etag)
    }

    async fn store(
        &self,
        order: &Order,
        range: Range,
        file: Field<'static>,
        intake: &Arc<Intake>,
    ) -> S3Result<String> {
        let mut checksums = [const { None }; 5];
        checksums[4].clone_from(&order.sha256);
        let claims = Claims::new(None, checksums, None)?;
        let (folder, digests) = (Arc::clone(&self.adapter.folder), claims.digests());
        let upload = blocking(intake, move || Upload::begin(&folder, digests)).await?;
        let incoming = Incoming {
            upload,
            claims,
            trailers: None,
            intake: Arc::clone(intake),
        };
        let body = Box::pin(within(file, range, Arc::clone(intake)));
        let (upload, finished) = incoming.receive(body, None, |refusal| refusal).await?;
        let etag = hex::encode(finished.md5);
        let meta = Meta {
            key: order.key.to_string(),
            size_bytes: upload.size_bytes(),
            md5: etag.clone(),
            sha256: finished.checksums.checksum_sha256,
            modified_at_s: self.adapter.now_s(),
            headers: order.headers.clone(),
            parts: None,
        };
        let (folder, key) = (Arc::clone(&self.adapter.folder), order.key.clone());
        let publish = move || upload.publish(&folder, &key, &meta, Replace::Yes);
        if blocking(intake, publish).await? == Published::Sealed {
            return Err(sealed());
        }
        Ok(etag)
    }

    fn answer(&self, order: &Order, etag: &str) -> S3Result<Response> {
        let (bucket, key) = (&self.bucket, &order.key);
        let location = format!("/{bucket}/{key}");
        // Neither a bucket nor a key has a character that XML would have to escape.
        let document = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse><Location>{location}\
             </Location><Bucket>{bucket}</Bucket><Key>{key}</Key><ETag>&quot;{etag}&quot;</ETag>\
             </PostResponse>"
        );
        let created = order.success_status == StatusCode::CREATED;
        let body = if created {
            Body::from(document)
        } else {
            Body::empty()
        };
        let value = |text: String| {
            HeaderValue::try_from(text).map_err(|_| error(S3ErrorCode::InternalError))
        };
        let mut response = Response::new(body);
        *response.status_mut() = order.success_status;
        let headers = response.headers_mut();
        headers.insert(header::ETAG, value(format!("\"{etag}\""))?);
        headers.insert(header::LOCATION, value(location)?);
        if created {
            let xml = HeaderValue::from_static("application/xml");
            headers.insert(header::CONTENT_TYPE, xml);
        }
        Ok(response)
    }
}

/// What a form asks for.
#[derive(Debug)]
struct Order {
    key: ObjectKey,
    headers: Headers,
    sha256: Option<String>,
    success_status: StatusCode,
}

impl Order {
    fn of(fields: &Fields) -> S3Result<Self> {
        let field = |name: &str| fields.get(name).cloned();
        let asked = |name: &'static str| (name, fields.contains_key(name));
        refuse(&[
            asked("success_action_redirect"),
            asked("redirect"),
            asked("tagging"),
            asked("expires"),
            ("acl", fields.get("acl").is_some_and(|acl| acl != "private")),
        ])?;
        let mut user = std::collections::BTreeMap::new();
        for (name, value) in fields {
            match name.strip_prefix("x-amz-meta-") {
                Some(name) => _ = user.insert(name.to_owned(), value.clone()),
                None => refuse(&[(name, !is_known(name))])?,
            }
        }
        let algorithm = fields.get("x-amz-checksum-algorithm");
        refuse(&[(
            "x-amz-checksum-algorithm",
            algorithm.is_some_and(|algorithm| algorithm != "SHA256"),
        )])?;
        let key = fields.get("key").ok_or_else(|| {
            let message = "Bucket POST must contain a field named 'key'.";
            worded(S3ErrorCode::InvalidArgument, message)
        })?;
        let key = ObjectKey::parse(key)
            .filter(|parsed| parsed.to_string() == *key)
            .ok_or_else(super::guard::foreign_key)?;
        let success_status = match fields.get("success_action_status").map(String::as_str) {
            Some("200") => StatusCode::OK,
            Some("201") => StatusCode::CREATED,
            _ => StatusCode::NO_CONTENT,
        };
        Ok(Self {
            key,
            headers: checked(Headers {
                content_type: field("content-type"),
                content_encoding: field("content-encoding"),
                content_language: field("content-language"),
                content_disposition: field("content-disposition"),
                cache_control: field("cache-control"),
                user,
            })?,
            sha256: field("x-amz-checksum-sha256"),
            success_status,
        })
    }
}

/// Tells whether a field is implemented, or means nothing to S3.
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

/// Reads up to the file, which has to be there.
async fn read_fields(
    form: &mut Multipart<'static>,
    intake: &Intake,
) -> S3Result<(Fields, Field<'static>)> {
    let mut fields = Fields::new();
    let mut fields_bytes = 0;
    while let Some(mut field) = form
        .next_field()
        .await
        .map_err(|error| broken(&error, intake))?
    {
        let name = field.name().unwrap_or_default().to_ascii_lowercase();
        if name == "file" {
            return Ok((fields, field));
        }
        let mut value = Vec::new();
        while let Some(chunk) = field
            .chunk()
            .await
            .map_err(|error| broken(&error, intake))?
        {
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
    Err(worded(S3ErrorCode::InvalidArgument, message))
}

/// Streams the file, and breaks off as soon as it is known not to be one that the policy allows.
fn within(
    file: Field<'static>,
    range: Range,
    intake: Arc<Intake>,
) -> impl Stream<Item = S3Result<Bytes>> {
    stream::try_unfold((file, 0_u64), move |(mut file, mut size_bytes)| {
        let intake = Arc::clone(&intake);
        async move {
            let chunk = file
                .chunk()
                .await
                .map_err(|error| broken(&error, &intake))?;
            let Some(chunk) = chunk else {
                if size_bytes < range.min {
                    let message = "Your proposed upload is smaller than the minimum allowed size";
                    return Err(worded(S3ErrorCode::EntityTooSmall, message));
                }
                return Ok(None);
            };
            size_bytes += chunk.len() as u64;
            if size_bytes > range.max.min(MAX_SINGLE_UPLOAD_BYTES) {
                let message = "Your proposed upload exceeds the maximum allowed size";
                return Err(worded(S3ErrorCode::EntityTooLarge, message));
            }
            Ok(Some((chunk, (file, size_bytes))))
        }
    })
}

/// Says why a form could not be read on.
fn broken(problem: &multer::Error, intake: &Intake) -> S3Error {
    if intake.timed_out() {
        return error(S3ErrorCode::RequestTimeout);
    }
    if intake.broke_off() {
        return error(S3ErrorCode::IncompleteBody);
    }
    if matches!(problem, multer::Error::StreamReadFailed(_)) {
        return too_long();
    }
    malformed()
}

fn too_long() -> S3Error {
    // s3s has another name for it.
    let code = S3ErrorCode::Custom("MaxPostPreDataLengthExceeded".into());
    let message = "Your POST request fields preceding the upload file were too large.";
    let mut refusal = worded(code, message);
    refusal.set_status_code(StatusCode::BAD_REQUEST);
    refusal
}

fn malformed() -> S3Error {
    let message = "The body of your POST request is not well-formed multipart/form-data.";
    worded(S3ErrorCode::MalformedPOSTRequest, message)
}

/// A body as the parser is to see it. The parser takes in all that is ready before it looks at any of
/// it, so it gets one piece and is then told to come again; and what stands before the file is limited.
struct Pieces {
    body: Reader,
    at_file: Arc<AtomicBool>,
    before_file_bytes: usize,
    rest: Bytes,
    pauses: bool,
}

impl Pieces {
    fn new(body: Reader, at_file: Arc<AtomicBool>) -> Self {
        Self {
            body,
            at_file,
            before_file_bytes: 0,
            rest: Bytes::new(),
            pauses: false,
        }
    }
}

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.pauses) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.rest.is_empty() {
            let frame = http_body::Body::poll_frame(Pin::new(&mut self.body), context);
            match std::task::ready!(frame) {
                None => return Poll::Ready(None),
                Some(Err(broken)) => return Poll::Ready(Some(Err(io::Error::other(broken)))),
                Some(Ok(frame)) => self.rest = frame.into_data().unwrap_or_default(),
            }
        }
        self.pauses = true;
        if self.at_file.load(Ordering::Relaxed) {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.rest))));
        }
        if self.before_file_bytes > MAX_AHEAD_BYTES {
            return Poll::Ready(Some(Err(io::Error::other("no file within the limit"))));
        }
        let piece_bytes = self.rest.len().min(PIECE_BYTES);
        self.before_file_bytes += piece_bytes;
        Poll::Ready(Some(Ok(self.rest.split_to(piece_bytes))))
    }
}
