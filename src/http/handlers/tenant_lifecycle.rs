//! Creates and deletes tenants.

use axum::Json;
use axum::extract::RawQuery;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::domain::{DatabaseName, Invalid, Placement};
use crate::http::extractors::{
    ClientIdHeader, Object, Parameters, Problems, SmallBody, json_fields,
};
use crate::http::responses::openapi::{RequestErrors, TenantErrors, UnavailableErrors};
use crate::http::responses::{ApiResult, ErrorBody};
use crate::service::{Caller, TenantFiles};

/// The longest `client_label`: a name for people, not a document.
const MAX_LABEL_BYTES: usize = 1024;

/// A tenant to create.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `parse` reads")]
pub(crate) struct NewTenantBody {
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
    /// On ClickHouse: `pooled`, in tables that tenants share, or `dedicated`, in tables of its own, which can be backed up
    /// and restored by themselves. The default is a setting. On SQLite every tenant has a file of its own.
    #[schema(example = "pooled")]
    placement: Option<String>,
}

/// A tenant that was just created.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewClientBody {
    #[schema(format = Uuid)]
    client_id: String,
    /// Shown only once.
    client_secret: String,
    #[schema(example = "alx_demo")]
    database_name: String,
}

/// Creates a tenant: its entry and its database exist when the response is sent.
#[utoipa::path(
    post, path = "/api/initialize-tenant", operation_id = "initialize_tenant", tag = "tenants", security(("api_key" = [])),
    request_body = NewTenantBody,
    responses(
        (status = 201, description = "The tenant was created", body = NewClientBody),
        (status = 400, description = "A tenant with that database name exists already, or as many dedicated tenants as there can be",
         body = ErrorBody, example = json!({"detail": "Client already exist."})),
        RequestErrors,
    )
)]
pub(crate) async fn initialize(caller: Caller, body: SmallBody) -> ApiResult<impl IntoResponse> {
    let (database_name, client_label, placement) = parse(&body.0)?;
    let created = caller.create_tenant(database_name, client_label, placement);
    let client = created.await?;
    let answer = NewClientBody {
        client_id: client.client_id.to_string(),
        client_secret: client.client_secret.reveal().to_owned(),
        database_name: client.database_name.to_string(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

fn parse(body: &[u8]) -> ApiResult<(DatabaseName, String, Option<Placement>)> {
    let object = Object::from_body(body)?;
    let mut problems = Problems::default();
    let database_name = object.required(&mut problems, "database_name", |json| {
        DatabaseName::parse(&json_fields::string(json)?)
    });
    let client_label = object.required(&mut problems, "client_label", label);
    let placement = object.optional(&mut problems, "placement", |json| {
        Placement::parse(&json_fields::string(json)?)
            .ok_or_else(|| Invalid::new("enum", "Input should be 'pooled' or 'dedicated'"))
    });
    let required = database_name.zip(client_label).zip(placement);
    problems.finish(required.map(|((name, label), placement)| (name, label, placement)))
}

/// Parses a name for people.
pub(super) fn label(json: &RawValue) -> Result<String, Invalid> {
    let label = json_fields::string(json)?;
    if label.len() > MAX_LABEL_BYTES {
        let message = format!("String should have at most {MAX_LABEL_BYTES} bytes");
        return Err(Invalid::new("string_too_long", message));
    }
    Ok(label)
}

/// Deletes a tenant's entry and database. Its files stay in storage unless the request says otherwise: then they
/// are deleted first, and where that takes longer than a request may, the response is a 503, to be retried.
///
/// Where the operator wants a delay, all of this is done once it has passed. Until then the tenant can be restored, and its
/// name stays taken.
#[utoipa::path(
    delete, path = "/api/delete-tenant", operation_id = "delete_tenant", tag = "tenants", security(("api_key" = [], "client_id" = [])),
    params(DeleteQuery),
    responses(
        (status = 200, description = "The tenant is gone", body = ErrorBody,
         example = json!({"detail": "'alx_demo' tenant deleted."})),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn delete(
    caller: Caller,
    client_id: ClientIdHeader,
    RawQuery(query): RawQuery,
) -> ApiResult<Json<ErrorBody>> {
    let deletion = caller.deletion(client_id.as_str()?).await?;
    let parameters = Parameters::parse(query.as_deref())?;
    let mut problems = Problems::default();
    parameters.only(&["files"], &mut problems);
    let files = parameters.optional(&mut problems, "files", tenant_files);
    let files = problems.finish(files)?.unwrap_or_default();
    let tenant = deletion.run(files).await?;
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

/// Options of the deletion.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameter that `delete` reads")]
pub(crate) struct DeleteQuery {
    /// The tenant's files: `keep` or `delete`.
    #[param(default = "keep")]
    files: Option<String>,
}
