//! The sizes of the parts that an object came in. S3 tells them of one part at a time.
//!
//! Source: Amazon S3 API reference, "`HeadObject`", on `partNumber`.

use futures_util::{StreamExt, TryStreamExt, stream};
use http::header::CONTENT_LENGTH;
use http::{Method, StatusCode};

use super::S3;
use super::client::Call;
use crate::domain::ObjectKey;
use crate::objects::Error;

/// Parts asked for at once: ten thousand take some ten seconds, beside the hours that reading them takes.
const AT_ONCE: usize = 8;

impl S3 {
    pub(super) async fn ask_part_sizes(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        size_bytes: u64,
        count: u16,
    ) -> Result<Option<Vec<u64>>, Error> {
        // A storage that knows no parts answers with the whole, and one question tells.
        let first = self.ask_part_size(key, version_id, 1).await?;
        match first {
            Some(first) if count == 1 || first < size_bytes => {}
            _ => return Ok(None),
        }
        let sizes: Vec<Option<u64>> = stream::iter(1..=count)
            .map(|number| self.ask_part_size(key, version_id, number))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let sizes: Option<Vec<u64>> = sizes.into_iter().collect();
        Ok(sizes.filter(|sizes| sizes.iter().sum::<u64>() == size_bytes))
    }

    async fn ask_part_size(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        number: u16,
    ) -> Result<Option<u64>, Error> {
        let signed = self
            .sign(|credentials, now, life| {
                self.signer
                    .head(key, version_id, Some(number), credentials, now, life)
            })
            .await?;
        let call = Call::new("head", Method::HEAD, &signed);
        let answer = self.client.call(call).await?;
        match answer.status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {
                let length = answer.header(CONTENT_LENGTH.as_str());
                Ok(length.and_then(|length| length.parse().ok()))
            }
            // It does not know of parts, or not of this one.
            StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::RANGE_NOT_SATISFIABLE
            | StatusCode::NOT_IMPLEMENTED => Ok(None),
            _ => Err(answer.refusal("s3:GetObject on the objects")),
        }
    }
}
