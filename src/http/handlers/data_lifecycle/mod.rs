//! How long a tenant's events live, and what is removed of them: for administrators, who name the tenant in the path, or by
//! `X-Client-Id` where it is about one event.

pub(crate) mod holds;
pub(crate) mod redaction;
pub(crate) mod retention;

use crate::http::extractors::{PathParameters, Problems, path_parameter};
use crate::http::responses::ApiResult;
use crate::service::{Access, Caller};

/// Opens the tenant that the path names.
async fn tenant(caller: &Caller, path: &PathParameters) -> ApiResult<Access> {
    let mut problems = Problems::default();
    let parse = |text: &str| Ok(text.to_owned());
    let client_id = path_parameter(path, "client_id", parse, &mut problems);
    let client_id = problems.finish(client_id)?;
    Ok(caller.access(Some(&client_id)).await?)
}
