//! AWS credentials from each source that AWS's own tools have, proved by the URLs that the real binary
//! signs; the services behind the sources are stand-ins on this machine.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at anything that it does not expect, helpers included"
)]

mod keys;
mod stand_in;

use std::fs;
use std::time::{Duration, Instant};

use event_history::domain::{Clock, SystemClock};
use futures_util::future::join_all;
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tempfile::TempDir;

use self::keys::{Keys, Signed};
use self::stand_in::{AUTHORIZATION, METADATA_TOKEN, Mode, ROLE_ARN, StandIn, WEB_IDENTITY_TOKEN};
use crate::support::{self, Builder, Server, Tenant};

const TENANT: &str = "alx_demo";
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
        few_words(stand_in.as_instance_metadata(builder))
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
        .poll("new credentials", life, async |answer, took| {
            let url = answer.expect("credentials at all times");
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
        .poll("a refusal", short_life, async |answer, _| match answer {
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
        .poll(
            "recovery",
            SignedDuration::from_secs(20),
            async |answer, _| answer.ok(),
        )
        .await;
    recovered.assert_signed_with(&stand_in.issued());
    assert_eq!(
        stage.warnings().await,
        1,
        "{}",
        stage.server.process().stderr()
    );
}

#[tokio::test]
async fn a_corrected_profile_counts_without_a_restart() {
    let home = home_with("config", "");
    let stage = Stage::start(|builder| few_words(builder.env("HOME", path(&home)))).await;
    stage.assert_refused().await;
    stage.assert_refused().await;
    assert_eq!(
        stage.warnings().await,
        1,
        "{}",
        stage.server.process().stderr()
    );

    let keys = Keys::new(0, None);
    let text = format!("[default]\n{}\n", keys.profile_lines());
    fs::write(format!("{}/.aws/credentials", path(&home)), text).unwrap();
    let url = stage
        .poll(
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
    let stage = Stage::start(|builder| few_words(stand_in.as_instance_metadata(builder))).await;
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
    assert_eq!(
        stage.warnings().await,
        1,
        "{}",
        stage.server.process().stderr()
    );
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
            .env("AWS_EC2_METADATA_DISABLED", "true")
            // Whatever may be said is said, so that a secret would show.
            .env("EVENT_HISTORY_LOG_LEVEL", "trace");
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

    /// Asks again and again until `judge` has an answer.
    async fn poll<T>(
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

    /// Returns how often the log says that there are no credentials. For stages with `few_words`.
    async fn warnings(&self) -> usize {
        // What the process wrote before it answered may still be on its way through the pipe.
        support::wait_for("the first warning", Duration::from_secs(5), async || {
            let log = self.server.process().stderr();
            let count = log.matches("AWS credentials cannot be obtained").count();
            (count > 0).then_some(count)
        })
        .await
    }

    /// Holds that no secret came into the log.
    fn assert_quiet(&self, keys: &[&Keys], others: &[&str]) {
        let log = self.server.process().stderr();
        assert!(log.contains("listening"), "the log's beginning is lost");
        for keys in keys {
            assert!(!log.contains(&keys.secret), "{log}");
            assert!(!log.contains(keys.token.as_ref().unwrap()), "{log}");
        }
        for secret in others {
            assert!(!log.contains(secret), "{log}");
        }
    }
}

/// Leaves of the log what object storage says of itself: the harness keeps only the end of a log, and
/// a line for each of many requests would push the beginning out.
fn few_words(builder: Builder) -> Builder {
    builder.env("EVENT_HISTORY_LOG_LEVEL", "event_history::objects=info")
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
