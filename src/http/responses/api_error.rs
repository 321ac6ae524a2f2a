//! The one map from errors to statuses and messages.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_ENCODING, ALLOW, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinError;
use utoipa::ToSchema;

use super::{RecordBody, request_id};
use crate::domain::cause::chain;
use crate::domain::{EventId, Invalid, Limit, LimitedParty, MemberProblem};
use crate::service::{self, FileChange};

pub(crate) type ApiResult<T> = Result<T, ApiError>;

/// Seconds after which a caller may retry what failed by a backend or its credentials.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// The encodings of bodies that are decoded.
const SUPPORTED_CODINGS: &str = "gzip, zstd";

/// The errors of a request.
#[derive(Debug)]
pub enum ApiError {
    NotFound,
    MethodNotAllowed {
        allow: HeaderValue,
    },
    Service(service::Error),
    Invalid(Vec<Problem>),
    TooLarge {
        limit_bytes: usize,
    },
    /// The connection failed while the body was read: the client hardly sees the response.
    BodyCutShort,
    /// A request has no header `Host`, or several.
    BadHost,
    HeadTooLarge {
        limit_bytes: usize,
    },
    TimedOut,
    /// As many requests as are allowed wait for new events.
    TooManyWaiting {
        /// Who has as many as the operator allows one; `None`: there are too many in all.
        of: Option<LimitedParty>,
    },
    /// As many exports as are allowed are being sent.
    TooManyExports,
    /// The memory for batches is in use.
    BatchesBusy,
    /// A batch has more events than are allowed.
    TooManyEvents {
        limit: usize,
    },
    /// `Content-Encoding` names what is not supported.
    UnsupportedCoding,
    /// A client address has sent too many credentials that were refused.
    TooManyFailures {
        /// In seconds.
        retry_after: u64,
    },
    Panicked,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// The location: `body`, `query`, `path` or `header`, then names of members and indexes of elements.
    #[schema(value_type = Vec<Value>, example = json!(["body", "detail", "event_id"]))]
    pub loc: Vec<Value>,
    /// A message for people.
    #[schema(example = "Field required")]
    pub msg: String,
    /// A stable word for programs.
    #[serde(rename = "type")]
    #[schema(example = "missing")]
    pub kind: &'static str,
}

impl Problem {
    pub(crate) fn new(loc: Vec<Value>, invalid: Invalid) -> Self {
        let Invalid { kind, message } = invalid;
        Self {
            loc,
            msg: message,
            kind,
        }
    }
}

/// The body of an error with one message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    pub(crate) detail: String,
}

/// The body of a 422: all problems of the request at once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemsBody {
    pub(crate) detail: Vec<Problem>,
}

/// The body of a 409: the file that has changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedBody {
    detail: Vec<ChangedFile>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedFile {
    #[schema(value_type = Vec<Value>, example = json!(["file"]))]
    loc: [&'static str; 1],
    msg: String,
    #[serde(rename = "type")]
    #[schema(example = "file_changed")]
    kind: &'static str,
    #[schema(format = Uuid)]
    file_id: String,
    /// The record made with the event.
    recorded: RecordBody,
    /// The file in storage now; null: none.
    found: Option<RecordBody>,
}

impl ChangedBody {
    fn new(change: &FileChange) -> Self {
        let FileChange {
            file_id,
            recorded,
            found,
        } = change;
        let (kind, msg) = match found {
            Some(_) => ("file_changed", "is not what was recorded with the event"),
            None => ("file_missing", "is no longer in storage"),
        };
        Self {
            detail: vec![ChangedFile {
                loc: ["file"],
                msg: format!("'{file_id}' file {msg}."),
                kind,
                file_id: file_id.to_string(),
                recorded: RecordBody::new(recorded),
                found: found.as_ref().map(RecordBody::new),
            }],
        }
    }
}

impl From<service::Error> for ApiError {
    fn from(error: service::Error) -> Self {
        Self::of_service("body", error)
    }
}

/// Work in the CPU pool of the state panicked.
impl From<JoinError> for ApiError {
    fn from(_: JoinError) -> Self {
        Self::Panicked
    }
}

impl ApiError {
    /// `place` is the part of the request with the members of an upload: `body` or `query`.
    pub(crate) fn of_service(place: &'static str, error: service::Error) -> Self {
        match error {
            service::Error::UploadRefused(objections) => {
                let problem = |(member, invalid)| {
                    Problem::new(vec![Value::from(place), Value::from(member)], invalid)
                };
                Self::Invalid(objections.into_iter().map(problem).collect())
            }
            service::Error::RedactionRefused(problems) => {
                let problem = |problem: MemberProblem| {
                    let MemberProblem { index, invalid } = problem;
                    let loc = [
                        Some(place.into()),
                        Some("members".into()),
                        index.map(Value::from),
                    ];
                    Problem::new(loc.into_iter().flatten().collect(), invalid)
                };
                Self::Invalid(problems.into_iter().map(problem).collect())
            }
            other => Self::Service(other),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problems = match self {
            Self::Invalid(problems) => problems,
            Self::Service(service::Error::FileChanged(change)) => {
                let id = request_id::current();
                tracing::warn!(id, file_id = %change.file_id, "a file is not what was recorded");
                return (StatusCode::CONFLICT, Json(ChangedBody::new(&change))).into_response();
            }
            other => return other.into_plain_response(),
        };
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            Json(ProblemsBody { detail: problems }),
        )
            .into_response()
    }
}

impl ApiError {
    /// A stored event that cannot be written as JSON.
    pub(crate) fn damaged(event_id: EventId, error: serde_json::Error) -> Self {
        tracing::error!(%event_id, "stored event data is not JSON");
        Self::Service(service::Error::Broken(error.into()))
    }

    fn into_plain_response(self) -> Response {
        let (status, detail) = self.status_and_detail();
        let mut response = (status, Json(ErrorBody { detail })).into_response();
        if let Some(seconds) = self.retry_after(status) {
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        if let Self::UnsupportedCoding = self {
            // Source: RFC 9110, section 12.5.3.
            let codings = HeaderValue::from_static(SUPPORTED_CODINGS);
            response.headers_mut().insert(ACCEPT_ENCODING, codings);
        }
        if let Self::Service(error) = &self
            && status.is_server_error()
            // Whoever refreshes the credentials logs the cause once an outage.
            && !matches!(error, service::Error::Credentials(_))
        {
            let id = request_id::current();
            tracing::error!(id, error = %chain(error), status = status.as_u16(), "request failed");
        }
        if let Self::MethodNotAllowed { allow } = self {
            response.headers_mut().insert(ALLOW, allow);
        }
        response
    }

    fn retry_after(&self, status: StatusCode) -> Option<HeaderValue> {
        match self {
            Self::TooManyFailures { retry_after } => Some((*retry_after).into()),
            Self::Service(service::Error::LimitReached { wait, .. }) => {
                let begun = u64::from(wait.subsec_nanos() > 0);
                Some((wait.as_secs() + begun).max(1).into())
            }
            _ => matches!(
                status,
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
            )
            .then_some(RETRY_AFTER_SECONDS),
        }
    }

    fn status_and_detail(&self) -> (StatusCode, String) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found".into()),
            Self::MethodNotAllowed { .. } => {
                (StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed".into())
            }
            Self::Service(error) => service_status_and_detail(error),
            Self::Invalid(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "Unprocessable Content".into(),
            ),
            Self::TooLarge { limit_bytes } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("Larger than {limit_bytes} bytes."),
            ),
            Self::BodyCutShort => (
                StatusCode::BAD_REQUEST,
                "The request body ended too early.".into(),
            ),
            Self::BadHost => (
                StatusCode::BAD_REQUEST,
                "A request has one Host header.".into(),
            ),
            Self::HeadTooLarge { limit_bytes } => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                format!("The request's head is larger than {limit_bytes} bytes."),
            ),
            Self::TimedOut => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The request took too long.".into(),
            ),
            Self::TooManyWaiting { of: Some(party) } => (
                StatusCode::TOO_MANY_REQUESTS,
                format!(
                    "The {} has as many requests that wait for events as it may have.",
                    party.name()
                ),
            ),
            Self::TooManyWaiting { of: None } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many requests are waiting for events.".into(),
            ),
            Self::TooManyExports => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many exports are being sent.".into(),
            ),
            Self::BatchesBusy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many batches are being received.".into(),
            ),
            Self::TooManyEvents { limit } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("More than {limit} events."),
            ),
            Self::UnsupportedCoding => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("Content-Encoding should be one of: {SUPPORTED_CODINGS}."),
            ),
            Self::TooManyFailures { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many failed authentications.".into(),
            ),
            Self::Panicked => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Internal Server Error".into(),
            ),
        }
    }
}

/// Returns why an event of a batch is rejected: the member that is to blame, and the problem.
pub(crate) fn rejection(error: &service::Error) -> (&'static str, Invalid) {
    use service::Error;
    let (member, kind) = match error {
        Error::FileNotInStorage { .. } => ("file_id", "file_not_found"),
        Error::FileNotAllowed { .. } => ("file_id", "file_not_allowed"),
        Error::StorageRefused(_) => ("file_id", "storage_refused"),
        _ => ("event_id", "other_content"),
    };
    (
        member,
        Invalid::new(kind, service_status_and_detail(error).1),
    )
}

fn service_status_and_detail(error: &service::Error) -> (StatusCode, String) {
    use service::Error;
    let bad_request = |detail: String| (StatusCode::BAD_REQUEST, detail);
    let not_found = |detail: String| (StatusCode::NOT_FOUND, detail);
    let forbidden = |detail: String| (StatusCode::FORBIDDEN, detail);
    match error {
        Error::KeyRefused => (StatusCode::UNAUTHORIZED, "Unauthorized API Key.".into()),
        Error::ViewTokenExpired => {
            let detail = "The view token has expired.";
            (StatusCode::UNAUTHORIZED, detail.into())
        }
        Error::ScopeMissing(scope) => {
            forbidden(format!("The credential lacks the scope '{scope}'."))
        }
        Error::NotWithViewToken => forbidden("A view token makes no tokens.".into()),
        Error::OneTenantOnly => forbidden("The credential is for one tenant.".into()),
        Error::SystemTenant => forbidden("The system tenant cannot be changed.".into()),
        Error::Unrecorded(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The act cannot be recorded, so it was not done. Try again.".into(),
        ),
        Error::KeyNotFound { id } => not_found(format!("'{id}' key not found.")),
        Error::TooManyKeys(limit) => bad_request(format!(
            "There are {limit} keys already, which is the limit."
        )),
        Error::LimitReached { party, limit, .. } => {
            let (what, when) = match limit {
                Limit::Requests => ("requests", ""),
                Limit::Events => ("events", ""),
                Limit::EventsOfDay => ("events", " today"),
                Limit::UploadsOfDay => ("bytes of uploads", " today"),
            };
            let detail = format!("Too many {what} for this {}{when}.", party.name());
            (StatusCode::TOO_MANY_REQUESTS, detail)
        }
        Error::ClientMissing => bad_request("Unauthorized Client.".into()),
        Error::ClientUnknown => bad_request("Failed to connect to tenant db.".into()),
        Error::TenantNotFound { tenant } => {
            bad_request(format!("'{tenant}' tenant not found in database."))
        }
        Error::NameTaken => bad_request("Client already exist.".into()),
        Error::TooManyDedicated(limit) => bad_request(format!(
            "There are {limit} dedicated tenants already, which is the limit."
        )),
        Error::UnderHold { tenant } => {
            bad_request(format!("'{tenant}' tenant is under a legal hold."))
        }
        Error::EventUnderHold { event_id } => {
            bad_request(format!("'{event_id}' event is under a legal hold."))
        }
        Error::HoldNotFound { hold_id } => not_found(format!("'{hold_id}' hold not found.")),
        Error::TooManyHolds(limit) => bad_request(format!(
            "There are {limit} holds already, which is the limit."
        )),
        Error::OtherContent { event_id } => {
            bad_request(format!("'{event_id}' event exists with other content."))
        }
        Error::FileNotInStorage { file_id } => {
            bad_request(format!("'{file_id}' file not found in storage."))
        }
        Error::FileChanged(change) => (
            StatusCode::CONFLICT,
            format!("'{}' file has changed.", change.file_id),
        ),
        Error::FileNotAllowed { file_id, reason } => {
            bad_request(format!("'{file_id}' file {reason}."))
        }
        Error::UploadRefused(_) | Error::RedactionRefused(_) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Unprocessable Content".into(),
        ),
        Error::UploadNotFound { file_id } => not_found(format!("'{file_id}' upload not found.")),
        Error::StorageRefused(reason) => bad_request(format!("Object storage refuses: {reason}.")),
        Error::EventNotFound { event_id } => not_found(format!("'{event_id}' event not found.")),
        Error::RecordNotFound { record_id } => {
            not_found(format!("'{record_id}' record not found."))
        }
        Error::RecordTooLarge { record_id } => bad_request(format!(
            "'{record_id}' record has too many or too large owners, assignees and fields to show: list its \
                 events instead."
        )),
        Error::NoFile { event_id } => not_found(format!("'{event_id}' event has no file.")),
        Error::CursorRefused(problem) => bad_request(format!("The cursor is refused: {problem}.")),
        Error::NotIndexed => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The events of this tenant are being indexed for search, try again.".into(),
        ),
        Error::Credentials(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Object storage credentials are unavailable.".into(),
        ),
        Error::Unavailable(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Temporarily unavailable, try again.".into(),
        ),
        Error::Broken(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal Server Error".into(),
        ),
    }
}
