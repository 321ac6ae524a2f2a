//! The checks that come before a request is looked at, in their documented order.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName};

use super::Api;
use super::error::ApiError;
use super::lanes;
use crate::service::{Access, Caller};

pub(super) const API_KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");
pub(super) const CLIENT_ID_HEADER: HeaderName = HeaderName::from_static("x-client-id");

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let key = parts
            .headers
            .get(API_KEY_HEADER)
            .map(http::HeaderValue::as_bytes);
        Ok(api.service.authenticate(key)?)
    }
}

impl FromRequestParts<Api> for Access {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, api).await?;
        let client_id = client_id(&parts.headers);
        let access = caller.access(client_id.as_deref()).await?;
        lanes::serves(access.client_id());
        Ok(access)
    }
}

/// What `X-Client-Id` says, where it is sent and not empty.
#[derive(Debug)]
pub(super) struct ClientIdHeader(Option<String>);

impl ClientIdHeader {
    pub(super) fn of(parts: &Parts) -> Self {
        Self(client_id(&parts.headers).map(Cow::into_owned))
    }

    pub(super) fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

fn client_id(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    // Bytes that are no text match no tenant, and are not missing either.
    let text = match String::from_utf8_lossy(headers.get(CLIENT_ID_HEADER)?.as_bytes()) {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    };
    (!text.is_empty()).then_some(text)
}

impl FromRequestParts<Api> for ClientIdHeader {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts))
    }
}
