//! Making and removing tenants.

use axum::Json;
use axum::extract::RawQuery;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::error::{ApiResult, ErrorBody};
use super::extract::SmallBody;
use super::fields::{self, Object, Problems};
use super::openapi::{InvalidResponses, KeyResponses, TenantResponses, UnavailableResponses};
use super::query::Parameters;
use crate::domain::{DatabaseName, Invalid};
use crate::service::{Access, Caller, TenantFiles};

/// The longest `client_label`: a name for people, not a document.
const MAX_LABEL_BYTES: usize = 1024;

/// A tenant to make.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `parse` reads")]
pub(super) struct NewTenantBody {
    /// 1 to 64 of letters, digits, `_` and `-`, starting with a letter or digit.
    #[schema(
        example = "alx_demo",
        min_length = 1,
        max_length = 64,
        pattern = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
    )]
    database_name: String,
    /// A name for people, at most 1024 bytes.
    #[schema(example = "Demo")]
    client_label: String,
}

/// A tenant that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewClientBody {
    #[schema(format = Uuid)]
    client_id: String,
    /// Shown this once.
    client_secret: String,
    #[schema(example = "alx_demo")]
    database_name: String,
}

/// Makes a tenant: its entry and its database exist when the answer is sent.
#[utoipa::path(
    post, path = "/api/initialize-tenant", tag = "tenants", security(("api_key" = [])),
    request_body = NewTenantBody,
    responses(
        (status = 201, description = "The tenant was made", body = NewClientBody),
        (status = 400, description = "A tenant with that database name exists already",
         body = ErrorBody, example = json!({"detail": "Client already exist."})),
        KeyResponses, InvalidResponses,
    )
)]
pub(super) async fn initialize(caller: Caller, body: SmallBody) -> ApiResult<impl IntoResponse> {
    let (database_name, client_label) = parse(&body.0)?;
    let client = caller.create_tenant(database_name, client_label).await?;
    let answer = NewClientBody {
        client_id: client.client_id.to_string(),
        client_secret: client.client_secret.reveal().to_owned(),
        database_name: client.database_name.to_string(),
    };
    // The one answer with a secret in it: nothing on the way may keep it.
    Ok((
        StatusCode::CREATED,
        [(header::CACHE_CONTROL, "no-store")],
        Json(answer),
    ))
}

fn parse(body: &[u8]) -> ApiResult<(DatabaseName, String)> {
    let object = Object::from_body(body)?;
    let mut problems = Problems::default();
    let database_name = object.required(&mut problems, "database_name", |json| {
        DatabaseName::parse(&fields::string(json)?)
    });
    let client_label = object.required(&mut problems, "client_label", |json| {
        let label = fields::string(json)?;
        if label.len() > MAX_LABEL_BYTES {
            let message = format!("String should have at most {MAX_LABEL_BYTES} bytes");
            return Err(Invalid::new("string_too_long", message));
        }
        Ok(label)
    });
    problems.finish(database_name.zip(client_label))
}

/// Removes a tenant's entry and database. Its files stay in storage, unless they are to go too: then they
/// go first, and where that takes longer than a request may, a 503 asks to be asked again.
#[utoipa::path(
    delete, path = "/api/delete-tenant", tag = "tenants", security(("api_key" = [])),
    params(("X-Client-Id" = String, Header, description = "The tenant's client id"), DeleteQuery),
    responses(
        (status = 200, description = "The tenant is gone", body = ErrorBody,
         example = json!({"detail": "'alx_demo' tenant deleted."})),
        KeyResponses, TenantResponses, InvalidResponses, UnavailableResponses,
    )
)]
pub(super) async fn delete(
    access: Access,
    RawQuery(query): RawQuery,
) -> ApiResult<Json<ErrorBody>> {
    let parameters = Parameters::parse(query.as_deref())?;
    let mut problems = Problems::default();
    parameters.only(&["files"], &mut problems);
    let files = parameters.optional(&mut problems, "files", tenant_files);
    let files = problems.finish(files)?.unwrap_or_default();
    let tenant = access.delete_tenant(files).await?;
    Ok(Json(ErrorBody {
        detail: format!("'{}' tenant deleted.", tenant.database_name),
    }))
}

fn tenant_files(text: &str) -> Result<TenantFiles, Invalid> {
    match text {
        "keep" => Ok(TenantFiles::Keep),
        "delete" => Ok(TenantFiles::Delete),
        _ => Err(Invalid::new("enum", "Input should be 'keep' or 'delete'")),
    }
}

/// What else is removed.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameter that `delete` reads")]
pub(super) struct DeleteQuery {
    /// What becomes of the tenant's files: `keep` or `delete`.
    #[param(default = "keep")]
    files: Option<String>,
}
