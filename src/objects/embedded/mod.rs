//! An S3 endpoint of our own, on a folder.
use super::*;
use std::path::Path;
#[derive(Debug)]
pub struct Embedded;
/// Serves the embedded storage over HTTP.
#[derive(Debug, Clone)]
pub struct Endpoint;
impl Endpoint {
    /// Returns the route to mount on the API's port: it answers `/<bucket>/{*key}`.
    pub fn router(self) -> axum::Router {
        axum::Router::new()
    }
}
pub async fn open(
    _: &Path,
    _: &str,
    _: &str,
    _: &Surroundings,
) -> Result<(Embedded, Endpoint), Error> {
    unimplemented!()
}
#[async_trait]
impl Objects for Embedded {
    async fn presign_put(&self, _: &ObjectKey, _: Duration) -> Result<Presigned, Error> {
        unimplemented!()
    }
    async fn presign_get(&self, _: &ObjectKey, _: Duration) -> Result<Presigned, Error> {
        unimplemented!()
    }
    async fn head(&self, _: &ObjectKey) -> Result<Option<ObjectInfo>, Error> {
        unimplemented!()
    }
    async fn ping(&self) -> Result<(), Error> {
        unimplemented!()
    }
    async fn check(&self, _: &[String]) -> Vec<Finding> {
        unimplemented!()
    }
}
