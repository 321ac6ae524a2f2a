//! Makes, lists and revokes keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::IntoResponse;
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::{EventTime, Invalid, KeyId, ListedKey, Scope, Scopes, StoredKey};
use crate::http::extractors::{
    Object, Parameters, PathParameters, Problems, SmallBody, json_fields, path_parameter,
};
use crate::http::responses::openapi::{RequestErrors, UnavailableErrors};
use crate::http::responses::{ApiResult, ErrorBody};
use crate::http::state::AppState;
use crate::service::{Caller, NewKey};

/// The longest name of a key.
const MAX_NAME_BYTES: usize = 256;

/// The most elements of the list of scopes, each of which may be named once.
const MAX_SCOPES: usize = Scope::ALL.len();

/// A key to make.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `parse` reads")]
pub(crate) struct NewKeyBody {
    /// A name for people, 1 to 256 bytes.
    #[schema(example = "importer", min_length = 1, max_length = 256)]
    name: String,
    /// The scopes of the key, each named once.
    #[schema(min_items = 1, max_items = 3, example = json!(["read"]))]
    scopes: Vec<ScopeName>,
    /// The client id of the one tenant that the key is for. Without it the key is for all tenants, or for that of the
    /// credential with which it is made.
    #[schema(format = Uuid)]
    client_id: Option<String>,
    /// RFC 3339; in the future. Without it the key does not expire.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ScopeName {
    /// Sending events, and uploading their files
    Write,
    /// Reading histories, their files included
    Read,
    /// Everything else
    Admin,
}

/// A key that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedKeyBody {
    #[schema(format = Uuid)]
    id: String,
    /// Send it as `X-API-Key`. It is shown this once.
    #[schema(example = "ehk_…")]
    key: String,
    name: String,
    scopes: Vec<ScopeName>,
    /// Null: for all tenants.
    #[schema(format = Uuid)]
    client_id: Option<String>,
    /// Null: never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeysBody {
    /// Those that were not revoked, oldest first.
    keys: Vec<KeyBody>,
}

/// A key, without its text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyBody {
    #[schema(format = Uuid)]
    id: String,
    name: String,
    scopes: Vec<ScopeName>,
    /// Null: for all tenants.
    #[schema(format = Uuid)]
    client_id: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// Null: never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// May be a minute late; null if it was never used.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

/// Makes a key. Its text is in the response, and nowhere else.
#[utoipa::path(
    post, path = "/api/keys", operation_id = "create_key", tag = "keys", security(("api_key" = [])),
    request_body = NewKeyBody,
    responses(
        (status = 201, description = "The key was made", body = CreatedKeyBody),
        (status = 400, description = "No such tenant, or as many keys as there can be", body = ErrorBody),
        RequestErrors, UnavailableErrors,
    )
)]
pub(crate) async fn create(
    State(state): State<Arc<AppState>>,
    caller: Caller,
    body: SmallBody,
) -> ApiResult<impl IntoResponse> {
    let new = parse(&body.0, state.service.clock.now())?;
    let (key, text) = caller.create_key(new).await?;
    let StoredKey {
        id,
        sha256: _,
        name,
        scopes,
        client_id,
        created_at: _,
        expires_at,
    } = key;
    let body = CreatedKeyBody {
        id: id.to_string(),
        key: text.reveal().to_owned(),
        name,
        scopes: names(scopes),
        client_id: client_id.map(|it| it.to_string()),
        expires_at: expires_at.map(|it| it.to_string()),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

fn parse(body: &[u8], now: Timestamp) -> ApiResult<NewKey> {
    let object = Object::from_body(body)?;
    let mut problems = Problems::default();
    let name = object.required(&mut problems, "name", name);
    let scopes = object.required(&mut problems, "scopes", scopes);
    let client_id = object.optional(&mut problems, "client_id", json_fields::string);
    let expires_at = object.optional(&mut problems, "expires_at", |json| expiry(json, now));
    let new = name.zip(scopes).zip(client_id).zip(expires_at);
    let new = new.map(|(((name, scopes), client_id), expires_at)| NewKey {
        name,
        scopes,
        client_id,
        expires_at,
    });
    problems.finish(new)
}

fn name(json: &RawValue) -> Result<String, Invalid> {
    let name = json_fields::string(json)?;
    if name.is_empty() {
        return Err(Invalid::new(
            "string_too_short",
            "String should not be empty",
        ));
    }
    if name.len() > MAX_NAME_BYTES {
        let message = format!("String should have at most {MAX_NAME_BYTES} bytes");
        return Err(Invalid::new("string_too_long", message));
    }
    Ok(name)
}

fn scopes(json: &RawValue) -> Result<Scopes, Invalid> {
    let elements = json_fields::elements::<MAX_SCOPES>(json)?;
    let scopes = elements
        .into_iter()
        .map(|json| Scope::parse(&json_fields::string(json)?));
    let scopes: Vec<Scope> = scopes.collect::<Result<_, _>>()?;
    let found = Scopes::new(scopes.iter().copied());
    let found = found.ok_or_else(|| Invalid::new("too_short", "List should not be empty"))?;
    if found.iter().count() < scopes.len() {
        return Err(Invalid::new("duplicate", "List should name a scope once"));
    }
    Ok(found)
}

fn expiry(json: &RawValue, now: Timestamp) -> Result<Timestamp, Invalid> {
    let time = EventTime::parse(&json_fields::string(json)?)?;
    let time = Timestamp::from_microsecond(time.micros()).ok();
    let future = time.filter(|time| *time > now);
    future.ok_or_else(|| Invalid::new("datetime_future", "Input should be in the future"))
}

/// Lists the keys that were not revoked, without their texts.
#[utoipa::path(
    get, path = "/api/keys", operation_id = "list_keys", tag = "keys", security(("api_key" = [])),
    responses(
        (status = 200, description = "The keys", body = KeysBody),
        RequestErrors, UnavailableErrors,
    )
)]
pub(crate) async fn list(caller: Caller, RawQuery(query): RawQuery) -> ApiResult<Json<KeysBody>> {
    Parameters::none(query.as_deref())?;
    let keys = caller.keys().await?;
    Ok(Json(KeysBody {
        keys: keys.into_iter().map(KeyBody::from).collect(),
    }))
}

/// Revokes a key. Within 5 s, no replica of the service accepts it any more.
#[utoipa::path(
    delete, path = "/api/keys/{key_id}", operation_id = "revoke_key", tag = "keys", security(("api_key" = [])),
    params(("key_id" = String, Path, format = Uuid, description = "The key's id")),
    responses(
        (status = 200, description = "The key is revoked", body = ErrorBody),
        (status = 404, description = "No such key", body = ErrorBody),
        RequestErrors, UnavailableErrors,
    )
)]
pub(crate) async fn revoke(
    caller: Caller,
    path: PathParameters,
    RawQuery(query): RawQuery,
) -> ApiResult<Json<ErrorBody>> {
    let mut problems = Problems::default();
    let id = path_parameter(&path, "key_id", KeyId::parse, &mut problems);
    Parameters::parse(query.as_deref())?.only(&[], &mut problems);
    let id = problems.finish(id)?;
    caller.revoke_key(id).await?;
    Ok(Json(ErrorBody {
        detail: format!("'{id}' key revoked."),
    }))
}

impl From<ListedKey> for KeyBody {
    fn from(listed: ListedKey) -> Self {
        let ListedKey { key, last_used_at } = listed;
        let StoredKey {
            id,
            sha256: _,
            name,
            scopes,
            client_id,
            created_at,
            expires_at,
        } = key;
        Self {
            id: id.to_string(),
            name,
            scopes: names(scopes),
            client_id: client_id.map(|it| it.to_string()),
            created_at: created_at.to_string(),
            expires_at: expires_at.map(|it| it.to_string()),
            last_used_at: last_used_at.map(|it| it.to_string()),
        }
    }
}

fn names(scopes: Scopes) -> Vec<ScopeName> {
    let names = scopes.iter().map(|scope| match scope {
        Scope::Write => ScopeName::Write,
        Scope::Read => ScopeName::Read,
        Scope::Admin => ScopeName::Admin,
    });
    names.collect()
}
