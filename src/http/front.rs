//! What every request meets first.

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, RawQuery, State};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Method, Request};
use hyper::body::Incoming;
use tower::ServiceExt;

use super::auth::ClientIdHeader;
use super::connection::{Origin, TrustedProxies};
use super::extract::LargeBody;
use super::observe::Account;
use super::{Api, Guard, drain, files, ingest, within};
use crate::objects::{Capacity, RequestOrigin};
use crate::service::{Access, Caller};

/// Answers requests: those of the two operations that come all day by itself, all others through the
/// router, whose boxes and layers cost as much as one of those operations does.
#[derive(Debug)]
pub struct Front {
    router: Router,
    /// `None`: the router answers everything.
    direct: Option<Guard>,
    trusted_proxies: TrustedProxies,
}

/// What is answered without the router, in the way that the router would.
#[derive(Debug, Clone, Copy)]
enum Operation {
    UploadUrl,
    CreateEvent,
}

impl From<Router> for Front {
    fn from(router: Router) -> Self {
        Self::new(router, None, TrustedProxies::default())
    }
}

impl Front {
    pub(super) fn new(
        router: Router,
        direct: Option<Guard>,
        trusted_proxies: TrustedProxies,
    ) -> Self {
        Self {
            router,
            direct,
            trusted_proxies,
        }
    }

    pub(super) async fn answer(&self, mut request: Request<Incoming>, origin: Origin) -> Response {
        let Origin { peer, capacity } = origin;
        let operation = Operation::of(request.method(), request.uri().path());
        if let (Some(guard), Some(operation)) = (&self.direct, operation) {
            let account = Account::open(&request, &guard.api);
            let answer = within(
                guard.timeout,
                operation.answer(&guard.api, request, capacity),
            );
            return account.close(operation.path(), answer).await;
        }
        let client = self.trusted_proxies.client(peer, request.headers());
        request
            .extensions_mut()
            .insert(RequestOrigin { client, capacity });
        let answered = self.router.clone().oneshot(request.map(Body::new)).await;
        answered.unwrap_or_else(|never| match never {})
    }
}

impl Operation {
    fn of(method: &Method, path: &str) -> Option<Self> {
        match path {
            files::UPLOAD_URL_PATH if method == Method::GET => Some(Self::UploadUrl),
            ingest::CREATE_EVENT_PATH if method == Method::POST => Some(Self::CreateEvent),
            _ => None,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::UploadUrl => files::UPLOAD_URL_PATH,
            Self::CreateEvent => ingest::CREATE_EVENT_PATH,
        }
    }

    /// Boxed: what goes round it then moves a pointer, and not the kilobytes of the future.
    fn answer(
        self,
        api: &Api,
        request: Request<Incoming>,
        capacity: Capacity,
    ) -> BoxFuture<'_, Response> {
        match self {
            Self::UploadUrl => upload_url(api, request, capacity).boxed(),
            Self::CreateEvent => create_event(api, request, capacity).boxed(),
        }
    }
}

async fn upload_url(api: &Api, request: Request<Incoming>, capacity: Capacity) -> Response {
    let (mut parts, body) = request.into_parts();
    let answer = match Access::from_request_parts(&mut parts, api).await {
        Ok(access) => {
            let query = RawQuery(parts.uri.query().map(str::to_owned));
            files::upload_url(access, query).await.into_response()
        }
        Err(error) => error.into_response(),
    };
    drain::read_on(body, capacity);
    answer
}

async fn create_event(api: &Api, request: Request<Incoming>, capacity: Capacity) -> Response {
    let (mut parts, mut body) = request.into_parts();
    let answer = match Caller::from_request_parts(&mut parts, api).await {
        Ok(caller) => {
            let client_id = ClientIdHeader::of(&parts);
            let json = LargeBody::read(&mut body, api).await;
            let created = ingest::create_event(State(api.clone()), caller, client_id, json).await;
            created.into_response()
        }
        Err(error) => error.into_response(),
    };
    drain::read_on(body, capacity);
    answer
}
