//! Makes view tokens.

use axum::Json;
use axum::response::IntoResponse;
use http::StatusCode;
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::Invalid;
use crate::http::extractors::{Object, Problems, SmallBody, json_fields};
use crate::http::responses::ApiResult;
use crate::http::responses::openapi::{RequestErrors, TenantErrors, UnavailableErrors};
use crate::service::{Access, MAX_VIEW_TOKEN_LIFE};

/// The life of a token unless the caller says otherwise: a page asks its backend for another one before that.
const LIFE: SignedDuration = SignedDuration::from_mins(15);

/// A token to make: what it shows, and for how long.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `parse` reads")]
pub(crate) struct NewViewTokenBody {
    /// The one record that it shows, with its files and counts. By default it shows the tenant's whole history.
    #[schema(example = 42)]
    record_id: Option<i64>,
    /// The life of the token in seconds.
    #[schema(minimum = 1, maximum = 86_400, default = 900)]
    expires_in: Option<u64>,
}

/// A token, to be sent as `Authorization: Bearer`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ViewTokenBody {
    token: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Makes a token that a web page may hold: it reads the history of the tenant, or one record of it, for a while.
#[utoipa::path(
    post, path = "/api/view-tokens", operation_id = "create_view_token", tag = "keys",
    security(("api_key" = [], "client_id" = [])),
    request_body = NewViewTokenBody,
    responses(
        (status = 201, description = "The token", body = ViewTokenBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn create(access: Access, body: SmallBody) -> ApiResult<impl IntoResponse> {
    let (record_id, life) = parse(&body.0)?;
    let (token, expires_at) = access.create_view_token(record_id, life).await?;
    let body = ViewTokenBody {
        token,
        expires_at: expires_at.to_string(),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

fn parse(body: &[u8]) -> ApiResult<(Option<i64>, SignedDuration)> {
    let object = Object::from_body(body)?;
    let mut problems = Problems::default();
    let record_id = object.optional(&mut problems, "record_id", json_fields::integer);
    let life = object.optional(&mut problems, "expires_in", life);
    let (record_id, life) = problems.finish(record_id.zip(life))?;
    Ok((record_id, life.unwrap_or(LIFE)))
}

fn life(json: &RawValue) -> Result<SignedDuration, Invalid> {
    let seconds: u32 = json_fields::unsigned(json)?;
    let life = SignedDuration::from_secs(seconds.into());
    if seconds == 0 {
        let message = "Input should be greater than or equal to 1";
        return Err(Invalid::new("greater_than_equal", message));
    }
    if life > MAX_VIEW_TOKEN_LIFE {
        return Err(Invalid::at_most(MAX_VIEW_TOKEN_LIFE.as_secs()));
    }
    Ok(life)
}
