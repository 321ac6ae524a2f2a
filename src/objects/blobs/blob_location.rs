//! The address of a storage of blobs, as on a command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

use crate::objects::Location;

/// `s3://<bucket>[/<prefix>]?region=…&endpoint=…`, or a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobLocation {
    /// As in [`Location::S3`].
    S3 {
        bucket: String,
        prefix: String,
        region: Option<String>,
        endpoint: Option<Url>,
    },
    Folder(PathBuf),
}

impl FromStr for BlobLocation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a folder or 's3://<bucket>' is needed".to_owned());
        }
        if !text.starts_with("s3:") {
            return match text.split_once("://") {
                Some(_) => Err(format!("'{text}' is neither a folder nor 's3://<bucket>'")),
                None => Ok(Self::Folder(
                    text.strip_prefix("file:").unwrap_or(text).into(),
                )),
            };
        }
        match text.parse()? {
            Location::S3 {
                bucket,
                prefix,
                region,
                endpoint,
            } => Ok(Self::S3 {
                bucket,
                prefix,
                region,
                endpoint,
            }),
            Location::Embedded { folder, .. } => Ok(Self::Folder(folder)),
        }
    }
}

impl fmt::Display for BlobLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { bucket, prefix, .. } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix, .. } => write!(f, "s3://{bucket}/{prefix}"),
            Self::Folder(folder) => write!(f, "{}", folder.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BlobLocation;

    #[test]
    fn folders_and_buckets_are_told_apart() {
        for text in ["backups", "/var/backups", "file:/var/backups"] {
            let location: BlobLocation = text.parse().unwrap();
            assert!(matches!(location, BlobLocation::Folder(_)), "{text}");
        }
        let bucket: BlobLocation = "s3://backups/a/?region=eu-west-2".parse().unwrap();
        assert_eq!(bucket.to_string(), "s3://backups/a");
        for text in ["", "s3://", "s3:///x", "https://x/y", "s3://b?x=y"] {
            assert!(text.parse::<BlobLocation>().is_err(), "{text}");
        }
    }
}
