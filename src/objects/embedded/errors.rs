//! S3 errors with the words that Amazon S3 has for them: s3s leaves them out, and clients then show
//! "Unknown".

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, header};
use s3s::{S3Error, S3ErrorCode};

/// Returns the error of this code, in the words of the S3 API reference, "Error responses".
pub(super) fn error(code: S3ErrorCode) -> S3Error {
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
        S3ErrorCode::NotImplemented => "What you asked for is not implemented.",
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
        S3ErrorCode::SlowDown => "There is no room for the object. Please try again later.",
        _ => return S3Error::new(code),
    };
    S3Error::with_message(code, message)
}

/// Returns the refusal of other bytes for an object that an event references.
pub(super) fn sealed() -> S3Error {
    let message = "An event references this object: its bytes cannot change.";
    worded(S3ErrorCode::AccessDenied, message)
}

/// Returns the error of this code in words of our own.
pub(super) fn worded(code: S3ErrorCode, message: impl Into<Cow<'static, str>>) -> S3Error {
    S3Error::with_message(code, message)
}

/// Seconds after which a client may try again what the disk made fail.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Returns the error of this code, whose status is 503, with the header that says when to try again.
pub(super) fn later(code: S3ErrorCode) -> S3Error {
    let mut answer = error(code);
    let xml = HeaderValue::from_static("application/xml");
    let headers = [
        (header::CONTENT_TYPE, xml),
        (header::RETRY_AFTER, RETRY_AFTER_SECONDS),
    ];
    let headers = HeaderMap::from_iter(headers);
    answer.set_headers(headers);
    answer
}
