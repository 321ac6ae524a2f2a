use super::S3;
use crate::domain::Finding;

pub(super) async fn check(_: &S3, _: &[String]) -> Vec<Finding> {
    Vec::new()
}
