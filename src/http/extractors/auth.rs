//! Authentication: the checks that precede all others, in their documented order.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::http::responses::{ApiError, ApiResult};
use crate::http::state::AppState;
use crate::service::{Access, Caller};

pub(crate) const API_KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");
pub(crate) const CLIENT_ID_HEADER: HeaderName = HeaderName::from_static("x-client-id");

impl FromRequestParts<Arc<AppState>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<AppState>) -> ApiResult<Self> {
        let key = parts.headers.get(API_KEY_HEADER);
        Ok(state.service.authenticate(key.map(HeaderValue::as_bytes))?)
    }
}

impl FromRequestParts<Arc<AppState>> for Access {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<AppState>) -> ApiResult<Self> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let client_id = client_id(&parts.headers);
        Ok(caller.access(client_id.as_deref()).await?)
    }
}

/// The value of `X-Client-Id`; `None` if it is absent or empty.
#[derive(Debug)]
pub(crate) struct ClientIdHeader(Option<String>);

impl<S: Sync> FromRequestParts<S> for ClientIdHeader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(client_id(&parts.headers).map(Cow::into_owned)))
    }
}

impl ClientIdHeader {
    pub(crate) fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Returns access to the tenant that the header names, if it names one.
    pub(crate) async fn access(&self, caller: &Caller) -> ApiResult<Option<Access>> {
        match &self.0 {
            Some(client_id) => Ok(Some(caller.access(Some(client_id)).await?)),
            None => Ok(None),
        }
    }
}

fn client_id(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    // Bytes that are not text match no tenant, and are not missing either.
    let text = match String::from_utf8_lossy(headers.get(CLIENT_ID_HEADER)?.as_bytes()) {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    };
    (!text.is_empty()).then_some(text)
}
