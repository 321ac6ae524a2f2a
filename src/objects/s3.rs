//! Storage that speaks S3 elsewhere: presigning and the few calls that the service makes itself.
use super::*;
#[derive(Debug)]
pub struct S3;
impl S3 {
    pub async fn open(
        _: &str,
        _: &str,
        _: Option<&str>,
        _: Option<&Url>,
        _: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        unimplemented!()
    }
}
#[async_trait]
impl Objects for S3 {
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
