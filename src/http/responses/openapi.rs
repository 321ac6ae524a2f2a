//! The parts of the OpenAPI document that belong to no handler.

use utoipa::openapi::path::{PathItem, Paths};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Components, OpenApi as Document};
use utoipa::{IntoResponses, OpenApi};

use super::api_error::ProblemsBody;
use super::{ErrorBody, Problem};
use crate::domain::Requirement;

/// The operation that takes every credential with the scope `read` but view tokens.
const CREATE_VIEW_TOKEN: &str = "create_view_token";

/// The description and the tags.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Event History",
        description = "The history of every record of every customer, and the files that belong to it."
    ),
    // The responses below do not bring their schemas along.
    components(schemas(ErrorBody, ProblemsBody, Problem)),
    tags(
        (name = "tenants", description = "Customers, each with a database of its own"),
        (name = "events", description = "What happened to records"),
        (name = "files", description = "Files that events reference"),
        (name = "keys", description = "Keys with scopes, for all tenants or one, and tokens for web pages"),
        (name = "operations", description = "For those who run the service; no key needed"),
    )
)]
struct Head;

pub(crate) fn head() -> Document {
    let mut document = Head::openapi();
    let key = ApiKeyValue::with_description(
        "X-API-Key",
        "One of the service's API keys, or a key made with `POST /api/keys`",
    );
    let description = "A tenant's client id";
    let tenant = ApiKeyValue::with_description("X-Client-Id", description);
    let components = document.components.get_or_insert_with(Components::new);
    let basic = HttpBuilder::new().scheme(HttpAuthScheme::Basic);
    let basic = basic.description(Some(
        "A tenant's client id and secret, for this tenant alone",
    ));
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT");
    let bearer = bearer.description(Some("A token made with `POST /api/view-tokens`"));
    components.add_security_scheme("view_token", SecurityScheme::Http(bearer.build()));
    components.add_security_scheme("tenant_secret", SecurityScheme::Http(basic.build()));
    components.add_security_scheme("client_id", SecurityScheme::ApiKey(ApiKey::Header(tenant)));
    components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(key)));
    document
}

/// Returns the methods that a route documents.
pub(crate) fn methods(paths: &Paths) -> Vec<&'static str> {
    let has = |which: fn(&PathItem) -> bool| paths.paths.values().any(which);
    // No other method is documented anywhere; a test walks every route.
    let methods = [
        ("GET", has(|path| path.get.is_some())),
        ("POST", has(|path| path.post.is_some())),
        ("PATCH", has(|path| path.patch.is_some())),
        ("PUT", has(|path| path.put.is_some())),
        ("DELETE", has(|path| path.delete.is_some())),
    ];
    let documented = methods
        .into_iter()
        .filter(|(_, is_documented)| *is_documented);
    documented.map(|(name, _)| name).collect()
}

/// Documents in each operation of a route what a credential needs for it, as the member `x-scope`.
pub(crate) fn document_scope(paths: &mut Paths, requirement: Option<Requirement>) {
    let scope = match requirement {
        None => "none",
        Some(Requirement::AnyScope) => "any",
        Some(Requirement::Scope(scope)) => scope.name(),
    };
    for path in paths.paths.values_mut() {
        let operations = [
            &mut path.get,
            &mut path.post,
            &mut path.patch,
            &mut path.put,
            &mut path.delete,
        ];
        for operation in operations.into_iter().flatten() {
            let extensions = operation.extensions.get_or_insert_default();
            extensions.insert("x-scope".to_owned(), scope.into());
            let is_for_tenants = matches!(scope, "any" | "write" | "read");
            if let Some(alternatives) = operation.security.as_mut().filter(|_| is_for_tenants) {
                alternatives.push(SecurityRequirement::new("tenant_secret", [""; 0]));
                // A token makes no tokens.
                let makes_tokens = operation.operation_id.as_deref() == Some(CREATE_VIEW_TOKEN);
                if scope != "write" && !makes_tokens {
                    alternatives.push(SecurityRequirement::new("view_token", [""; 0]));
                }
            }
        }
    }
}

#[derive(IntoResponses)]
#[expect(dead_code, reason = "documents a response of `entity_tag`")]
pub(crate) enum NotModified {
    /// The caller has this answer: `If-None-Match` lists its `ETag`
    #[response(status = 304)]
    NotModified,
}

#[derive(IntoResponses)]
#[expect(dead_code, reason = "documents responses of `api_error`")]
pub(crate) enum RequestErrors {
    /// The API key is missing or wrong
    #[response(status = 401, example = json!({"detail": "Unauthorized API Key."}))]
    KeyRefused(ErrorBody),
    /// The credential does not allow the operation
    #[response(status = 403, example = json!({"detail": "The credential lacks the scope 'read'."}))]
    Forbidden(ErrorBody),
    /// The problems of the request, all at once
    #[response(status = 422)]
    Invalid(ProblemsBody),
    /// Too many: `Retry-After` says when to come back
    #[response(status = 429, example = json!({"detail": "Too many failed authentications."}))]
    TooMany(ErrorBody),
}

#[derive(IntoResponses)]
#[expect(dead_code, reason = "documents responses of `api_error`")]
pub(crate) enum TenantErrors {
    /// No client id, no such tenant, or a tenant without its database
    #[response(status = 400, example = json!({"detail": "Failed to connect to tenant db."}))]
    Tenant(ErrorBody),
}

#[derive(IntoResponses)]
#[expect(dead_code, reason = "documents responses of `api_error`")]
pub(crate) enum UnavailableErrors {
    /// May succeed later: `Retry-After` says when
    #[response(status = 503,
               example = json!({"detail": "Object storage credentials are unavailable."}))]
    Unavailable(ErrorBody),
}
