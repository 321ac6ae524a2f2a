//! The services behind AWS's credential sources: STS, the ECS endpoint and IMDSv2.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;

use super::HOUR;
use super::keys::Keys;
use crate::support::Builder;

pub(super) const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/history";
pub(super) const WEB_IDENTITY_TOKEN: &str = "eyJhbGciOiJub25lIn0.EXAMPLE.web-identity";
pub(super) const AUTHORIZATION: &str = "Basic EXAMPLE-container-authorization";
pub(super) const METADATA_TOKEN: &str = "EXAMPLE-metadata-token";

/// What a stand-in does when it is asked for credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Answering,
    Failing,
    Hanging,
}

#[derive(Debug)]
pub(super) struct StandInState {
    pub(super) mode: Mode,
    /// How long the next credentials live.
    pub(super) life: SignedDuration,
    pub(super) last: Option<Keys>,
    pub(super) expiries: HashMap<String, Timestamp>,
    pub(super) asked: usize,
    pub(super) asked_without_token: usize,
}

/// STS, the ECS endpoint and IMDSv2 at once, each under its own paths.
pub(super) struct StandIn {
    pub(super) url: String,
    pub(super) state: SharedState,
}

pub(super) type SharedState = Arc<Mutex<StandInState>>;

impl StandIn {
    pub(super) async fn start() -> Self {
        let state = StandInState {
            mode: Mode::Answering,
            life: HOUR,
            last: None,
            expiries: HashMap::new(),
            asked: 0,
            asked_without_token: 0,
        };
        let state = Arc::new(Mutex::new(state));
        let router = Router::new()
            .route("/", post(assume_role_with_web_identity))
            .route("/open", get(container_credentials))
            .route("/guarded", get(guarded_container_credentials))
            .route("/latest/api/token", put(metadata_token))
            .route(
                "/latest/meta-data/iam/security-credentials/",
                get(metadata_role),
            )
            .route(
                "/latest/meta-data/iam/security-credentials/{role}",
                get(metadata_credentials),
            )
            .with_state(Arc::clone(&state));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // Ends with the test's runtime.
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    pub(super) fn as_instance_metadata(&self, builder: Builder) -> Builder {
        builder
            .env("AWS_EC2_METADATA_DISABLED", "false")
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &self.url)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, StandInState> {
        self.state.lock().unwrap()
    }

    /// Returns the credentials that were handed out last.
    pub(super) fn issued(&self) -> Keys {
        self.state().last.clone().expect("the source was asked")
    }
}

/// Hands out the next credentials in the form that `show` gives them.
async fn issue(state: &SharedState, show: fn(&Keys) -> String) -> Response {
    let mode = {
        let mut state = state.lock().unwrap();
        state.asked += 1;
        state.mode
    };
    match mode {
        Mode::Answering => {
            let mut state = state.lock().unwrap();
            let keys = Keys::new(state.asked, Some(state.life));
            state
                .expiries
                .insert(keys.id.clone(), keys.expires_at.unwrap());
            let text = show(&keys);
            state.last = Some(keys);
            text.into_response()
        }
        Mode::Failing => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mode::Hanging => pending().await,
    }
}

async fn assume_role_with_web_identity(State(state): State<SharedState>, body: String) -> Response {
    let form: HashMap<_, _> = url::form_urlencoded::parse(body.as_bytes()).collect();
    let asked_rightly = form["Action"] == "AssumeRoleWithWebIdentity"
        && form["RoleArn"] == ROLE_ARN
        && form["WebIdentityToken"] == WEB_IDENTITY_TOKEN
        && !form["RoleSessionName"].is_empty();
    if !asked_rightly {
        return StatusCode::FORBIDDEN.into_response();
    }
    issue(&state, Keys::xml).await
}

async fn container_credentials(State(state): State<SharedState>) -> Response {
    issue(&state, Keys::json).await
}

async fn guarded_container_credentials(
    State(state): State<SharedState>,
    headers: HeaderMap,
) -> Response {
    if headers
        .get("authorization")
        .is_none_or(|value| value != AUTHORIZATION)
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    issue(&state, Keys::json).await
}

async fn metadata_token(State(state): State<SharedState>, headers: HeaderMap) -> Response {
    let name = "x-aws-ec2-metadata-token-ttl-seconds";
    if state.lock().unwrap().mode == Mode::Hanging {
        state.lock().unwrap().asked += 1;
        return pending().await;
    }
    match headers.get(name) {
        Some(seconds) => ([(name, seconds.clone())], METADATA_TOKEN).into_response(),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn metadata_role(State(state): State<SharedState>, headers: HeaderMap) -> Response {
    if !has_metadata_token(&state, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    "history".into_response()
}

async fn metadata_credentials(
    State(state): State<SharedState>,
    Path(role): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !has_metadata_token(&state, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    assert_eq!(role, "history");
    issue(&state, Keys::json).await
}

fn has_metadata_token(state: &SharedState, headers: &HeaderMap) -> bool {
    let token = headers.get("x-aws-ec2-metadata-token");
    let has_token = token.is_some_and(|token| token == METADATA_TOKEN);
    if !has_token {
        state.lock().unwrap().asked_without_token += 1;
    }
    has_token
}
