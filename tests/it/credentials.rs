//! AWS credentials from each source that AWS's own tools have, proved by the URLs that the real binary
//! signs; the services behind the sources are stand-ins on this machine.

use std::collections::HashMap;
use std::fmt::Debug;
use std::fs;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use event_history::domain::{Clock, SystemClock};
use futures_util::future::join_all;
use http::{HeaderMap, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use rusty_s3::actions::S3Action;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use url::Url;

use crate::support::{self, Builder, Server, Storage, Tenant};

const TENANT: &str = "alx_demo";
const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/history";
const WEB_IDENTITY_TOKEN: &str = "eyJhbGciOiJub25lIn0.EXAMPLE.web-identity";
const AUTHORIZATION: &str = "Basic EXAMPLE-container-authorization";
const METADATA_TOKEN: &str = "EXAMPLE-metadata-token";

/// Longer than any test: the credentials of one that is not about expiry.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// How soon an answer has to come that waits for no source.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How long the service waits for a source, and some time for a busy machine.
const ONE_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn the_environment() {
    let keys = Keys::new(0, None);
    let stage = Stage::start(|builder| {
        builder
            .env("AWS_ACCESS_KEY_ID", &keys.id)
            .env("AWS_SECRET_ACCESS_KEY", &keys.secret)
    })
    .await;
    stage.url().await.assert_signed_with(&keys);

    let keys = Keys::new(1, Some(HOUR));
    let stage = Stage::start(|builder| {
        builder
            .env("AWS_ACCESS_KEY_ID", &keys.id)
            .env("AWS_SECRET_ACCESS_KEY", &keys.secret)
            .env("AWS_SESSION_TOKEN", keys.token.clone().unwrap())
    })
    .await;
    stage.url().await.assert_signed_with(&keys);
}

#[tokio::test]
async fn the_shared_profile_files() {
    let (default, named) = (Keys::new(0, None), Keys::new(1, Some(HOUR)));
    let text = format!(
        "[default]\n{}\n[history]\n{}\n",
        default.profile_lines(),
        named.profile_lines()
    );
    let home = home_with("credentials", &text);
    let stage = Stage::start(|builder| builder.env("HOME", path(&home))).await;
    stage.url().await.assert_signed_with(&default);

    let stage = Stage::start(|builder| {
        builder
            .env("HOME", path(&home))
            .env("AWS_PROFILE", "history")
    })
    .await;
    stage.url().await.assert_signed_with(&named);

    // Files elsewhere, and the region from them too.
    let text = format!(
        "[profile history]\nregion = ap-south-1\n{}\n",
        named.profile_lines()
    );
    let home = home_with("elsewhere", &text);
    let file = format!("{}/.aws/elsewhere", path(&home));
    let stage = Stage::start(|builder| {
        builder
            .env("EVENT_HISTORY_FILES", "s3://cluster-1-namespace-2")
            .env("AWS_CONFIG_FILE", file)
            .env("AWS_PROFILE", "history")
    })
    .await;
    let url = stage.url().await;
    assert_eq!(url.url.host_str(), Some("s3.ap-south-1.amazonaws.com"));
    url.assert_signed_with_in(&named, "ap-south-1");
}

#[tokio::test]
async fn a_credential_process() {
    let keys = Keys::new(0, Some(HOUR));
    let home = home_with("config", "");
    let answer = format!("{}/answer.json", path(&home));
    fs::write(&answer, keys.process_json()).unwrap();
    let config = format!("[default]\ncredential_process = cat {answer}\n");
    fs::write(format!("{}/.aws/config", path(&home)), config).unwrap();
    let stage = Stage::start(|builder| builder.env("HOME", path(&home))).await;
    let url = stage.url().await;
    url.assert_signed_with(&keys);
    assert!(url.end <= keys.expires_at.unwrap());
}

#[tokio::test]
async fn a_web_identity() {
    let stand_in = StandIn::start().await;
    let home = home_with("token", WEB_IDENTITY_TOKEN);
    let stage = Stage::start(|builder| {
        builder
            .env(
                "AWS_WEB_IDENTITY_TOKEN_FILE",
                format!("{}/.aws/token", path(&home)),
            )
            .env("AWS_ROLE_ARN", ROLE_ARN)
            .env("AWS_ENDPOINT_URL_STS", &stand_in.url)
    })
    .await;
    stage.url().await.assert_signed_with(&stand_in.issued());
    stage.assert_quiet(&[&stand_in.issued()], &[WEB_IDENTITY_TOKEN]);
}

#[tokio::test]
async fn an_ecs_container() {
    let stand_in = StandIn::start().await;
    let stage = Stage::start(|builder| {
        builder.env(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            format!("{}/open", stand_in.url),
        )
    })
    .await;
    stage.url().await.assert_signed_with(&stand_in.issued());

    let stand_in = StandIn::start().await;
    let stage = Stage::start(|builder| {
        builder
            .env(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                format!("{}/guarded", stand_in.url),
            )
            .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", AUTHORIZATION)
    })
    .await;
    stage.url().await.assert_signed_with(&stand_in.issued());
    stage.assert_quiet(&[&stand_in.issued()], &[AUTHORIZATION]);

    // The token that EKS rotates lies in a file.
    let stand_in = StandIn::start().await;
    let home = home_with("token", AUTHORIZATION);
    let stage = Stage::start(|builder| {
        builder
            .env(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                format!("{}/guarded", stand_in.url),
            )
            .env(
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                format!("{}/.aws/token", path(&home)),
            )
    })
    .await;
    stage.url().await.assert_signed_with(&stand_in.issued());
}

#[tokio::test]
async fn instance_metadata_by_version_two() {
    let stand_in = StandIn::start().await;
    let stage = Stage::start(|builder| stand_in.as_instance_metadata(builder)).await;
    stage.url().await.assert_signed_with(&stand_in.issued());
    assert_eq!(stand_in.state().asked_without_token, 0);
    stage.assert_quiet(&[&stand_in.issued()], &[METADATA_TOKEN]);
}

#[tokio::test]
async fn credentials_that_expire_are_renewed_in_time() {
    // The service renews at half of such a life; one attempt is 10 s from the next.
    let life = SignedDuration::from_secs(30);
    let stand_in = StandIn::start().await;
    stand_in.state().life = life;
    let stage = Stage::start(|builder| {
        stand_in
            .as_instance_metadata(builder)
            .arg("--upload-url-ttl")
            .arg("8s")
    })
    .await;
    let first = stage.url().await;
    let first_keys = stand_in.issued();
    first.assert_signed_with(&first_keys);
    let first_end = first_keys.expires_at.unwrap();
    assert!(first.end <= first_end);

    // Renewed while the old ones are good, with no request failing or waiting.
    let short_life = SignedDuration::from_secs(14);
    stand_in.state().life = short_life;
    let second = stage
        .poll("new credentials", life, async |url, took| {
            assert!(took < AT_ONCE, "a request waited {took:?}");
            url.assert_kept_promise(&stand_in);
            (url.key_id() != first_keys.id).then_some(url)
        })
        .await;
    assert!(second.begin < first_end, "renewed after the expiry");
    let second_keys = stand_in.issued();
    second.assert_signed_with(&second_keys);
    let second_end = second_keys.expires_at.unwrap();

    // The source fails: what is there is used to its end, and not beyond.
    stand_in.state().mode = Mode::Failing;
    let refused_at = stage
        .poll_answers("a refusal", short_life, async |answer, _| match answer {
            Ok(url) => {
                url.assert_kept_promise(&stand_in);
                assert_eq!(url.key_id(), second_keys.id);
                None
            }
            Err(refused_at) => Some(refused_at),
        })
        .await;
    let left = refused_at.duration_until(second_end);
    assert!(
        left < SignedDuration::from_secs(6),
        "refused with {left:#} left"
    );

    // And it recovers by itself.
    stand_in.state().mode = Mode::Answering;
    stand_in.state().life = HOUR;
    let recovered = stage
        .poll_answers(
            "recovery",
            SignedDuration::from_secs(20),
            async |answer, _| answer.ok(),
        )
        .await;
    recovered.assert_signed_with(&stand_in.issued());
    assert_eq!(stage.warnings(), 1, "{}", stage.server.process().stderr());
}

#[tokio::test]
async fn a_corrected_profile_counts_without_a_restart() {
    let home = home_with("config", "");
    let stage = Stage::start(|builder| builder.env("HOME", path(&home))).await;
    stage.assert_refused().await;
    stage.assert_refused().await;
    assert_eq!(stage.warnings(), 1, "{}", stage.server.process().stderr());

    let keys = Keys::new(0, None);
    let text = format!("[default]\n{}\n", keys.profile_lines());
    fs::write(format!("{}/.aws/credentials", path(&home)), text).unwrap();
    let url = stage
        .poll_answers(
            "the new profile",
            SignedDuration::from_secs(20),
            async |answer, _| answer.ok(),
        )
        .await;
    url.assert_signed_with(&keys);
}

#[tokio::test]
async fn a_dead_source_costs_one_timeout_and_one_call() {
    let stand_in = StandIn::start().await;
    stand_in.state().mode = Mode::Hanging;
    let begin = Instant::now();
    let stage = Stage::start(|builder| stand_in.as_instance_metadata(builder)).await;
    let started = begin.elapsed();
    println!("started in {started:?} beside a dead source");

    let begin = Instant::now();
    join_all((0..50).map(|_| stage.assert_refused())).await;
    assert!(begin.elapsed() < ONE_TIMEOUT, "{:?}", begin.elapsed());
    let begin = Instant::now();
    join_all((0..50).map(|_| stage.assert_refused())).await;
    assert!(begin.elapsed() < AT_ONCE, "{:?}", begin.elapsed());

    // One walk through the chain; within it the AWS client itself may try again.
    let asked = stand_in.state().asked;
    assert!((1..=4).contains(&asked), "asked {asked} times");
    assert_eq!(stage.warnings(), 1, "{}", stage.server.process().stderr());
}

/// A server on an S3 bucket, and a tenant.
struct Stage {
    server: Server,
    tenant: Tenant,
}

impl Stage {
    /// Starts a server that finds no credentials but those that `configure` leads it to.
    async fn start(configure: impl FnOnce(Builder) -> Builder) -> Self {
        let builder = Server::builder()
            .env(
                "EVENT_HISTORY_FILES",
                "s3://cluster-1-namespace-2?region=eu-west-2",
            )
            // AWS's tools take empty for unset.
            .env("AWS_ACCESS_KEY_ID", "")
            .env("AWS_SECRET_ACCESS_KEY", "")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        let server = configure(builder).start();
        let tenant = server.create_tenant(TENANT).await;
        Self { server, tenant }
    }

    /// Returns an upload URL, or when it was refused for want of credentials.
    async fn answer(&self) -> Result<Signed, Timestamp> {
        let request = self
            .server
            .request_as(&self.tenant, Method::GET, "/api/files/upload-url");
        let response = request.send().await.unwrap();
        if response.status() == StatusCode::OK {
            let answer: serde_json::Value = response.json().await.unwrap();
            return Ok(Signed::read(answer["upload_url"].as_str().unwrap()));
        }
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key("retry-after"));
        let answer: serde_json::Value = response.json().await.unwrap();
        let detail = "Object storage credentials are unavailable.";
        assert_eq!(answer, json!({ "detail": detail }));
        Err(SystemClock.now())
    }

    async fn url(&self) -> Signed {
        let answer = self.answer().await;
        answer.unwrap_or_else(|_| panic!("no URL:\n{}", self.server.process().stderr()))
    }

    async fn assert_refused(&self) {
        let answer = self.answer().await;
        assert!(answer.is_err(), "{answer:?}");
    }

    /// Asks again and again until `judge` has an answer; each request has to succeed.
    async fn poll<T>(
        &self,
        what: &str,
        bound: SignedDuration,
        mut judge: impl AsyncFnMut(Signed, Duration) -> Option<T>,
    ) -> T {
        self.poll_answers(what, bound, async |answer, took| {
            let url = answer.unwrap_or_else(|_| panic!("refused before {what}"));
            judge(url, took).await
        })
        .await
    }

    async fn poll_answers<T>(
        &self,
        what: &str,
        bound: SignedDuration,
        mut judge: impl AsyncFnMut(Result<Signed, Timestamp>, Duration) -> Option<T>,
    ) -> T {
        support::wait_for(what, bound.unsigned_abs(), async || {
            let begin = Instant::now();
            let answer = self.answer().await;
            judge(answer, begin.elapsed()).await
        })
        .await
    }

    /// Returns how often the log says that there are no credentials.
    fn warnings(&self) -> usize {
        let log = self.server.process().stderr();
        log.matches("AWS credentials cannot be obtained").count()
    }

    /// Holds that no secret came into the log.
    fn assert_quiet(&self, keys: &[&Keys], others: &[&str]) {
        let log = self.server.process().stderr();
        for keys in keys {
            assert!(!log.contains(&keys.secret), "{log}");
            assert!(!log.contains(keys.token.as_ref().unwrap()), "{log}");
        }
        for secret in others {
            assert!(!log.contains(secret), "{log}");
        }
    }
}

/// Credentials as a source hands them out; each generation has others.
#[derive(Debug, Clone)]
struct Keys {
    id: String,
    secret: String,
    token: Option<String>,
    expires_at: Option<Timestamp>,
}

impl Keys {
    fn new(generation: usize, life: Option<SignedDuration>) -> Self {
        // Sources tell whole seconds.
        let now = Timestamp::from_second(SystemClock.now().as_second()).unwrap();
        Self {
            id: format!("AKIAEXAMPLE{generation:05}"),
            secret: format!("secret+of/generation{generation:05}EXAMPLE"),
            token: life.map(|_| format!("token+of/generation{generation:05}==")),
            expires_at: life.map(|life| now + life),
        }
    }

    fn profile_lines(&self) -> String {
        let Self {
            id,
            secret,
            token,
            expires_at: _,
        } = self;
        let mut lines = format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}");
        if let Some(token) = token {
            lines += &format!("\naws_session_token = {token}");
        }
        lines
    }

    fn process_json(&self) -> String {
        let Self {
            id,
            secret,
            token,
            expires_at,
        } = self;
        json!({"Version": 1, "AccessKeyId": id, "SecretAccessKey": secret, "SessionToken": token,
               "Expiration": expires_at.unwrap().to_string()})
        .to_string()
    }

    /// The JSON of ECS and IMDSv2.
    fn json(&self) -> String {
        let Self {
            id,
            secret,
            token,
            expires_at,
        } = self;
        json!({"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
               "AccessKeyId": id, "SecretAccessKey": secret, "Token": token,
               "Expiration": expires_at.unwrap().to_string()})
        .to_string()
    }

    /// The XML of STS.
    fn xml(&self) -> String {
        let Self {
            id,
            secret,
            token,
            expires_at,
        } = self;
        let (token, end) = (token.as_ref().unwrap(), expires_at.unwrap());
        format!(
            "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <AssumeRoleWithWebIdentityResult><AssumedRoleUser><Arn>{ROLE_ARN}/s</Arn>\
             <AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser><Credentials>\
             <AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
             <SessionToken>{token}</SessionToken><Expiration>{end}</Expiration></Credentials>\
             </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        )
    }
}

/// A presigned URL, read.
#[derive(Debug)]
struct Signed {
    url: Url,
    parameters: HashMap<String, String>,
    begin: Timestamp,
    end: Timestamp,
}

impl Signed {
    fn read(url: &str) -> Self {
        let url = Url::parse(url).unwrap();
        let parameters: HashMap<_, _> = url.query_pairs().into_owned().collect();
        let date = parameters["X-Amz-Date"].replace('Z', "+0000");
        let begin = Timestamp::strptime("%Y%m%dT%H%M%S%z", date).unwrap();
        let life: i64 = parameters["X-Amz-Expires"].parse().unwrap();
        let end = begin + SignedDuration::from_secs(life);
        Self {
            url,
            parameters,
            begin,
            end,
        }
    }

    fn key_id(&self) -> &str {
        let credential = &self.parameters["X-Amz-Credential"];
        credential.split('/').next().unwrap()
    }

    fn assert_signed_with(&self, keys: &Keys) {
        self.assert_signed_with_in(keys, "eu-west-2");
    }

    /// Holds that the URL is what these keys sign, secret and token included.
    fn assert_signed_with_in(&self, keys: &Keys, region: &str) {
        let Keys {
            id,
            secret,
            token,
            expires_at,
        } = keys;
        let credentials = match token {
            Some(token) => rusty_s3::Credentials::new_with_token(id, secret, token),
            None => rusty_s3::Credentials::new(id, secret),
        };
        let storage = Storage {
            endpoint: self.url.origin().ascii_serialization(),
            bucket: "cluster-1-namespace-2".to_owned(),
            region: region.to_owned(),
            access_key_id: id.clone(),
            secret_access_key: secret.clone(),
        };
        let bucket = storage.bucket();
        let key = self
            .url
            .path()
            .strip_prefix("/cluster-1-namespace-2/")
            .unwrap();
        let life = self.begin.duration_until(self.end).unsigned_abs();
        let expected = bucket
            .put_object(Some(&credentials), key)
            .sign_with_time(life, &self.begin);
        assert_eq!(self.url, expected);
        assert!(expires_at.is_none_or(|expires_at| self.end <= expires_at));
    }

    /// Holds that the URL ends with the credentials that signed it, if not before.
    fn assert_kept_promise(&self, stand_in: &StandIn) {
        let end = stand_in.state().expiries[self.key_id()];
        assert!(self.end <= end, "{} is after {end}", self.end);
        assert!(self.begin < self.end);
    }
}

/// What a stand-in does when it is asked for credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Answering,
    Failing,
    Hanging,
}

#[derive(Debug)]
struct StandInState {
    mode: Mode,
    /// How long the next credentials live.
    life: SignedDuration,
    last: Option<Keys>,
    expiries: HashMap<String, Timestamp>,
    asked: usize,
    asked_without_token: usize,
}

/// STS, the ECS endpoint and IMDSv2 at once, each under its own paths.
struct StandIn {
    url: String,
    state: SharedState,
}

type SharedState = Arc<Mutex<StandInState>>;

impl StandIn {
    async fn start() -> Self {
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

    fn as_instance_metadata(&self, builder: Builder) -> Builder {
        builder
            .env("AWS_EC2_METADATA_DISABLED", "false")
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &self.url)
    }

    fn state(&self) -> MutexGuard<'_, StandInState> {
        self.state.lock().unwrap()
    }

    /// Returns the credentials that were handed out last.
    fn issued(&self) -> Keys {
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

/// Returns a home folder with `.aws/<name>`.
fn home_with(name: &str, text: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    fs::write(home.path().join(".aws").join(name), text).unwrap();
    home
}

fn path(folder: &TempDir) -> &str {
    folder.path().to_str().unwrap()
}
