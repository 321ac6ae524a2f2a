//! `event-history check` for a bucket: one request for an object that does not exist, whose error code tells causes
//! apart, then its versioning and a preflight for each origin and method.

mod cors;
mod versioning;

use http::Method;
use http::header::DATE;
use jiff::{SignedDuration, Timestamp};
use rusty_s3::actions::S3Action;

use super::client::BoxError;
use super::credentials::Cached;
use super::response::{Response, sanitize, xml_text};
use super::{REQUEST_LIFE, S3};
use crate::domain::Finding;
use crate::domain::cause::chain;
use crate::domain::finding::State;
use crate::objects::Requirements;

/// An object that never exists: no file has the nil UUID.
const PROBE: &str = "event-history-check/00000000-0000-0000-0000-000000000000";

/// The clock skew at which S3 rejects signatures. Source: the error code `RequestTimeTooSkewed`.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(15);

/// The clock skew that is reported as a warning.
const WARN_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

pub(super) async fn check(s3: &S3, requirements: &Requirements) -> Vec<Finding> {
    let mut findings = Vec::new();
    let credentials = match s3.credentials.get(REQUEST_LIFE).await {
        Ok(cached) => Some(cached),
        Err(error) => {
            findings.push(no_credentials(&error));
            None
        }
    };
    let before = s3.clock.now();
    let response = match probe(s3, credentials.as_deref(), before).await {
        Ok(response) => response,
        Err(error) => {
            findings.push(unreachable(s3, &*error));
            return findings;
        }
    };
    let ahead = clock_ahead(&response, before);
    findings.extend(ahead.map(check_clock));

    // With a wrong clock every signature is invalid. Signing by the storage's time reveals further problems.
    let response = match ahead {
        Some(ahead) if ahead.abs() >= WARN_CLOCK_SKEW => {
            let now = s3.clock.now().checked_sub(ahead).unwrap_or(before);
            probe(s3, credentials.as_deref(), now)
                .await
                .unwrap_or(response)
        }
        _ => response,
    };
    findings.extend(interpret(s3, &response, credentials.as_deref()));
    let is_wrong = |finding: &Finding| matches!(finding.state, State::Wrong { .. });
    // After an error nothing more of the bucket can be seen.
    if !findings.iter().any(is_wrong) {
        findings.push(versioning::check(s3, requirements).await);
    }
    for origin in &requirements.origins {
        findings.push(cors::check_origin(s3, origin, requirements).await);
    }
    findings
}

/// Requests an object that does not exist, unsigned if there are no credentials.
async fn probe(s3: &S3, cached: Option<&Cached>, now: Timestamp) -> Result<Response, BoxError> {
    let key = probe_key(s3);
    let credentials = cached.map(|cached| &cached.credentials);
    let action = s3.signer.bucket().get_object(credentials, &key);
    let url = action.sign_with_time(REQUEST_LIFE, &now);
    s3.client.probe(Method::GET, url.as_str(), &[]).await
}

fn probe_key(s3: &S3) -> String {
    s3.signer.full_key(PROBE)
}

fn no_credentials(error: &crate::objects::Error) -> Finding {
    let reason = std::error::Error::source(error).map(ToString::to_string);
    Finding::wrong(
        "credentials",
        format!("no AWS credentials: {}", reason.unwrap_or_default()),
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a profile or a role",
    )
}

fn unreachable(s3: &S3, error: &(dyn std::error::Error + 'static)) -> Finding {
    Finding::wrong(
        "bucket",
        format!("no answer from {}: {}", s3.endpoint, chain(error)),
        "check the endpoint and region in --files, and that this machine may connect to it",
    )
}

/// Returns by how much this machine's clock is ahead of the storage's, if the response has a date.
fn clock_ahead(response: &Response, here: Timestamp) -> Option<SignedDuration> {
    let there = response.date(DATE)?;
    Some(there.duration_until(here))
}

fn check_clock(ahead: SignedDuration) -> Finding {
    let off = SignedDuration::from_secs(ahead.abs().as_secs());
    let direction = if ahead.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    let message = format!("this machine's clock is {off:#} {direction} the storage's");
    let remedy = "set the clock by NTP: 'timedatectl set-ntp true', and let UDP port 123 out";
    if off >= MAX_CLOCK_SKEW {
        Finding::wrong("clock", message, remedy)
    } else if off >= WARN_CLOCK_SKEW {
        Finding::warning("clock", message, remedy)
    } else {
        Finding::good("clock", "this machine's clock agrees with the storage's")
    }
}

/// Interprets the response to the probe by S3's error code.
/// Source: Amazon S3 API reference, "List of error codes".
fn interpret(s3: &S3, response: &Response, cached: Option<&Cached>) -> Vec<Finding> {
    let bucket = s3.signer.bucket().name();
    let code = xml_text(&response.body, "Code").unwrap_or_default();
    if let Some(cached) = cached
        && let Some(finding) = check_credentials(code, cached)
    {
        return vec![finding];
    }
    let mut findings: Vec<_> = cached.map(describe).into_iter().collect();
    findings.push(match code {
        _ if code == "NoSuchKey" || response.status.is_success() => {
            Finding::good("bucket", format!("'{bucket}' answers at {}", s3.endpoint))
        }
        "NoSuchBucket" => Finding::wrong(
            "bucket",
            format!("there is no bucket '{bucket}' at {}", s3.endpoint),
            format!(
                "create it, or correct --files: aws s3 mb s3://{bucket} --region {}{}",
                s3.signer.bucket().region(),
                endpoint_option(s3)
            ),
        ),
        "AccessDenied" if cached.is_none() => Finding::warning(
            "bucket",
            format!("'{bucket}' is there, but what it allows cannot be seen without credentials"),
            "provide credentials and check again",
        ),
        "AccessDenied" => access_denied(s3),
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "AuthorizationQueryParametersError" => wrong_region(s3, response),
        "RequestTimeTooSkewed" => Finding::wrong(
            "clock",
            "the storage refuses requests as signed by a clock that is off",
            "set the clock by NTP: 'timedatectl set-ntp true', and let UDP port 123 out",
        ),
        _ => unexpected(s3, response, code),
    });
    findings
}

/// Returns what is wrong with the credentials, if the error code is about them.
fn check_credentials(code: &str, cached: &Cached) -> Option<Finding> {
    let id = cached.credentials.key();
    let (message, remedy) = match code {
        "InvalidAccessKeyId" => (
            format!("the storage does not know access key '{id}'"),
            "correct AWS_ACCESS_KEY_ID, or whichever source the key comes from",
        ),
        "SignatureDoesNotMatch" => (
            format!("the secret access key is not the one of access key '{id}'"),
            "correct AWS_SECRET_ACCESS_KEY, or whichever source the key comes from",
        ),
        "ExpiredToken" | "TokenRefreshRequired" => (
            format!("the session of access key '{id}' has expired"),
            "log in again, or drop the old AWS_SESSION_TOKEN",
        ),
        "InvalidToken" => (
            format!("the session token is not the one of access key '{id}'"),
            "correct or drop AWS_SESSION_TOKEN: it belongs to temporary credentials alone",
        ),
        _ => return None,
    };
    Some(Finding::wrong("credentials", message, remedy))
}

fn describe(cached: &Cached) -> Finding {
    let id = cached.credentials.key();
    let end = match cached.expires_at {
        Some(expires_at) => format!(", until {expires_at:.0}"),
        None => String::new(),
    };
    Finding::good("credentials", format!("access key '{id}'{end}"))
}

fn access_denied(s3: &S3) -> Finding {
    let bucket = s3.signer.bucket().name();
    let objects = format!("arn:aws:s3:::{bucket}/{}", s3.signer.full_key("*"));
    Finding::wrong(
        "bucket",
        format!("these credentials may not read '{bucket}'"),
        format!(
            "allow them s3:PutObject, s3:GetObject, s3:GetObjectVersion, s3:AbortMultipartUpload and \
             s3:ListMultipartUploadParts on {objects} and s3:ListBucket on arn:aws:s3:::{bucket}"
        ),
    )
}

fn wrong_region(s3: &S3, response: &Response) -> Finding {
    let bucket = s3.signer.bucket();
    let region = response
        .header("x-amz-bucket-region")
        .or_else(|| xml_text(&response.body, "Region"))
        .filter(|region| super::is_region(region));
    let message = format!("'{}' is not in region {}", bucket.name(), bucket.region());
    let remedy = match region {
        Some(region) => format!("name its region in --files: ?region={region}"),
        None => "name the bucket's own region in --files: ?region=…".to_owned(),
    };
    Finding::wrong("region", message, remedy)
}

fn unexpected(s3: &S3, response: &Response, code: &str) -> Finding {
    let message = xml_text(&response.body, "Message").unwrap_or_default();
    let said = sanitize(&format!("{code} {message}"));
    Finding::wrong(
        "bucket",
        format!(
            "{} answered {}: {}",
            s3.endpoint,
            response.status,
            said.trim()
        ),
        "check that the endpoint in --files is one that speaks S3, and what its own log says",
    )
}

/// Returns the option that the `aws` command needs for a storage other than Amazon's.
fn endpoint_option(s3: &S3) -> String {
    if s3.endpoint.contains(".amazonaws.") {
        String::new()
    } else {
        format!(" --endpoint-url {}", s3.endpoint)
    }
}

#[cfg(test)]
mod tests {
    use http::header::DATE;
    use http::{HeaderMap, HeaderValue, StatusCode};
    use jiff::{SignedDuration, Timestamp};

    use super::{check_clock, clock_ahead};
    use crate::domain::finding::State;
    use crate::objects::s3::response::Response;

    #[test]
    fn the_clock_is_compared_with_the_date_of_a_response() {
        let there: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let date = HeaderValue::from_static("Mon, 23 Nov 2026 10:00:00 GMT");
        let response = Response {
            status: StatusCode::NOT_FOUND,
            headers: HeaderMap::from_iter([(DATE, date)]),
            body: String::new(),
        };
        for (ahead_s, expected, seen) in [
            (0, "good", "agrees"),
            (-299, "good", "agrees"),
            (300, "warning", "5m ahead of"),
            (-899, "warning", "14m 59s behind"),
            (900, "wrong", "15m ahead of"),
            (-3600, "wrong", "1h behind"),
        ] {
            let here = there + SignedDuration::from_secs(ahead_s);
            let ahead = clock_ahead(&response, here).unwrap();
            assert_eq!(ahead, SignedDuration::from_secs(ahead_s));
            let finding = check_clock(ahead);
            let state = match finding.state {
                State::Good => "good",
                State::Warning { .. } => "warning",
                State::Wrong { .. } => "wrong",
            };
            assert_eq!(state, expected, "{ahead_s}");
            assert!(finding.message.contains(seen), "{}", finding.message);
        }
    }
}
