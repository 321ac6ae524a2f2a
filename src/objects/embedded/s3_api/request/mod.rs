//! The parts of a request that every operation needs: its body, its form for s3s, error responses, and the check that
//! its signature is not older than its tenant. Imports nothing else of `s3_api`.

pub(crate) mod aws_chunked;
pub(crate) mod body;
pub(crate) mod s3_errors;
pub(crate) mod sent_request;
pub(crate) mod tenant_check;
