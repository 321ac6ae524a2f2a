//! Checks of a bucket's CORS configuration.

use http::Method;
use http::header::{
    ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ETAG, ORIGIN,
};
use serde_json::json;

use super::{endpoint_option, probe_key, unreachable};
use crate::domain::Finding;
use crate::objects::Requirements;
use crate::objects::s3::S3;
use crate::objects::s3::client::BoxError;

/// The origin that is tried if all of them should be allowed.
const ANY_ORIGIN: &str = "https://event-history.invalid";

/// The headers that a page may have to send with a file, if its URL is signed for them.
const UPLOAD_HEADERS: &str =
    "content-type,x-amz-checksum-sha256,x-amz-meta-file-name,x-amz-meta-sha256";

/// Those of a URL that is good for one upload.
const ONCE_HEADERS: &str =
    "content-type,if-none-match,x-amz-checksum-sha256,x-amz-meta-file-name,x-amz-meta-sha256";

/// Sends the preflights that a browser sends before a page of `origin` uploads (a file, a form or in parts) or
/// downloads.
pub(super) async fn check_origin(s3: &S3, origin: &str, requirements: &Requirements) -> Finding {
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
    // Setting the rules replaces all of them, so the remedy lists every origin.
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

/// The result of a preflight.
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
    // A form is sent to the bucket, without custom headers.
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
    let response = s3
        .client
        .probe(Method::OPTIONS, url.as_str(), &headers)
        .await?;
    let lists = |list: Option<&str>, wanted: &str| {
        list.is_some_and(|list| {
            let mut names = list.split(',').map(str::trim);
            names.any(|name| name == "*" || name.eq_ignore_ascii_case(wanted))
        })
    };
    let origin_allowed = response
        .header(ACCESS_CONTROL_ALLOW_ORIGIN)
        .is_some_and(|allowed| [asked, "*"].contains(&allowed));
    let method_allowed = lists(
        response.header(ACCESS_CONTROL_ALLOW_METHODS),
        method.as_str(),
    );
    Ok(Preflight {
        is_allowed: response.status.is_success() && origin_allowed && method_allowed,
        shows_etag: lists(
            response.header(ACCESS_CONTROL_EXPOSE_HEADERS),
            ETAG.as_str(),
        ),
    })
}
