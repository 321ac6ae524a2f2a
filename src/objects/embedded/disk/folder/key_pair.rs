//! The key pair that signs and verifies the URLs of this endpoint.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::Folder;
use super::io_errors::{if_found, with_path};
use crate::domain::{Entropy, Finding};
use crate::objects::KeyPair;

/// Holds the generated key pair, in the storage folder.
const FILE: &str = "key-pair.json";
/// Far above the size that is written: anything larger is not a key file.
const MAX_FILE_BYTES: u64 = 4096;
/// The permission bits with which other users could read or change the file.
const OTHERS: u32 = 0o077;

/// The key file's content. No `Debug`: it holds the secret.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    access_key_id: String,
    secret_access_key: String,
}

/// Returns the key pair in `folder`; generates it first if it is missing. Two processes that do so at once
/// get the same one. Blocks.
pub(crate) fn load_or_create(folder: &Folder) -> io::Result<KeyPair> {
    let path = path(folder.path());
    if let Some(key_pair) = load(&path)? {
        return Ok(key_pair);
    }
    let generated =
        serde_json::to_vec_pretty(&random(folder.entropy())).map_err(io::Error::other)?;
    folder.create_file(FILE, &generated)?;
    // Read it back: another process may have been first.
    load(&path)?
        .ok_or_else(|| with_path("cannot find key file", &path, &ErrorKind::NotFound.into()))
}

/// Reports whether the key file of `folder` exists and is private. Blocks.
pub(crate) fn check(folder: &Path) -> Finding {
    let path = path(folder);
    let shown = path.display();
    match fs::metadata(&path) {
        Err(error) => Finding::wrong(
            "credentials",
            format!("cannot read key file '{shown}': {error}"),
            "let this user read it, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
        Ok(metadata) if metadata.permissions().mode() & OTHERS != 0 => Finding::warning(
            "credentials",
            format!("key file '{shown}' can be read by other users"),
            format!("chmod 600 '{shown}'"),
        ),
        Ok(_) => Finding::good("credentials", format!("key pair from '{shown}'")),
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

fn load(path: &Path) -> io::Result<Option<KeyPair>> {
    let failed = |error: io::Error| with_path("cannot read key file", path, &error);
    let Some(file) = if_found(fs::File::open(path)).map_err(failed)? else {
        return Ok(None);
    };
    let mut text = String::new();
    file.take(MAX_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(failed)?;
    // Without serde's message: it may quote the secret.
    let content: Content = serde_json::from_str(&text).map_err(|_| damaged(path))?;
    let Content {
        access_key_id,
        secret_access_key,
    } = content;
    let key_pair = KeyPair {
        access_key_id,
        secret_access_key: SecretString::from(secret_access_key),
    };
    if !is_usable(&key_pair) {
        return Err(damaged(path));
    }
    Ok(Some(key_pair))
}

/// Returns true if the pair can sign: a `/` ends the id in what is signed.
pub(crate) fn is_usable(key_pair: &KeyPair) -> bool {
    let KeyPair {
        access_key_id,
        secret_access_key,
    } = key_pair;
    let valid = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    valid(access_key_id) && !access_key_id.contains('/') && valid(secret_access_key.expose_secret())
}

fn damaged(path: &Path) -> io::Error {
    let message = format!(
        "key file '{}' is damaged: it must be JSON with 'access_key_id' and 'secret_access_key'; \
         restore it, or remove it to make a new pair",
        path.display()
    );
    io::Error::new(ErrorKind::InvalidData, message)
}

/// Generates an id of 80 random bits, in AWS's 20 characters, and a secret of 256 bits.
fn random(entropy: &dyn Entropy) -> Content {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut id = [0; 16];
    entropy.fill(&mut id);
    let id = id.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    let mut secret = [0; 32];
    entropy.fill(&mut secret);
    Content {
        access_key_id: format!("EHAK{}", String::from_iter(id)),
        secret_access_key: hex::encode(secret),
    }
}
