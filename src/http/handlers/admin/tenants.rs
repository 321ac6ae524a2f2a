//! Lists tenants, shows, changes and restores one.

use axum::Json;
use axum::extract::RawQuery;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::domain::query::Limit;
use crate::domain::{HiddenTenant, Invalid, Tenant, TenantCursor, TenantPage, TenantQuery};
use crate::http::extractors::{
    Object, Parameters, PathParameters, Problems, SmallBody, parameters,
};
use crate::http::handlers::tenant_lifecycle::label;
use crate::http::responses::openapi::{RequestErrors, TenantErrors, UnavailableErrors};
use crate::http::responses::{ApiResult, ErrorBody};
use crate::service::{self, Caller, DeletedPage, TenantSummary};

/// The longest text to look for.
const MAX_TEXT_BYTES: usize = 256;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TenantsBody {
    /// In the order of their database names, byte by byte.
    tenants: Vec<TenantBody>,
    /// For the next page; null at the end.
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TenantBody {
    #[schema(format = Uuid)]
    client_id: String,
    #[schema(example = "alx_demo")]
    database_name: String,
    #[schema(example = "Demo")]
    client_label: String,
    #[schema(format = DateTime)]
    created_at: String,
    /// Only of a deleted tenant: until then it can be restored.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    restorable_until: Option<String>,
}

/// A tenant, and what it has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TenantSummaryBody {
    #[serde(flatten)]
    tenant: TenantBody,
    /// The number of its events.
    #[schema(example = 1234)]
    events: u64,
    /// The number of files that its events reference, each counted once.
    #[schema(example = 17)]
    files: u64,
    /// Their bytes, as recorded with the events.
    #[schema(example = 1_048_576)]
    bytes: u64,
    /// The event time of its newest event; null if there is none.
    #[schema(format = DateTime)]
    last_event_time: Option<String>,
}

/// The changes of a tenant.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `update` reads")]
pub(crate) struct TenantChangeBody {
    /// A name for people, at most 1024 bytes.
    #[schema(example = "Demo")]
    client_label: String,
}

/// The parameters of the list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters that `parse` reads")]
pub(crate) struct TenantsQuery {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// The most tenants of a page.
    #[param(default = 50, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Only tenants with this text in their database name or label, where upper and lower case ASCII letters are the same,
    /// or with this client id. 1 to 256 bytes.
    #[param(min_length = 1, max_length = 256)]
    q: Option<String>,
    /// `true`: the deleted tenants that can be restored, in place of the others.
    #[param(default = false)]
    deleted: Option<bool>,
}

impl TenantBody {
    fn new(tenant: Tenant) -> Self {
        let Tenant {
            client_id,
            database_name,
            client_label,
            client_secret_sha256: _,
            created_at,
        } = tenant;
        Self {
            client_id: client_id.to_string(),
            database_name: database_name.to_string(),
            client_label,
            created_at: created_at.to_string(),
            restorable_until: None,
        }
    }

    fn of_deleted(deleted: HiddenTenant) -> Self {
        let HiddenTenant {
            tenant,
            restorable_until,
            with_files: _,
            is_due: _,
        } = deleted;
        Self {
            restorable_until: Some(restorable_until.to_string()),
            ..Self::new(tenant)
        }
    }
}

impl TenantSummaryBody {
    fn new(summary: TenantSummary) -> Self {
        let TenantSummary {
            tenant,
            events,
            files,
            last_event_time,
        } = summary;
        Self {
            tenant: TenantBody::new(tenant),
            events,
            files: files.files,
            bytes: files.bytes,
            last_event_time: last_event_time.map(|it| it.to_string()),
        }
    }
}

/// Lists tenants, page by page.
#[utoipa::path(
    get, path = "/api/tenants", operation_id = "list_tenants", tag = "tenants", security(("api_key" = [])),
    params(TenantsQuery),
    responses(
        (status = 200, description = "A page of the tenants", body = TenantsBody),
        (status = 400, description = "The cursor is refused", body = ErrorBody),
        RequestErrors, UnavailableErrors,
    )
)]
pub(crate) async fn list(
    caller: Caller,
    RawQuery(query): RawQuery,
) -> ApiResult<Json<TenantsBody>> {
    let (query, deleted) = parse(&Parameters::parse(query.as_deref())?)?;
    let (tenants, next) = if deleted {
        let DeletedPage { tenants, next } = caller.deleted_tenants(&query).await?;
        let tenants = tenants.into_iter().map(TenantBody::of_deleted);
        (tenants.collect(), next)
    } else {
        let TenantPage { tenants, next } = caller.tenants(query).await?;
        (tenants.into_iter().map(TenantBody::new).collect(), next)
    };
    Ok(Json(TenantsBody {
        tenants,
        next_cursor: next.map(|it| TenantCursor(it).to_string()),
    }))
}

/// Returns what is to be listed, and whether that is deleted tenants.
fn parse(parameters: &Parameters) -> ApiResult<(TenantQuery, bool)> {
    let mut problems = Problems::default();
    parameters.only(&["cursor", "limit", "q", "deleted"], &mut problems);
    let cursor = parameters.optional(&mut problems, "cursor", |text| Ok(text.to_owned()));
    let limit = parameters.optional(&mut problems, "limit", |text| {
        Limit::new(parameters::integer(text)?)
    });
    let text = parameters.optional(&mut problems, "q", text);
    let deleted = parameters.optional(&mut problems, "deleted", parameters::boolean);
    let parsed = cursor.zip(limit).zip(text).zip(deleted);
    let (((cursor, limit), text), deleted) = problems.finish(parsed)?;
    let cursor = cursor.as_deref().map(TenantCursor::parse).transpose();
    let cursor = cursor.map_err(service::Error::CursorRefused)?;
    let query = TenantQuery {
        after: cursor.map(|TenantCursor(name)| name),
        text,
        limit: limit.unwrap_or_default().get(),
    };
    Ok((query, deleted.unwrap_or_default()))
}

fn text(text: &str) -> Result<String, Invalid> {
    if text.is_empty() || text.len() > MAX_TEXT_BYTES {
        let message = format!("String should have 1 to {MAX_TEXT_BYTES} bytes");
        return Err(Invalid::new("string_length", message));
    }
    if text.chars().any(char::is_control) {
        let message = "String should have no control characters";
        return Err(Invalid::new("string_pattern_mismatch", message));
    }
    Ok(text.to_owned())
}

/// Shows a tenant, and what it has.
#[utoipa::path(
    get, path = "/api/tenants/{client_id}", operation_id = "get_tenant", tag = "tenants", security(("api_key" = [])),
    params(("client_id" = String, Path, description = "The tenant's client id")),
    responses(
        (status = 200, description = "The tenant", body = TenantSummaryBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn get(
    caller: Caller,
    path: PathParameters,
    RawQuery(query): RawQuery,
) -> ApiResult<Json<TenantSummaryBody>> {
    let access = path.tenant(&caller).await?;
    Parameters::none(query.as_deref())?;
    Ok(Json(TenantSummaryBody::new(access.summary().await?)))
}

/// Changes the label of a tenant.
#[utoipa::path(
    patch, path = "/api/tenants/{client_id}", operation_id = "update_tenant", tag = "tenants",
    security(("api_key" = [])),
    params(("client_id" = String, Path, description = "The tenant's client id")),
    request_body = TenantChangeBody,
    responses(
        (status = 200, description = "The tenant, as it is now", body = TenantSummaryBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn update(
    caller: Caller,
    path: PathParameters,
    RawQuery(query): RawQuery,
    body: SmallBody,
) -> ApiResult<Json<TenantSummaryBody>> {
    let access = path.tenant(&caller).await?;
    Parameters::none(query.as_deref())?;
    let object = Object::from_body(&body.0)?;
    let mut problems = Problems::default();
    let label = object.required(&mut problems, "client_label", label);
    access.set_label(&problems.finish(label)?).await?;
    Ok(Json(TenantSummaryBody::new(access.summary().await?)))
}

/// Restores a tenant that was deleted, as long as it can be.
#[utoipa::path(
    post, path = "/api/tenants/{client_id}/restore", operation_id = "restore_tenant", tag = "tenants",
    security(("api_key" = [])),
    params(("client_id" = String, Path, description = "The tenant's client id")),
    responses(
        (status = 200, description = "The tenant is what it was", body = TenantBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn restore(
    caller: Caller,
    path: PathParameters,
    RawQuery(query): RawQuery,
) -> ApiResult<Json<TenantBody>> {
    let id = path.client_id()?;
    Parameters::none(query.as_deref())?;
    let restored = caller.restore_tenant(&id).await?;
    Ok(Json(TenantBody::new(Tenant::clone(&restored))))
}
