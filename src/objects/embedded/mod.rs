//! An S3 endpoint on a folder, for deployments without another object storage.
//!
//! A folder is one bucket, under the name that the settings give it. A PUT is answered when the object is
//! durable, and nothing is visible before: the file gets its final name only once it is written, verified
//! and synced, and then the folder of that name is synced too.
//!
//! Signatures cover the `Host` header and the path as they arrive here, so a proxy in front must leave both
//! as they are in the public URL.
//!
//! `disk` stores objects and knows nothing of S3; `s3_api` speaks S3 and imports `disk`. `storage` is
//! the same storage as this process itself uses it, and `endpoint` mounts it.

mod disk;
mod endpoint;
mod s3_api;
mod storage;

use std::io;
use std::path::Path;
use std::sync::Arc;

use secrecy::ExposeSecret;
use url::Url;

use self::disk::folder::clock::{self, FolderClock};
use self::disk::folder::io_errors::is_damage;
use self::disk::folder::{Folder, key_pair};
use self::disk::{multipart, recovery};
use self::s3_api::{Adapter, S3Server};
use super::signer::Signer;
use super::{Error, KeyPair, StorageContext};

pub use self::disk::folder::directories::check_writable;
pub use self::disk::inspection::{Inspection, ObjectFile, ObjectFiles};
pub use self::endpoint::Endpoint;
pub use self::s3_api::TenantLookup;

/// The embedded storage, as this process itself uses it.
#[derive(Debug)]
pub struct Embedded {
    folder: Arc<Folder>,
    clock: Arc<FolderClock>,
    signer: Signer,
    credentials: rusty_s3::Credentials,
    public_url: Url,
    origins: Vec<String>,
    /// The key pair is in the folder and not in the settings.
    stores_key_pair: bool,
}

/// Opens `folder`, creating it if it is missing. Without a key pair in the settings it generates one.
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
        tenants,
    } = context;
    if !s3s::path::check_bucket_name(bucket) {
        return Err(unavailable(format!("'{bucket}' is not a bucket name")));
    }
    let (path, clock) = (folder.to_owned(), Arc::clone(clock));
    let disk_entropy = Arc::clone(entropy);
    let (folder, clock) = blocking(move || recovery::open(&path, disk_entropy, clock)).await?;
    tokio::spawn(clock::save_periodically(Arc::downgrade(&clock)));
    delete_orphaned_parts(&folder);
    let key_pair = load_key_pair(embedded_key_pair.as_ref(), &folder).await?;
    let signer = Signer::new(
        public_url.clone(),
        bucket.to_owned(),
        String::new(),
        region.to_owned(),
    )
    .map_err(unavailable)?;
    let secret = key_pair.secret_access_key.expose_secret();
    let credentials = rusty_s3::Credentials::new(&key_pair.access_key_id, secret);
    let adapter = Adapter {
        folder: Arc::clone(&folder),
        clock: Arc::clone(&clock),
        tenants: tenants.clone(),
    };
    let entropy = Arc::clone(entropy);
    let server = S3Server::new(adapter, key_pair, region, bucket, *transfer_limits, entropy);
    let endpoint = Endpoint::new(server, bucket, embedded_origins)
        .map_err(|_| unavailable("an allowed origin is not valid in a header"))?;
    let embedded = Embedded {
        folder,
        clock,
        signer,
        credentials,
        public_url: public_url.clone(),
        origins: embedded_origins.clone(),
        stores_key_pair: embedded_key_pair.is_none(),
    };
    Ok((embedded, endpoint))
}

/// Deletes orphaned parts in the background: this may take long.
fn delete_orphaned_parts(folder: &Arc<Folder>) {
    let folder = Arc::clone(folder);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = multipart::cleanup::delete_orphaned_parts(&folder) {
            tracing::warn!(%error, "cannot delete the parts of deleted objects");
        }
    });
}

async fn load_key_pair(
    configured: Option<&KeyPair>,
    folder: &Arc<Folder>,
) -> Result<KeyPair, Error> {
    if let Some(configured) = configured {
        if !key_pair::is_usable(configured) {
            let cause = "an access key id and its secret are printable characters without spaces, \
                         and the id has no '/'";
            return Err(Error::Credentials(cause.into()));
        }
        return Ok(configured.clone());
    }
    let folder = Arc::clone(folder);
    let loaded = tokio::task::spawn_blocking(move || key_pair::load_or_create(&folder)).await;
    loaded
        .unwrap_or_else(|panic| Err(io::Error::other(panic)))
        .map_err(|error| Error::Credentials(error.into()))
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

fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Unavailable(cause.into())
}
