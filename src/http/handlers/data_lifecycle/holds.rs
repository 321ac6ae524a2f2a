//! Legal holds.

use axum::Json;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Hold, HoldId, Reason};
use crate::http::extractors::{
    Object, PathParameters, Problems, SmallBody, json_fields, path_parameter,
};
use crate::http::responses::openapi::{RequestErrors, TenantErrors, UnavailableErrors};
use crate::http::responses::{ApiResult, ErrorBody};
use crate::service::Caller;

/// A hold to place.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `parse` reads")]
pub(crate) struct NewHoldBody {
    /// The record; null or absent: all records of the tenant.
    #[schema(example = 42)]
    record_id: Option<i64>,
    /// Why, for people: at most 1024 bytes.
    #[schema(example = "Case 2026-17")]
    reason: String,
}

/// A legal hold.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HoldBody {
    #[schema(format = Uuid)]
    id: String,
    /// The record; null: all records of the tenant.
    #[schema(example = 42)]
    record_id: Option<i64>,
    #[schema(example = "Case 2026-17")]
    reason: String,
    #[schema(format = DateTime)]
    created_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HoldsBody {
    /// The oldest first.
    holds: Vec<HoldBody>,
}

impl HoldBody {
    fn new(hold: &Hold) -> Self {
        let Hold {
            id,
            record_id,
            reason,
            created_at,
        } = hold;
        Self {
            id: id.to_string(),
            record_id: *record_id,
            reason: reason.to_string(),
            created_at: created_at.to_string(),
        }
    }
}

/// Lists a tenant's legal holds.
#[utoipa::path(
    get, path = "/api/tenants/{client_id}/holds", operation_id = "list_holds", tag = "tenants", security(("api_key" = [])),
    params(("client_id" = String, Path, description = "The tenant's client id")),
    responses(
        (status = 200, description = "The holds", body = HoldsBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn list(caller: Caller, path: PathParameters) -> ApiResult<Json<HoldsBody>> {
    let access = path.tenant(&caller).await?;
    let holds = access.holds().await?;
    Ok(Json(HoldsBody {
        holds: holds.as_slice().iter().map(HoldBody::new).collect(),
    }))
}

/// Places a legal hold: until it is released, nothing that it covers is deleted, and the tenant is not deleted either.
#[utoipa::path(
    post, path = "/api/tenants/{client_id}/holds", operation_id = "place_hold", tag = "tenants", security(("api_key" = [])),
    params(("client_id" = String, Path, description = "The tenant's client id")),
    request_body = NewHoldBody,
    responses(
        (status = 201, description = "The hold is in force", body = HoldBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn place(
    caller: Caller,
    path: PathParameters,
    body: SmallBody,
) -> ApiResult<impl IntoResponse> {
    let access = path.tenant(&caller).await?;
    let (record_id, reason) = parse(&body.0)?;
    let hold = access.place_hold(record_id, reason).await?;
    Ok((StatusCode::CREATED, Json(HoldBody::new(&hold))))
}

fn parse(body: &[u8]) -> ApiResult<(Option<i64>, Reason)> {
    let object = Object::from_body(body)?;
    let mut problems = Problems::default();
    let record_id = object.optional(&mut problems, "record_id", json_fields::integer);
    let reason = object.required(&mut problems, "reason", |json| {
        Reason::parse(&json_fields::string(json)?)
    });
    problems.finish(record_id.zip(reason))
}

/// Releases a legal hold for good.
#[utoipa::path(
    delete, path = "/api/tenants/{client_id}/holds/{hold_id}", operation_id = "release_hold", tag = "tenants",
    security(("api_key" = [])),
    params(
        ("client_id" = String, Path, description = "The tenant's client id"),
        ("hold_id" = String, Path, format = Uuid, description = "The hold's id"),
    ),
    responses(
        (status = 200, description = "The hold is released", body = ErrorBody,
         example = json!({"detail": "'0e7f3f9c-2f0f-4e0a-9f0e-3c1f6a1f5b11' hold released."})),
        (status = 404, description = "There is no such hold", body = ErrorBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn release(caller: Caller, path: PathParameters) -> ApiResult<Json<ErrorBody>> {
    let access = path.tenant(&caller).await?;
    let mut problems = Problems::default();
    let hold_id = path_parameter(&path, "hold_id", HoldId::parse, &mut problems);
    let hold_id = problems.finish(hold_id)?;
    access.release_hold(hold_id).await?;
    Ok(Json(ErrorBody {
        detail: format!("'{hold_id}' hold released."),
    }))
}
