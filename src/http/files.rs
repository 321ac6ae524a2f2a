//! URLs to upload files with.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiResult;
use super::openapi::{KeyResponses, TenantResponses, UnavailableResponses};
use crate::service::Access;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UploadUrlBody {
    /// A presigned URL: PUT the file's bytes there.
    upload_url: String,
    /// What an event says to reference the file.
    #[schema(format = Uuid)]
    file_id: String,
}

/// Returns a presigned URL to upload a new file with (`curl -T file URL`).
#[utoipa::path(
    get, path = "/api/files/upload-url", tag = "files", security(("api_key" = [])),
    params(("X-Client-Id" = String, Header, description = "The tenant's client id")),
    responses(
        (status = 200, description = "A URL for one new file", body = UploadUrlBody),
        KeyResponses, TenantResponses, UnavailableResponses,
    )
)]
pub(super) async fn upload_url(access: Access) -> ApiResult<Json<UploadUrlBody>> {
    let upload = access.upload_url().await?;
    let file_id = upload.file_id.to_string();
    Ok(Json(UploadUrlBody {
        upload_url: upload.presigned.url,
        file_id,
    }))
}
