//! `event-history check`.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustls::AlertDescription;
use url::Url;

use super::process::exit::success_if;
use super::process::try_to_bind;
use super::terminal::in_one_line;
use crate::app;
use crate::config::{Arguments, Config, KeyFile, local_url};
use crate::domain::finding::State;
use crate::domain::{Finding, SystemClock, SystemEntropy};
use crate::objects::{self, Requirements};
use crate::store;

/// Longer than a service takes that has given up on its backends.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Prints a line for each check. The status is 1 if one of them found a problem.
pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    // No log: what libraries log would stand between the findings.
    let config = Config::load(arguments)?;
    let mut findings = settings(&config);
    let url = config.local_url(config.listen);
    let has_mutual_tls = config.tls.as_ref().is_some_and(|it| it.client_ca.is_some());
    findings.push(port("--listen", config.listen, &url, has_mutual_tls).await);
    if let Some(admin) = config.admin_listen {
        findings.push(port("--admin-listen", admin, &local_url("http", admin), false).await);
    }
    findings.extend(certificate(&config));
    findings.extend(store::check(&config.database).await);
    findings.extend(files(&config).await);
    let mut out = io::stdout().lock();
    for finding in &findings {
        writeln!(out, "{}", in_one_line(&line(finding)))
            .context("cannot write to standard output")?;
    }
    let is_wrong = |finding: &Finding| matches!(finding.state, State::Wrong { .. });
    Ok(success_if(!findings.iter().any(is_wrong)))
}

fn settings(config: &Config) -> Vec<Finding> {
    const SUBJECT: &str = "settings";
    let mut findings = Vec::new();
    if config.api_keys.is_empty() {
        findings.push(without_key(SUBJECT, config.find_key_file()));
    }
    for warning in config.warnings() {
        findings.push(Finding::warning(
            SUBJECT,
            warning,
            "see the setting in `event-history serve --help`",
        ));
    }
    findings
}

/// Reports what `serve` does without an API key in the settings.
fn without_key(subject: &'static str, key_file: Result<KeyFile, String>) -> Finding {
    match key_file {
        Err(why) => Finding::wrong(
            subject,
            format!("no API key, and `serve` refuses to start: {why}"),
            "set EVENT_HISTORY_API_KEY to a long random text, which callers send as X-API-Key",
        ),
        Ok(KeyFile {
            path,
            is_private: false,
            ..
        }) => Finding::warning(
            subject,
            format!("other users can read the API key in '{}'", path.display()),
            format!("chmod 600 '{}'", path.display()),
        ),
        Ok(KeyFile { path, is_new, .. }) => {
            let verb = if is_new { "generates one in" } else { "uses" };
            let path = path.display();
            let message = format!("no API key in the settings: `serve` {verb} '{path}'");
            Finding::good(subject, message)
        }
    }
}

/// Reports whether `serve` can listen on the address of a setting, which a running service may hold; `url` is its base.
async fn port(setting: &str, address: SocketAddr, url: &Url, has_mutual_tls: bool) -> Finding {
    const SUBJECT: &str = "listen";
    let error = match try_to_bind(address) {
        Ok(()) => return Finding::good(SUBJECT, format!("can listen on {address}")),
        Err(error) => error,
    };
    let remedy = match error.kind() {
        ErrorKind::AddrInUse => match who_listens(url).await {
            Listener::EventHistory => {
                let message = format!("a running service of Event History listens on {address}");
                return Finding::good(SUBJECT, message);
            }
            Listener::AsksForCertificate if has_mutual_tls => {
                let message = format!(
                    "what listens on {address} asks for a client certificate, as this service does, and tells nothing without"
                );
                let remedy = "see that it is this service: `ss -ltnp` names the program";
                return Finding::warning(SUBJECT, message, remedy);
            }
            Listener::AsksForCertificate | Listener::Other => {
                "stop the program that listens there (`ss -ltnp` names it), or pass another port in"
            }
        },
        ErrorKind::PermissionDenied => {
            "allow the service CAP_NET_BIND_SERVICE, or pass a port of 1024 or more in"
        }
        ErrorKind::AddrNotAvailable => {
            "pass an address of this machine, 127.0.0.1 for callers on it, 0.0.0.0 for all, in"
        }
        _ => "pass another address in",
    };
    Finding::wrong(
        SUBJECT,
        format!("cannot listen on {address}: {error}"),
        format!("{remedy} {setting}"),
    )
}

/// Reports whether `serve` can use the certificate of TLS, if it is given one.
fn certificate(config: &Config) -> Option<Finding> {
    const SUBJECT: &str = "tls";
    let files = config.tls.as_ref()?;
    Some(match app::load_tls(files) {
        Ok(_) => Finding::good(
            SUBJECT,
            format!(
                "can use the certificate in '{}'",
                files.certificate.display()
            ),
        ),
        Err(error) => Finding::wrong(
            SUBJECT,
            error.to_string(),
            "see --tls-certificate, --tls-key and --tls-client-ca in `event-history serve --help`",
        ),
    })
}

/// Who answers at an address.
enum Listener {
    EventHistory,
    /// A program with mutual TLS, to which a check has no certificate to show.
    AsksForCertificate,
    Other,
}

/// Tells by the readiness probe who answers at `base`.
async fn who_listens(base: &Url) -> Listener {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(PROBE_TIMEOUT)
        // Its certificate is for the name that callers use, and the probe sends no secret.
        .tls_danger_accept_invalid_certs(true);
    let (Ok(client), Ok(url)) = (client.build(), base.join("health/ready")) else {
        return Listener::Other;
    };
    let answer = match client.get(url).send().await {
        Ok(answer) => answer,
        Err(error) if asks_for_certificate(&error) => return Listener::AsksForCertificate,
        Err(_) => return Listener::Other,
    };
    let body: serde_json::Value = answer.json().await.unwrap_or_default();
    let mut members = ["status", "database", "files", "writes"].into_iter();
    if members.all(|member| body.get(member).is_some()) {
        Listener::EventHistory
    } else {
        Listener::Other
    }
}

/// Tells whether a connection ended because the server wants a certificate.
/// Source: RFC 8446, section 6.2, "`certificate_required`".
fn asks_for_certificate(error: &reqwest::Error) -> bool {
    let required = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        // An I/O error does not name the error that it has as its own source.
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        let found = match inner {
            Some(inner) => inner.downcast_ref::<rustls::Error>(),
            None => error.downcast_ref::<rustls::Error>(),
        };
        if found == Some(&required) {
            return true;
        }
        next = error.source();
    }
    false
}

async fn files(config: &Config) -> Vec<Finding> {
    let public_url = config.public_url(config.listen);
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let context = app::storage_context(config, clock, entropy, &public_url);
    let mut requirements = Requirements {
        origins: config.cors_origins.clone(),
        object_lock: config.object_lock.is_some(),
        upload_once: config.uploads.once,
    };
    if !requirements.origins.is_empty() {
        return objects::check(&config.files, &context, &requirements).await;
    }
    // Without configured origins browsers may not need the files, so what stops them is only a warning.
    requirements.origins = vec![public_url.origin().ascii_serialization()];
    let findings = objects::check(&config.files, &context, &requirements).await;
    findings.into_iter().map(soften_cors).collect()
}

fn soften_cors(finding: Finding) -> Finding {
    match finding {
        Finding {
            subject: "cors",
            state: State::Wrong { remedy },
            message,
        } => Finding::warning("cors", message, remedy),
        other => other,
    }
}

fn line(finding: &Finding) -> String {
    let Finding {
        subject,
        state,
        message,
    } = finding;
    match state {
        State::Good => format!("ok       {subject:<12} {message}"),
        State::Warning { remedy } => format!("warning  {subject:<12} {message}; remedy: {remedy}"),
        State::Wrong { remedy } => format!("wrong    {subject:<12} {message}; remedy: {remedy}"),
    }
}
