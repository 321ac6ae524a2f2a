//! The address of an object storage, as in a setting.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

/// `s3://<bucket>[/<prefix>]?region=…&endpoint=…`, or `file:<folder>[?bucket=…&region=…]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    S3 {
        bucket: String,
        /// Precedes every key, without slashes at its ends; empty for none.
        prefix: String,
        /// `None` for that of the environment or profile, as in every AWS tool.
        region: Option<String>,
        /// `None` for AWS in the region.
        endpoint: Option<Url>,
    },
    /// A folder that this process serves.
    Embedded {
        folder: PathBuf,
        bucket: String,
        region: String,
    },
}

/// The default bucket and region of the embedded endpoint.
const EMBEDDED_BUCKET: &str = "event-history";
const EMBEDDED_REGION: &str = "us-east-1";

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("s3", rest)) => parse_s3(rest.strip_prefix("//").unwrap_or(rest)),
            Some(("file", rest)) => parse_embedded(rest),
            _ => Err(format!(
                "'{text}' is neither 's3://<bucket>' nor 'file:<folder>'"
            )),
        }
    }
}

fn parse_s3(rest: &str) -> Result<Location, String> {
    let (path, parameters) = split_parameters(rest, &["region", "endpoint"])?;
    let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
    check_bucket(bucket)?;
    let [region, endpoint] = parameters;
    let endpoint = endpoint
        .map(|endpoint| match Url::parse(&endpoint) {
            // They would not be part of any request.
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                Err(format!("endpoint '{endpoint}' has a query or a fragment"))
            }
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            _ => Err(format!("endpoint '{endpoint}' is not an http or https URL")),
        })
        .transpose()?;
    let prefix = prefix.trim_matches('/').to_owned();
    Ok(Location::S3 {
        bucket: bucket.to_owned(),
        prefix,
        region,
        endpoint,
    })
}

fn parse_embedded(rest: &str) -> Result<Location, String> {
    let (folder, parameters) = split_parameters(rest, &["bucket", "region"])?;
    if folder.is_empty() {
        return Err("'file:' needs a folder, as in 'file:./data/files'".to_owned());
    }
    let [bucket, region] = parameters;
    let bucket = bucket.unwrap_or_else(|| EMBEDDED_BUCKET.to_owned());
    check_bucket(&bucket)?;
    if ["api", "docs", "health", "metrics", "openapi.json"].contains(&bucket.as_str()) {
        return Err(format!("bucket '{bucket}' would hide a path of the API"));
    }
    let region = region.unwrap_or_else(|| EMBEDDED_REGION.to_owned());
    Ok(Location::Embedded {
        folder: folder.into(),
        bucket,
        region,
    })
}

/// Splits off `?name=value&…`, and returns the values in the order of `names`. An unknown or repeated name is an error.
fn split_parameters<'a, const N: usize>(
    text: &'a str,
    names: &[&str; N],
) -> Result<(&'a str, [Option<String>; N]), String> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let mut values = [const { None }; N];
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let Some(place) = names.iter().position(|known| *known == name) else {
            return Err(format!(
                "unknown parameter '{name}': known are {}",
                names.join(", ")
            ));
        };
        if value.is_empty() || values[place].replace(value.into_owned()).is_some() {
            return Err(format!("parameter '{name}' needs one value"));
        }
    }
    Ok((path, values))
}

/// Source: Amazon S3 user guide, "General purpose bucket naming rules".
fn check_bucket(name: &str) -> Result<(), String> {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
    };
    let ends_well = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    let valid = (3..=63).contains(&bytes.len())
        && bytes.iter().copied().all(allowed)
        && ends_well(bytes.first())
        && ends_well(bytes.last());
    if valid {
        return Ok(());
    }
    Err(format!(
        "bucket '{name}' is not 3 to 63 of lower-case letters, digits, '-' and '.', starting and \
         ending with a letter or digit"
    ))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { bucket, prefix, .. } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix, .. } => write!(f, "s3://{bucket}/{prefix}"),
            Self::Embedded { folder, .. } => write!(f, "file:{}", folder.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::Location;

    #[test]
    fn names_bucket_prefix_region_and_endpoint() {
        let location =
            Location::from_str("s3://files/a/b/?region=eu-west-2&endpoint=http://127.0.0.1:1")
                .unwrap();
        let Location::S3 {
            bucket,
            prefix,
            region,
            endpoint,
        } = location
        else {
            panic!("not S3")
        };
        assert_eq!((bucket.as_str(), prefix.as_str()), ("files", "a/b"));
        assert_eq!(region.as_deref(), Some("eu-west-2"));
        assert_eq!(endpoint.unwrap().as_str(), "http://127.0.0.1:1/");
    }

    #[test]
    fn refuses_what_would_surprise() {
        for text in [
            "files",
            "s3://",
            "s3://Upper",
            "s3://files?regoin=x",
            "s3://files?region=a&region=b",
            "s3://files?endpoint=ftp://x",
            "s3://files?endpoint=https://host/?x=y",
            "s3://files?endpoint=https%3A%2F%2Fhost%2F%3Fx%3Dy",
            "s3://files?endpoint=https://host/%23x",
            "file:",
            "file:./x?bucket=api",
            "file:./x?bucket=a/b",
        ] {
            assert!(Location::from_str(text).is_err(), "{text}");
        }
    }
}
