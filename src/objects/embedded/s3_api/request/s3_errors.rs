//! S3 errors with Amazon S3's messages: s3s leaves them out, and clients then show "Unknown".

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use s3s::{S3Error, S3ErrorCode};

/// Returns the error with its message from the S3 API reference, "Error responses".
pub(crate) fn error(code: S3ErrorCode) -> S3Error {
    let message = match code {
        S3ErrorCode::AccessDenied => "Access Denied",
        S3ErrorCode::IncompleteBody => {
            "You did not provide the number of bytes specified by the Content-Length HTTP header."
        }
        S3ErrorCode::InternalError => "We encountered an internal error. Please try again.",
        S3ErrorCode::InvalidAccessKeyId => {
            "The AWS access key ID that you provided does not exist in our records."
        }
        S3ErrorCode::InvalidDigest => "The Content-MD5 you specified is not valid.",
        S3ErrorCode::InvalidRange => "The requested range is not satisfiable.",
        S3ErrorCode::MetadataTooLarge => {
            "Your metadata headers exceed the maximum allowed metadata size."
        }
        S3ErrorCode::MethodNotAllowed => {
            "The specified method is not allowed against this resource."
        }
        S3ErrorCode::MissingContentLength => "You must provide the Content-Length HTTP header.",
        S3ErrorCode::NoSuchKey => "The specified key does not exist.",
        S3ErrorCode::NoSuchUpload => {
            "The specified upload does not exist. The upload ID may be invalid, or the upload may \
             have been aborted or completed."
        }
        S3ErrorCode::NoSuchVersion => "The specified version does not exist.",
        S3ErrorCode::InvalidArgument => "Invalid Argument",
        S3ErrorCode::MalformedXML => {
            "The XML you provided was not well-formed or did not validate against our published \
             schema"
        }
        S3ErrorCode::NotImplemented => {
            "A header you provided implies functionality that is not implemented."
        }
        S3ErrorCode::PreconditionFailed => {
            "At least one of the preconditions that you specified did not hold."
        }
        S3ErrorCode::RequestTimeout => {
            "Your socket connection to the server was not read from or written to within the \
             timeout period."
        }
        S3ErrorCode::SignatureDoesNotMatch => {
            "The request signature we calculated does not match the signature you provided."
        }
        S3ErrorCode::ServiceUnavailable => {
            "The storage cannot do this at the moment. Please try again later."
        }
        S3ErrorCode::SlowDown => {
            "There is not enough space for the object. Please try again later."
        }
        _ => return S3Error::new(code),
    };
    S3Error::with_message(code, message)
}

/// Returns the error for an upload that would change the bytes of a sealed object.
pub(crate) fn sealed() -> S3Error {
    let message = "An event references this object: its bytes cannot change.";
    with_message(S3ErrorCode::AccessDenied, message)
}

/// Returns the error with a message that S3 does not have.
pub(crate) fn with_message(code: S3ErrorCode, message: impl Into<Cow<'static, str>>) -> S3Error {
    S3Error::with_message(code, message)
}

/// The delay before a retry, in seconds.
pub(crate) const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Returns an error of status 503 with a `Retry-After` header.
pub(crate) fn retry_later(code: S3ErrorCode) -> S3Error {
    with_header(code, header::RETRY_AFTER, RETRY_AFTER_SECONDS)
}

/// Returns the error with a header besides its content type.
pub(crate) fn with_header(code: S3ErrorCode, name: HeaderName, value: HeaderValue) -> S3Error {
    let xml = HeaderValue::from_static("application/xml");
    let mut answer = error(code);
    answer.set_headers(HeaderMap::from_iter([
        (header::CONTENT_TYPE, xml),
        (name, value),
    ]));
    answer
}

/// Returns the error for a key that this service could not have issued.
pub(crate) fn invalid_key() -> S3Error {
    let message = "The key is not of the form '<database_name>/<file_id>'.";
    with_message(S3ErrorCode::InvalidArgument, message)
}

/// Returns the error for a credential whose scope is malformed.
pub(crate) fn invalid_credential(code: S3ErrorCode) -> S3Error {
    let message = "The credential is not '<key>/<date>/<region>/s3/aws4_request'.";
    with_message(code, message)
}

pub(crate) fn no_such_upload() -> S3Error {
    error(S3ErrorCode::NoSuchUpload)
}
