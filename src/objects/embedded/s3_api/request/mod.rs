//! The parts of a request that every operation needs: its body, error responses, and the check that its
//! signature is not older than its tenant. Imports nothing else of `s3_api`.

pub(crate) mod body;
pub(crate) mod s3_errors;
pub(crate) mod tenant_check;
