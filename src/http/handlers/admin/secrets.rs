//! Rotates the secret of a tenant.

use std::time::Duration;

use axum::Json;
use axum::extract::RawQuery;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::Invalid;
use crate::http::extractors::{Parameters, PathParameters, Problems, parameters};
use crate::http::responses::ApiResult;
use crate::http::responses::openapi::{RequestErrors, TenantErrors, UnavailableErrors};
use crate::service::{Caller, MAX_OVERLAP, RotatedSecret};

/// The other secret of a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RotatedSecretBody {
    /// It is shown this once.
    client_secret: String,
    /// Until then the previous secret is accepted too.
    #[schema(format = DateTime)]
    previous_valid_until: String,
}

/// Gives a tenant another secret. The previous one is accepted for a while, and any before it no longer.
#[utoipa::path(
    post, path = "/api/tenants/{client_id}/rotate-secret", operation_id = "rotate_secret", tag = "tenants",
    security(("api_key" = [])),
    params(
        ("client_id" = String, Path, description = "The tenant's client id"),
        ("overlap" = Option<u64>, Query, minimum = 0, maximum = 2_592_000,
         description = "The seconds for which the previous secret is accepted; a day by default. With 0 it ends at once, \
                        within 5 s on all replicas"),
    ),
    responses(
        (status = 200, description = "The tenant has another secret", body = RotatedSecretBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn rotate(
    caller: Caller,
    path: PathParameters,
    RawQuery(query): RawQuery,
) -> ApiResult<Json<RotatedSecretBody>> {
    let access = path.tenant(&caller).await?;
    let mut problems = Problems::default();
    let parameters = Parameters::parse(query.as_deref())?;
    parameters.only(&["overlap"], &mut problems);
    let overlap = parameters.optional(&mut problems, "overlap", overlap);
    let overlap = problems.finish(overlap)?;
    let RotatedSecret {
        client_secret,
        previous_valid_until,
    } = access.rotate_secret(overlap).await?;
    let body = RotatedSecretBody {
        client_secret: client_secret.reveal().to_owned(),
        previous_valid_until: previous_valid_until.to_string(),
    };
    Ok(Json(body))
}

fn overlap(text: &str) -> Result<Duration, Invalid> {
    let overlap = Duration::from_secs(parameters::integer(text)?);
    let is_allowed = overlap <= MAX_OVERLAP;
    is_allowed
        .then_some(overlap)
        .ok_or_else(|| Invalid::at_most(MAX_OVERLAP.as_secs()))
}
