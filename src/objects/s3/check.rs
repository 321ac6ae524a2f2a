//! What stands in the way of using a bucket: found out with one request for an object that is not
//! there, whose error code tells causes apart, and one preflight for each origin and method.

use std::sync::Arc;

use http::Method;
use http::header::{
    ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, DATE, ETAG, HeaderName, ORIGIN,
};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use rusty_s3::actions::S3Action;
use serde_json::json;

use super::answer::{Answer, element};
use super::client::BoxError;
use super::credentials::Held;
use super::{OWN_REQUEST_LIFE, S3, versions};
use crate::domain::Finding;
use crate::domain::cause::chain;
use crate::domain::finding::State;
use crate::objects::Requirements;

/// An object that nobody makes: no tenant's files have the nil UUID.
const PROBE: &str = "event-history-check/00000000-0000-0000-0000-000000000000";

/// By how much S3 lets a signer's clock differ. Source: the error code `RequestTimeTooSkewed`.
const CLOCK_LIMIT: SignedDuration = SignedDuration::from_mins(15);

/// From here on a clock is on its way to the limit.
const CLOCK_WARNING: SignedDuration = SignedDuration::from_mins(5);

/// How much of a foreign server's message is repeated.
const MAX_MESSAGE_CHARS: usize = 200;

/// The origin that stands for all of them where `*` is to be allowed.
const ANY_ORIGIN: &str = "https://event-history.invalid";

/// What a page may have to send with a file, if its URL is signed for it.
const UPLOAD_HEADERS: &str =
    "content-type,x-amz-checksum-sha256,x-amz-meta-file-name,x-amz-meta-sha256";

/// The same where the URL is for one upload.
const ONCE_HEADERS: &str =
    "content-type,if-none-match,x-amz-checksum-sha256,x-amz-meta-file-name,x-amz-meta-sha256";

pub(super) async fn check(s3: &S3, requirements: &Requirements) -> Vec<Finding> {
    let origins = &requirements.origins;
    let mut findings = Vec::new();
    let held = match s3.credentials.get(OWN_REQUEST_LIFE).await {
        Ok(held) => Some(held),
        Err(error) => {
            findings.push(no_credentials(&error));
            None
        }
    };
    let before = s3.clock.now();
    let answer = match probe(s3, held.as_ref(), before).await {
        Ok(answer) => answer,
        Err(error) => {
            findings.push(unreachable(s3, &*error));
            return findings;
        }
    };
    let ahead = clock_ahead(&answer, before);
    findings.extend(ahead.map(judge_clock));

    // A wrong clock makes every signature wrong. Signing by the storage's own time shows what else is.
    let answer = match ahead {
        Some(ahead) if ahead.abs() >= CLOCK_WARNING => {
            let now = s3.clock.now().checked_sub(ahead).unwrap_or(before);
            probe(s3, held.as_ref(), now).await.unwrap_or(answer)
        }
        _ => answer,
    };
    findings.extend(judge_answer(s3, &answer, held.as_ref()));
    let is_wrong = |finding: &Finding| matches!(finding.state, State::Wrong { .. });
    // What is wrong so far is why nothing more of the bucket can be seen.
    if !findings.iter().any(is_wrong) {
        findings.push(versions::judge(s3, requirements).await);
    }
    for origin in origins {
        findings.push(check_origin(s3, origin, requirements).await);
    }
    findings
}

/// Asks for an object that is not there; without a signature where there are no credentials.
async fn probe(s3: &S3, held: Option<&Arc<Held>>, now: Timestamp) -> Result<Answer, BoxError> {
    let key = probe_key(s3);
    let credentials = held.map(|held| &held.credentials);
    let action = s3.signer.bucket().get_object(credentials, &key);
    let url = action.sign_with_time(OWN_REQUEST_LIFE, &now);
    s3.client
        .send("check", Method::GET, url.as_str(), &[])
        .await
}

fn probe_key(s3: &S3) -> String {
    match s3.signer.prefix() {
        "" => PROBE.to_owned(),
        prefix => format!("{prefix}/{PROBE}"),
    }
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

/// Returns by how much this machine's clock is ahead of the storage's, if the answer has a date.
fn clock_ahead(answer: &Answer, here: Timestamp) -> Option<SignedDuration> {
    let date = answer.headers.get(DATE)?.to_str().ok()?;
    let there = DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(there.duration_until(here))
}

fn judge_clock(ahead: SignedDuration) -> Finding {
    let off = SignedDuration::from_secs(ahead.abs().as_secs());
    let direction = if ahead.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    let message = format!("this machine's clock is {off:#} {direction} the storage's");
    let remedy = "set the clock by NTP: 'timedatectl set-ntp true', and let UDP port 123 out";
    if off >= CLOCK_LIMIT {
        Finding::wrong("clock", message, remedy)
    } else if off >= CLOCK_WARNING {
        Finding::warning("clock", message, remedy)
    } else {
        Finding::good("clock", "this machine's clock agrees with the storage's")
    }
}

/// Says what the answer to the probe means, by S3's error code.
/// Source: Amazon S3 API reference, "List of error codes".
fn judge_answer(s3: &S3, answer: &Answer, held: Option<&Arc<Held>>) -> Vec<Finding> {
    let bucket = s3.signer.bucket().name();
    let code = element(&answer.body, "Code").unwrap_or_default();
    if let Some(held) = held
        && let Some(finding) = judge_credentials(code, held)
    {
        return vec![finding];
    }
    let mut findings: Vec<_> = held.map(|held| found(held)).into_iter().collect();
    findings.push(match code {
        "NoSuchKey" => Finding::good("bucket", format!("'{bucket}' answers at {}", s3.endpoint)),
        _ if answer.status.is_success() => {
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
        "AccessDenied" if held.is_none() => Finding::warning(
            "bucket",
            format!("'{bucket}' is there, but what it allows cannot be seen without credentials"),
            "provide credentials and check again",
        ),
        "AccessDenied" => access_denied(s3),
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "AuthorizationQueryParametersError" => wrong_region(s3, answer),
        "RequestTimeTooSkewed" => Finding::wrong(
            "clock",
            "the storage refuses requests as signed by a clock that is off",
            "set the clock by NTP: 'timedatectl set-ntp true', and let UDP port 123 out",
        ),
        _ => unexpected(s3, answer, code),
    });
    findings
}

/// Returns what is wrong with the credentials, if the code says that they are.
fn judge_credentials(code: &str, held: &Held) -> Option<Finding> {
    let id = held.credentials.key();
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

fn found(held: &Held) -> Finding {
    let id = held.credentials.key();
    let end = match held.expires_at {
        Some(expires_at) => format!(", until {expires_at:.0}"),
        None => String::new(),
    };
    Finding::good("credentials", format!("access key '{id}'{end}"))
}

fn access_denied(s3: &S3) -> Finding {
    let bucket = s3.signer.bucket().name();
    let objects = match s3.signer.prefix() {
        "" => format!("arn:aws:s3:::{bucket}/*"),
        prefix => format!("arn:aws:s3:::{bucket}/{prefix}/*"),
    };
    Finding::wrong(
        "bucket",
        format!("these credentials may not read '{bucket}'"),
        format!(
            "allow them s3:PutObject, s3:GetObject, s3:GetObjectVersion, s3:AbortMultipartUpload and \
             s3:ListMultipartUploadParts on {objects} and s3:ListBucket on arn:aws:s3:::{bucket}"
        ),
    )
}

fn wrong_region(s3: &S3, answer: &Answer) -> Finding {
    let bucket = s3.signer.bucket();
    let header = answer.headers.get("x-amz-bucket-region");
    let region = header
        .and_then(|region| region.to_str().ok())
        .or_else(|| element(&answer.body, "Region"))
        .filter(|region| super::is_region(region));
    let message = format!("'{}' is not in region {}", bucket.name(), bucket.region());
    let remedy = match region {
        Some(region) => format!("name its region in --files: ?region={region}"),
        None => "name the bucket's own region in --files: ?region=…".to_owned(),
    };
    Finding::wrong("region", message, remedy)
}

fn unexpected(s3: &S3, answer: &Answer, code: &str) -> Finding {
    let message = element(&answer.body, "Message").unwrap_or_default();
    let said: String = format!("{code} {message}")
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_MESSAGE_CHARS)
        .collect();
    Finding::wrong(
        "bucket",
        format!(
            "{} answered {}: {}",
            s3.endpoint,
            answer.status,
            said.trim()
        ),
        "check that the endpoint in --files is one that speaks S3, and what its own log says",
    )
}

/// Asks as a browser does before it lets a page of `origin` upload (a file, a form or in parts) or
/// download.
async fn check_origin(s3: &S3, origin: &str, requirements: &Requirements) -> Finding {
    let mut refused = Vec::new();
    let mut shows_etag = true;
    for method in [Method::PUT, Method::POST, Method::GET] {
        match preflight(s3, origin, &method, requirements.upload_once).await {
            Ok(Preflight {
                is_allowed,
                shows_etag: shows,
            }) => {
                if !is_allowed {
                    refused.push(method.to_string());
                } else if method == Method::PUT {
                    shows_etag = shows;
                }
            }
            Err(error) => return unreachable(s3, &*error),
        }
    }
    if refused.is_empty() && shows_etag {
        return Finding::good("cors", format!("pages of {origin} may upload and download"));
    }
    // Setting the rules replaces all of them, so the remedy names every origin.
    let rules = json!({"CORSRules": [{"AllowedOrigins": requirements.origins,
                                      "AllowedMethods": ["PUT", "POST", "GET"],
                                      "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag"]}]});
    let remedy = format!(
        "aws s3api put-bucket-cors --bucket {}{} --cors-configuration '{rules}'",
        s3.signer.bucket().name(),
        endpoint_option(s3)
    );
    if refused.is_empty() {
        let message = format!(
            "pages of {origin} may not read the ETag of what they sent, so they cannot upload in parts"
        );
        return Finding::warning("cors", message, remedy);
    }
    let message = format!(
        "browsers may not {} from pages of {origin}",
        refused.join(" or ")
    );
    Finding::wrong("cors", message, remedy)
}

/// What a preflight tells.
struct Preflight {
    is_allowed: bool,
    shows_etag: bool,
}

async fn preflight(
    s3: &S3,
    origin: &str,
    method: &Method,
    once: bool,
) -> Result<Preflight, BoxError> {
    let bucket = s3.signer.bucket();
    // A form is sent to the bucket, and its page sends no header of its own.
    let (url, asked_headers) = match *method {
        Method::POST => (bucket.base_url().clone(), "content-type"),
        _ if once => (bucket.object_url(&probe_key(s3)), ONCE_HEADERS),
        _ => (bucket.object_url(&probe_key(s3)), UPLOAD_HEADERS),
    };
    let asked = if origin == "*" { ANY_ORIGIN } else { origin };
    let headers = [
        (ORIGIN, asked),
        (ACCESS_CONTROL_REQUEST_METHOD, method.as_str()),
        (ACCESS_CONTROL_REQUEST_HEADERS, asked_headers),
    ];
    let answer = s3
        .client
        .send("check", Method::OPTIONS, url.as_str(), &headers)
        .await?;
    let header = |name: HeaderName| answer.header(name.as_str());
    let lists = |list: Option<&str>, wanted: &str| {
        list.is_some_and(|list| {
            let mut names = list.split(',').map(str::trim);
            names.any(|name| name == "*" || name.eq_ignore_ascii_case(wanted))
        })
    };
    let origin_allowed =
        header(ACCESS_CONTROL_ALLOW_ORIGIN).is_some_and(|allowed| [asked, "*"].contains(&allowed));
    let method_allowed = lists(header(ACCESS_CONTROL_ALLOW_METHODS), method.as_str());
    Ok(Preflight {
        is_allowed: answer.status.is_success() && origin_allowed && method_allowed,
        shows_etag: lists(header(ACCESS_CONTROL_EXPOSE_HEADERS), ETAG.as_str()),
    })
}

/// The option that the `aws` command needs for a storage other than Amazon's.
pub(super) fn endpoint_option(s3: &S3) -> String {
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

    use super::{clock_ahead, judge_clock};
    use crate::domain::finding::State;
    use crate::objects::s3::answer::Answer;

    #[test]
    fn a_clock_is_judged_by_the_date_of_an_answer() {
        let there: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let date = HeaderValue::from_static("Mon, 23 Nov 2026 10:00:00 GMT");
        let answer = Answer {
            status: StatusCode::NOT_FOUND,
            headers: HeaderMap::from_iter([(DATE, date)]),
            body: String::new(),
        };
        for (ahead_s, judged, seen) in [
            (0, "good", "agrees"),
            (-299, "good", "agrees"),
            (300, "warning", "5m ahead of"),
            (-899, "warning", "14m 59s behind"),
            (900, "wrong", "15m ahead of"),
            (-3600, "wrong", "1h behind"),
        ] {
            let here = there + SignedDuration::from_secs(ahead_s);
            let ahead = clock_ahead(&answer, here).unwrap();
            assert_eq!(ahead, SignedDuration::from_secs(ahead_s));
            let finding = judge_clock(ahead);
            let state = match finding.state {
                State::Good => "good",
                State::Warning { .. } => "warning",
                State::Wrong { .. } => "wrong",
            };
            assert_eq!(state, judged, "{ahead_s}");
            assert!(finding.message.contains(seen), "{}", finding.message);
        }
    }
}
