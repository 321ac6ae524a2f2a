//! The names of event types and source types.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::Catalogue;
use crate::http::extractors::Parameters;
use crate::http::responses::ApiResult;
use crate::http::responses::openapi::RequestErrors;
use crate::http::state::AppState;
use crate::service::Caller;

/// The types that have a name, by id. Events can have others; their name is null.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogueBody {
    event_types: Vec<NamedTypeBody>,
    source_types: Vec<NamedTypeBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NamedTypeBody {
    #[schema(example = 9)]
    id: i32,
    #[schema(example = "document_generated")]
    name: String,
}

/// Returns the names of event types and source types, as this service is configured.
#[utoipa::path(
    get, path = "/api/catalogue", operation_id = "get_catalogue", tag = "events", security(("api_key" = [])),
    responses(
        (status = 200, description = "The names of types", body = CatalogueBody),
        RequestErrors,
    )
)]
pub(crate) async fn catalogue(
    State(state): State<Arc<AppState>>,
    _: Caller,
    RawQuery(query): RawQuery,
) -> ApiResult<Json<CatalogueBody>> {
    Parameters::none(query.as_deref())?;
    let Catalogue {
        event_types,
        source_types,
    } = &*state.service.settings.catalogue;
    Ok(Json(CatalogueBody {
        event_types: named_types(event_types),
        source_types: named_types(source_types),
    }))
}

fn named_types(names: &BTreeMap<i32, String>) -> Vec<NamedTypeBody> {
    let types = names.iter().map(|(&id, name)| NamedTypeBody {
        id,
        name: name.clone(),
    });
    types.collect()
}
