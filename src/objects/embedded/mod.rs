//! An S3 endpoint of our own, on a folder: for those who want no other service beside this one.
//!
//! ```text
//! <folder>/key-pair.json         the key pair, unless the settings give one
//! <folder>/owner                 the id of the database whose files these are
//! <folder>/clock.json            what was seen of the clock that dates everything here
//! <folder>/objects/<xx>/<hash>   an object: its bytes, and what is known of it
//! <folder>/uploads/<uuid>        an object being written
//! <folder>/multipart/<id>/…      an upload in parts that goes on
//! <folder>/parts/<id>/…          the parts of an object that came in parts
//! <folder>/damaged/…             uploads in parts that a start found damaged
//! ```
//!
//! A folder is one bucket, under whatever name the settings give it. An answer to a PUT means that the
//! object is durable; before it nothing is visible. The object's file has its final name only once it
//! is written, verified and synced, and then the folder of that name is synced too.
//!
//! The signatures are over the `Host` header and the path as they arrive here: a proxy in front has to
//! leave both as they are in the public URL.

mod adapter;
mod admission;
mod ages;
mod aside;
mod complete;
mod conditions;
mod digests;
mod ended;
mod errors;
mod file;
mod folder;
mod form;
mod guard;
mod in_process;
mod inspect;
mod intake;
mod keys;
mod listing;
mod multipart;
mod parts;
mod policy;
mod reads;
mod shard;
mod sweep;
mod tenancy;
mod transfers;
mod upload;
mod verified;
mod writes;

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use http::{HeaderName, HeaderValue, Method, header};
use s3s::auth::{S3Auth, SecretKey};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::S3ServiceBuilder;
use s3s::{S3ErrorCode, S3Result};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use url::Url;

use self::adapter::Adapter;
use self::ages::Ages;
use self::folder::Folder;
use self::form::Forms;
use self::guard::{Guard, MAX_DOCUMENT_BYTES};
use self::transfers::Transfers;
use super::signer::Signer;
use super::{Error, KeyPair, StorageContext};

pub use self::folder::check_folder;
pub use self::inspect::Inspection;
pub use self::tenancy::TenantAges;

/// Every origin, where it stands for one.
const ANY_ORIGIN: &str = "*";
/// How long a browser may remember a preflight's answer: the longest that Chromium heeds.
const PREFLIGHT_LIFE: Duration = Duration::from_hours(2);
/// What a page may read of an answer beside what every page may.
const EXPOSED: [HeaderName; 6] = [
    header::ETAG,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_DISPOSITION,
    header::ACCEPT_RANGES,
    HeaderName::from_static("x-amz-request-id"),
];

/// The embedded storage, as this process itself uses it.
#[derive(Debug)]
pub struct Embedded {
    folder: Arc<Folder>,
    signer: Signer,
    credentials: rusty_s3::Credentials,
    ages: Arc<Ages>,
    public_url: Url,
    origins: Vec<String>,
    /// Whether the key pair is one that we keep in the folder.
    keeps_key_pair: bool,
}

/// Serves the embedded storage over HTTP.
#[derive(Debug, Clone)]
pub struct Endpoint {
    guard: Arc<Guard>,
    origins: Vec<HeaderValue>,
}

/// Opens `folder`, making it where it is missing, with the key pair that opens and signs its URLs.
pub async fn open(
    folder: &Path,
    bucket: &str,
    region: &str,
    context: &StorageContext,
) -> Result<(Embedded, Endpoint), Error> {
    let StorageContext {
        clock,
        entropy,
        public_url,
        embedded_key_pair,
        embedded_origins,
        transfer_limits,
        tenant_ages,
    } = context;
    if !s3s::path::check_bucket_name(bucket) {
        return Err(unavailable(format!("'{bucket}' is not a bucket name")));
    }
    let path = folder.to_owned();
    let its_entropy = Arc::clone(entropy);
    let its_clock = Arc::clone(clock);
    let opened = blocking(move || {
        let is_new = folder::is_new(&path);
        let folder = Arc::new(Folder::open(&path, its_entropy)?);
        let ages = Ages::open(Arc::clone(&folder), its_clock, is_new);
        Ok((folder, Arc::new(ages)))
    });
    let (folder, ages) = opened.await?;
    tokio::spawn(ages::keep_marks(Arc::downgrade(&ages)));
    sweep(&folder, &ages).await?;
    let key_pair = if let Some(key_pair) = embedded_key_pair {
        if !keys::is_usable(key_pair) {
            let cause = "an access key id and its secret are printable characters without spaces, \
                         and the id has no '/'";
            return Err(Error::Credentials(cause.into()));
        }
        key_pair.clone()
    } else {
        let folder = Arc::clone(&folder);
        let made = tokio::task::spawn_blocking(move || keys::load_or_make(&folder)).await;
        made.unwrap_or_else(|panic| Err(io::Error::other(panic)))
            .map_err(|error| Error::Credentials(error.into()))?
    };
    let origins: Result<Vec<_>, _> = embedded_origins
        .iter()
        .map(|origin| HeaderValue::from_str(origin))
        .collect();
    let origins = origins.map_err(|_| unavailable("an origin is not one of a browser's"))?;
    let signer = Signer::new(
        public_url.clone(),
        bucket.to_owned(),
        String::new(),
        region.to_owned(),
    )
    .map_err(|error| Error::Unavailable(error.into()))?;

    let credentials = keys::to_credentials(&key_pair);
    let adapter = Adapter {
        folder: Arc::clone(&folder),
        clock: Arc::clone(&ages),
        tenants: tenant_ages.clone(),
    };
    let mut service = S3ServiceBuilder::new(adapter.clone());
    service.set_auth(OneKeyPair(key_pair.clone()));
    service.set_config(Arc::new(StaticConfigProvider::new(Arc::new(s3s_config()))));
    let guard = Guard {
        service: service.build(),
        forms: Forms {
            adapter,
            key_pair,
            region: region.to_owned(),
            bucket: bucket.to_owned(),
        },
        region: region.to_owned(),
        prefix: format!("/{bucket}/"),
        transfers: Transfers::new(*transfer_limits),
        entropy: Arc::clone(entropy),
    };
    let embedded = Embedded {
        folder,
        signer,
        credentials,
        ages,
        public_url: public_url.clone(),
        origins: embedded_origins.clone(),
        keeps_key_pair: embedded_key_pair.is_none(),
    };
    let endpoint = Endpoint {
        guard: Arc::new(guard),
        origins,
    };
    Ok((embedded, endpoint))
}

/// Brings to its end what a crash or its client has left. What may take long goes on behind.
async fn sweep(folder: &Arc<Folder>, ages: &Arc<Ages>) -> Result<(), Error> {
    let (settled, ages) = (Arc::clone(folder), Arc::clone(ages));
    blocking(move || sweep::settle(&settled, &ages)).await?;
    let folder = Arc::clone(folder);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = sweep::remove_orphans(&folder) {
            tracing::warn!(%error, "cannot remove parts of objects that are gone");
        }
    });
    Ok(())
}

impl Endpoint {
    /// Returns the routes to mount on the API's port: `/<bucket>/{*key}` for objects, and `/<bucket>` for
    /// forms. Merge them, do not nest them: a signature is over the whole path. A time limit on requests must not cover it, nor a
    /// limit on bodies: both are its own.
    pub fn router(self) -> Router {
        let Self { guard, origins } = self;
        let objects = format!("{}{{*key}}", guard.prefix);
        let bucket = guard.prefix.clone();
        let service = tower::service_fn(move |request: Request| {
            let guard = Arc::clone(&guard);
            async move { Ok::<_, Infallible>(guard.answer(request).await) }
        });
        let router = Router::new()
            .route_service(&objects, service.clone())
            .route_service(bucket.trim_end_matches('/'), service.clone())
            .route_service(&bucket, service);
        if origins.is_empty() {
            return router;
        }
        let origins = if origins.iter().any(|origin| origin == ANY_ORIGIN) {
            AllowOrigin::any()
        } else {
            AllowOrigin::list(origins)
        };
        let cors = CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::HEAD, Method::PUT, Method::POST])
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(EXPOSED)
            .max_age(PREFLIGHT_LIFE);
        router.layer(cors)
    }
}

/// Returns what s3s may hold in memory: a document that the guard lets in, and nothing of a form, which is
/// never its to read.
fn s3s_config() -> S3Config {
    let mut config = S3Config::default();
    config.xml_max_body_size = usize::try_from(MAX_DOCUMENT_BYTES).unwrap_or(usize::MAX);
    config.form_max_field_size = 0;
    config.form_max_fields_size = 0;
    config.form_max_parts = 0;
    config.post_object_max_file_size = 0;
    config
}

/// Knows the endpoint's one key pair.
struct OneKeyPair(KeyPair);

#[async_trait]
impl S3Auth for OneKeyPair {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let Self(KeyPair {
            access_key_id,
            secret_access_key,
        }) = self;
        if bool::from(access_key.as_bytes().ct_eq(access_key_id.as_bytes())) {
            return Ok(SecretKey::from(secret_access_key.expose_secret()));
        }
        Err(errors::error(S3ErrorCode::InvalidAccessKeyId))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| Err(io::Error::other(panic)))
        .map_err(|error| {
            if is_damage(&error) {
                Error::Damaged(error.into())
            } else {
                unavailable(error)
            }
        })
}

/// Tells whether what was found on the disk is to blame: another try will find the same.
fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, IsADirectory, NotADirectory, UnexpectedEof};
    matches!(
        error.kind(),
        InvalidData | UnexpectedEof | IsADirectory | NotADirectory
    )
}

fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Unavailable(cause.into())
}
