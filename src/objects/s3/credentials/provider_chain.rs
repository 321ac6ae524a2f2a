//! The credential provider chain of every AWS tool, as implemented by `aws-config`: environment, shared profile files
//! (with `credential_process` and SSO), web identity, ECS and IMDSv2.

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

/// The time limit of a fetch. Callers wait for 5 s at most (EventBridge's limit), and `aws-config` by itself tries an
/// unreachable IMDS for longer than that.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The sources that the chain reads, for error messages.
const SOURCES: &str = "the environment, shared profile files, web identity, ECS and IMDSv2";

#[derive(Debug, Clone)]
pub(in crate::objects::s3) struct ProviderChain {
    http: SharedHttpClient,
    clock: Arc<dyn Clock>,
}

/// Credentials from the chain. `Debug` does not show the secrets.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) credentials: rusty_s3::Credentials,
    /// `None` if they do not state an expiry.
    pub(super) expires_at: Option<Timestamp>,
}

impl ProviderChain {
    pub(in crate::objects::s3) fn new(clock: Arc<dyn Clock>) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        Self { http, clock }
    }

    /// Returns the region that the environment, the profile or IMDSv2 names.
    pub(in crate::objects::s3) async fn region(&self) -> Option<String> {
        let config = timeout(TIMEOUT, self.load(None)).await.ok()?;
        config.region().map(ToString::to_string)
    }

    /// Queries the chain once. The error is a message.
    ///
    /// Providers cache what they read, so each fetch builds a new chain: a corrected profile file or role takes effect
    /// without a restart.
    pub(super) async fn fetch(&self, region: &str) -> Result<Fetched, String> {
        let fetch = async {
            let config = self.load(Some(region.to_owned())).await;
            match config.credentials_provider() {
                Some(provider) => provider.provide_credentials().await,
                None => Err(CredentialsError::not_loaded_no_source()),
            }
        };
        let credentials = match timeout(TIMEOUT, fetch).await {
            Ok(Ok(credentials)) => credentials,
            Ok(Err(CredentialsError::CredentialsNotLoaded(_))) => {
                return Err(format!("none found in {SOURCES}"));
            }
            Ok(Err(error)) => return Err(chain(&error)),
            Err(_) => {
                let seconds = TIMEOUT.as_secs();
                return Err(format!("no answer within {seconds} s from {SOURCES}"));
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
        Ok(Fetched {
            credentials,
            expires_at,
        })
    }

    /// Reads the environment and the profile files; queries IMDSv2 only if `region` is `None`.
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

/// Adapts the clock to the AWS crates.
#[derive(Debug)]
struct AwsTime(Arc<dyn Clock>);

impl TimeSource for AwsTime {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}
