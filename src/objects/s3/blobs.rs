//! Blobs in a bucket.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_LENGTH;
use http::{Method, StatusCode};
use rusty_s3::actions::ListObjectsV2;
use sha2::{Digest, Sha256};

use super::S3;
use super::client::{BoxError, Call};
use super::response::{no_bucket, unavailable};
use crate::domain::FileSha256;
use crate::objects::blobs::{Blobs, MAX_BLOB_BYTES};
use crate::objects::{Error, PresignedUrl};
use crate::presigned_requests::PresignedRequests;

const PERMISSIONS: &str = "s3:GetObject, s3:PutObject and s3:ListBucket";

/// A bucket of blobs, or the part of one below a prefix.
#[derive(Debug, Clone)]
pub struct S3Blobs {
    s3: Arc<S3>,
    /// A blob may take longer than the requests that a caller of the API waits for.
    transfers: PresignedRequests,
}

impl S3Blobs {
    pub fn new(s3: S3) -> Result<Self, Error> {
        Ok(Self {
            s3: Arc::new(s3),
            transfers: PresignedRequests::new(false).map_err(Error::Unavailable)?,
        })
    }

    async fn refused(&self, response: reqwest::Response) -> Error {
        let status = response.status();
        let code = self.transfers.error_code(response).await;
        unavailable(match status {
            StatusCode::FORBIDDEN => format!(
                "it answered {status}{code}: the credentials are wrong, or lack {PERMISSIONS}"
            ),
            _ => format!("it answered {status}{code}"),
        })
    }
}

#[async_trait]
impl Blobs for S3Blobs {
    async fn put(&self, name: &str, content: Bytes) -> Result<(), Error> {
        let sha256 = FileSha256::new(Sha256::digest(&content).into());
        let signer = &self.s3.signer;
        let presigned = self.s3.sign(super::REQUEST_LIFE, |signing| {
            signer.put_blob(name, sha256, signing)
        });
        let PresignedUrl { url, headers, .. } = presigned.await?;
        let mut request = self.transfers.put(&url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.header(CONTENT_LENGTH, content.len());
        let body = stream::iter([Ok::<_, BoxError>(content)]);
        let sent = self.transfers.send_body(request, body).await;
        let response = sent.map_err(Error::Unavailable)?;
        match response.status() {
            StatusCode::OK => Ok(()),
            _ => Err(self.refused(response).await),
        }
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>, Error> {
        let signer = &self.s3.signer;
        let sign = |signing: super::Signing<'_>| signer.get_blob(name, signing);
        let presigned = self.s3.sign(super::REQUEST_LIFE, sign).await?;
        let sent = self
            .transfers
            .send(self.transfers.get(&presigned.url))
            .await;
        let mut response = sent.map_err(Error::Unavailable)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                let code = self.transfers.error_code(response).await;
                return match code.as_str() {
                    "NoSuchKey" => Ok(None),
                    "NoSuchBucket" => Err(no_bucket()),
                    _ => Err(unavailable("it answered 404")),
                };
            }
            _ => return Err(self.refused(response).await),
        }
        let mut content = Vec::new();
        loop {
            let chunk = self.transfers.chunk(&mut response).await;
            let Some(chunk) = chunk.map_err(Error::Unavailable)? else {
                return Ok(Some(content.into()));
            };
            content.extend_from_slice(&chunk);
            if content.len() as u64 > MAX_BLOB_BYTES {
                let problem = format!("'{name}' is larger than any blob");
                return Err(Error::Damaged(problem.into()));
            }
        }
    }

    async fn size(&self, name: &str) -> Result<Option<u64>, Error> {
        let signer = &self.s3.signer;
        let call = Call::new("head", Method::HEAD);
        let sent = self
            .s3
            .send(call, |signing| signer.head_blob(name, signing));
        let response = sent.await?;
        match response.status {
            StatusCode::OK => Ok(response.content_length()),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(response.error(PERMISSIONS)),
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        let signer = &self.s3.signer;
        let root = signer.full_key("");
        let (mut names, mut after) = (Vec::new(), None::<String>);
        loop {
            let call = Call::new("list", Method::GET).page();
            let sent = self.s3.send(call, |signing| {
                signer.list_below(&format!("{folder}/"), after.as_deref(), signing)
            });
            let response = sent.await?;
            match response.status {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Err(no_bucket()),
                _ => return Err(response.error(PERMISSIONS)),
            }
            let page = ListObjectsV2::parse_response(&response.xml())
                .map_err(|error| unavailable(format!("its list of keys is invalid: {error}")))?;
            let keys = page.contents.into_iter().map(|it| it.key);
            names.extend(keys.filter_map(|key| key.strip_prefix(&root).map(str::to_owned)));
            after = page.next_continuation_token;
            if after.is_none() {
                names.sort_unstable();
                return Ok(names);
            }
        }
    }

    /// A PUT is answered when the object is durable.
    async fn sync(&self) -> Result<(), Error> {
        Ok(())
    }
}
