//! Requests for objects with presigned URLs.

use std::ops::Range;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, IF_MATCH, RANGE};
use http::{Method, StatusCode};
use reqwest::{RequestBuilder, Response};

use crate::objects::{Error, PresignedUrl};
use crate::presigned_requests::PresignedRequests;

#[derive(Debug, Clone)]
pub(super) struct Requests(PresignedRequests);

impl Requests {
    /// `is_local`: this process serves the storage, so no proxy is used.
    pub(super) fn new(is_local: bool) -> Result<Self, Error> {
        let requests = PresignedRequests::new(is_local);
        requests.map(Self).map_err(Error::Unavailable)
    }

    pub(super) async fn get(&self, url: &str) -> Result<Response, Error> {
        self.read(self.0.get(url), StatusCode::OK).await
    }

    /// Reads a range of an object, if its ETag is still this one.
    pub(super) async fn get_range(
        &self,
        url: &str,
        range: &Range<u64>,
        etag: Option<&str>,
    ) -> Result<Response, Error> {
        let bytes = format!("bytes={}-{}", range.start, range.end - 1);
        let mut request = self.0.get(url).header(RANGE, bytes);
        if let Some(etag) = etag {
            request = request.header(IF_MATCH, format!("\"{etag}\""));
        }
        self.read(request, StatusCode::PARTIAL_CONTENT).await
    }

    /// Returns the next bytes of a response; `None` at its end.
    pub(super) async fn chunk(&self, response: &mut Response) -> Result<Option<Bytes>, Error> {
        let chunk = self.0.chunk(response).await;
        chunk.map_err(Error::Unavailable)
    }

    /// Returns the body of a response as a stream.
    pub(super) fn body(
        &self,
        response: Response,
    ) -> impl Stream<Item = Result<Bytes, Error>> + Send + use<> {
        stream::try_unfold(
            (self.clone(), response),
            async |(requests, mut response)| {
                let chunk = requests.chunk(&mut response).await?;
                Ok(chunk.map(|chunk| (chunk, (requests, response))))
            },
        )
    }

    /// Sends `length` bytes.
    pub(super) async fn put(
        &self,
        presigned: PresignedUrl,
        mut headers: HeaderMap,
        length: u64,
        body: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
    ) -> Result<Response, Error> {
        let PresignedUrl {
            url,
            headers: signed,
            expires_at: _,
        } = presigned;
        headers.insert(CONTENT_LENGTH, length.into());
        for (name, value) in signed {
            let name = HeaderName::try_from(name).map_err(|it| Error::Unavailable(it.into()))?;
            let value = HeaderValue::try_from(value).map_err(|it| Error::Unavailable(it.into()))?;
            headers.insert(name, value);
        }
        let request = self.0.put(&url).headers(headers);
        let response = self.0.send_body(request, body).await;
        let response = response.map_err(Error::Unavailable)?;
        self.accepted(&Method::PUT, response, StatusCode::OK).await
    }

    async fn read(&self, request: RequestBuilder, expected: StatusCode) -> Result<Response, Error> {
        let response = self.0.send(request).await;
        let response = response.map_err(Error::Unavailable)?;
        self.accepted(&Method::GET, response, expected).await
    }

    async fn accepted(
        &self,
        method: &Method,
        response: Response,
        expected: StatusCode,
    ) -> Result<Response, Error> {
        let status = response.status();
        if status == expected {
            return Ok(response);
        }
        let code = self.0.error_code(response).await;
        Err(because(&format!("it answered {status} to {method}{code}")))
    }
}

pub(super) fn because(reason: &str) -> Error {
    Error::Unavailable(reason.to_owned().into())
}
