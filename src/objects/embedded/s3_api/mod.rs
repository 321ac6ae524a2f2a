//! The S3 protocol over HTTP: request limits, authorization, operations, and browser uploads by POST.
//!
//! `server` receives a request, `authorizer` decides by its head alone whether s3s may see it, s3s verifies
//! the signature and calls `operations`; a browser's form goes to `post_object`. Imports point in this
//! order, and from all of them to `request` and to [`disk`](super::disk).

mod authorizer;
mod operations;
mod post_object;
mod request;
mod server;
mod transfer_limits;

pub(crate) use operations::{Adapter, MAX_LISTED_PARTS, NULL_VERSION};
pub(crate) use server::S3Server;

pub use request::tenant_check::TenantLookup;
