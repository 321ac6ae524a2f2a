//! Where AWS credentials come from: the chain that every AWS tool goes through, as `aws-config` has
//! it: environment, shared profile files (with `credential_process` and SSO), web identity, ECS and
//! IMDSv2.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_types::sdk_config::{SharedHttpClient, TimeSource};
use jiff::Timestamp;
use tokio::time::timeout;

use crate::domain::Clock;
use crate::domain::cause::chain;

/// How long one walk through the chain may take. Who waits for it has 5 s (what EventBridge gives
/// an endpoint), and left alone `aws-config` tries a dead IMDS for longer than that.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Where the chain looks, for people who have to find out why there are no credentials.
pub(super) const PLACES: &str =
    "the environment, shared profile files, web identity, ECS and IMDSv2";

/// The chain of providers.
#[derive(Debug, Clone)]
pub(super) struct Source {
    http: SharedHttpClient,
    clock: Arc<dyn Clock>,
}

/// Credentials as they were found. The secrets never show in `Debug`.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) credentials: rusty_s3::Credentials,
    /// `None`: they do not say.
    pub(super) expires_at: Option<Timestamp>,
}

impl Source {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        Self { http, clock }
    }

    /// Returns the region that the environment, the profile or IMDSv2 names.
    pub(super) async fn region(&self) -> Option<String> {
        let config = timeout(TIMEOUT, self.load(None)).await.ok()?;
        config.region().map(ToString::to_string)
    }

    /// Walks through the chain once. The error is the reason in words.
    ///
    /// The chain is built anew each time, because providers keep what they read: a profile file or a
    /// role that an operator corrects has to count without a restart.
    pub(super) async fn fetch(&self, region: &str) -> Result<Found, String> {
        let walk = async {
            let config = self.load(Some(region.to_owned())).await;
            match config.credentials_provider() {
                Some(provider) => provider.provide_credentials().await,
                None => Err(CredentialsError::not_loaded_no_source()),
            }
        };
        let credentials = match timeout(TIMEOUT, walk).await {
            Ok(Ok(credentials)) => credentials,
            Ok(Err(CredentialsError::CredentialsNotLoaded(_))) => {
                return Err(format!("none found in {PLACES}"));
            }
            Ok(Err(error)) => return Err(chain(&error)),
            Err(_) => {
                let seconds = TIMEOUT.as_secs();
                return Err(format!("no answer within {seconds} s from {PLACES}"));
            }
        };
        let expires_at = match credentials.expiry().map(Timestamp::try_from) {
            None => None,
            Some(Ok(instant)) => Some(instant),
            Some(Err(error)) => return Err(format!("their expiry cannot be read: {error}")),
        };
        let id = credentials.access_key_id();
        let secret = credentials.secret_access_key();
        let credentials = match credentials.session_token() {
            Some(token) => rusty_s3::Credentials::new_with_token(id, secret, token),
            None => rusty_s3::Credentials::new(id, secret),
        };
        Ok(Found {
            credentials,
            expires_at,
        })
    }

    /// Reads the environment and the profile files, and asks IMDSv2 only for a region that is `None`.
    async fn load(&self, region: Option<String>) -> SdkConfig {
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .time_source(AwsTime(Arc::clone(&self.clock)));
        let loader = match region {
            Some(region) => loader.region(Region::new(region)),
            None => loader,
        };
        loader.load().await
    }
}

/// The clock as the AWS crates want it.
#[derive(Debug)]
struct AwsTime(Arc<dyn Clock>);

impl TimeSource for AwsTime {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}
