//! Authentication: the checks that precede all others, in their documented order.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::domain::{Requirement, Scope};
use crate::http::responses::{ApiError, ApiResult, request_id};
use crate::http::state::AppState;
use crate::objects::RequestOrigin;
use crate::service::{self, Access, Caller, Credential, Origin, Reading};

/// The paths that name a record begin with this.
const RECORDS: &str = "/api/history/records/";

/// The bytes of a query that are recorded, at most.
const MAX_RECORDED_QUERY: usize = 4096;

const BASIC: &[u8] = b"Basic ";
const BEARER: &[u8] = b"Bearer ";

/// A client id and a secret take 140 bytes, encoded, and a view token some 300.
const MAX_AUTHORIZATION_BYTES: usize = 1024;

pub(crate) const API_KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");
pub(crate) const CLIENT_ID_HEADER: HeaderName = HeaderName::from_static("x-client-id");

impl FromRequestParts<Arc<AppState>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<AppState>) -> ApiResult<Self> {
        let requirement = parts.extensions.get::<Requirement>().copied();
        let unknown = || service::Error::Broken("the route does not say what it needs".into());
        let requirement = requirement.ok_or_else(unknown)?;
        let credential = credential(&parts.headers).unwrap_or_default();
        let service = &state.service;
        let caller = service.authenticate(credential, requirement).await?;
        // Texts that only the audit needs.
        if service.records(requirement) {
            return Ok(caller.sent_from(origin(parts)));
        }
        Ok(caller)
    }
}

impl FromRequestParts<Arc<AppState>> for Access {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<AppState>) -> ApiResult<Self> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let client_id = client_id(&parts.headers)?;
        let access = caller.access(client_id.as_deref()).await?;
        let requirement = parts.extensions.get::<Requirement>();
        if requirement == Some(&Requirement::Scope(Scope::Read)) {
            access.record_reading(reading(&parts.uri)).await?;
        }
        Ok(access)
    }
}

fn origin(parts: &Parts) -> Origin {
    let origin = parts.extensions.get::<RequestOrigin>();
    Origin {
        client: origin.map(|it| it.client),
        request_id: Some(request_id::current()),
    }
}

/// Returns what a request to a history reads: the one record that its path or its query names, if there is one.
fn reading(uri: &Uri) -> Reading<'_> {
    let (path, query) = (uri.path(), uri.query().unwrap_or_default());
    let of_path = path
        .strip_prefix(RECORDS)
        .and_then(|it| it.split('/').next());
    let mut of_query = query
        .split('&')
        .filter_map(|it| it.strip_prefix("record_id="));
    let of_query = of_query.next().filter(|_| of_query.next().is_none());
    let end = query.len().min(MAX_RECORDED_QUERY);
    Reading {
        path,
        query: query.get(..end).unwrap_or_default(), // a query is ASCII
        record_id: of_path.or(of_query).and_then(|it| it.parse().ok()),
    }
}

/// The value of `X-Client-Id`; `None` if it is absent or empty, and an error if there are several.
#[derive(Debug)]
pub(crate) struct ClientIdHeader(Result<Option<String>, Conflict>);

impl<S: Sync> FromRequestParts<S> for ClientIdHeader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let client_id = client_id(&parts.headers);
        Ok(Self(client_id.map(|it| it.map(Cow::into_owned))))
    }
}

impl ClientIdHeader {
    pub(crate) fn as_str(&self) -> ApiResult<Option<&str>> {
        let client_id = self.0.as_ref().map_err(|conflict| *conflict)?;
        Ok(client_id.as_deref())
    }

    /// Returns access to the tenant that the header names, or that the credential is for; `None` if neither names one.
    pub(crate) async fn access(&self, caller: &Caller) -> ApiResult<Option<Access>> {
        let client_id = self.as_str()?;
        if client_id.is_none() && caller.tenant().is_none() {
            return Ok(None);
        }
        Ok(Some(caller.access(client_id).await?))
    }
}

/// Returns what says who is asking. An API key goes before `Authorization`, which may be a proxy's. Of several values,
/// nobody can say which one counts.
fn credential(headers: &HeaderMap) -> Result<Option<Credential<'_>>, Conflict> {
    if let Some(key) = only_value(headers, &API_KEY_HEADER)? {
        return Ok(Some(Credential::Key(key.as_bytes())));
    }
    let value = only_value(headers, &AUTHORIZATION)?;
    Ok(value.and_then(|value| bearer(value.as_bytes()).or_else(|| basic(value.as_bytes()))))
}

/// Returns the token of the scheme `Bearer`. Source: RFC 6750, section 2.1.
fn bearer(value: &[u8]) -> Option<Credential<'_>> {
    let (scheme, token) = value.split_at_checked(BEARER.len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(BEARER) && value.len() <= MAX_AUTHORIZATION_BYTES;
    is_bearer.then(|| Credential::ViewToken(token.trim_ascii()))
}

/// Parses credentials of the scheme `Basic`. Source: RFC 7617.
fn basic(value: &[u8]) -> Option<Credential<'static>> {
    let (scheme, rest) = value.split_at_checked(BASIC.len())?;
    let is_basic = scheme.eq_ignore_ascii_case(BASIC) && value.len() <= MAX_AUTHORIZATION_BYTES;
    let encoded = is_basic.then(|| rest.trim_ascii())?;
    let decoded = BASE64_STANDARD.decode(encoded).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some(Credential::TenantSecret {
        client_id: String::from_utf8(decoded[..colon].to_vec()).ok()?,
        secret: decoded[colon + 1..].to_vec().into(),
    })
}

fn client_id(headers: &HeaderMap) -> Result<Option<Cow<'_, str>>, Conflict> {
    let Some(value) = only_value(headers, &CLIENT_ID_HEADER)? else {
        return Ok(None);
    };
    // Bytes that are not text match no tenant, and are not missing either.
    let text = match String::from_utf8_lossy(value.as_bytes()) {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    };
    Ok((!text.is_empty()).then_some(text))
}

/// A header was sent several times with different values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conflict;

impl From<Conflict> for ApiError {
    fn from(Conflict: Conflict) -> Self {
        Self::Service(service::Error::ClientMissing)
    }
}

fn only_value<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Conflict> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.any(|other| Some(other) != first) {
        return Err(Conflict);
    }
    Ok(first)
}
