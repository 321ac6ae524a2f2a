//! The text of cursors: bytes with a format, a tenant and a checksum, in letters that fit a URL.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{CursorProblem, Epoch};
use crate::domain::{ClientId, EventId};

/// The bytes of a client id that a cursor holds: enough to tell a cursor of another tenant.
const TENANT_BYTES: usize = 4;

/// The bytes of the checksum that distinguish a cursor from a text that was cut or mistyped.
const SUM_BYTES: usize = 4;

/// Returns the text of bytes that begin with their format.
pub(super) fn encode(mut bytes: Vec<u8>) -> String {
    let sum = checksum(&bytes);
    bytes.extend(sum);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the bytes behind the format of a text that [`encode`] returned.
pub(super) fn decode(text: &str, format: u8) -> Result<Vec<u8>, CursorProblem> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let bytes = bytes.ok_or(CursorProblem::Malformed)?;
    let content = bytes.split_last_chunk::<SUM_BYTES>();
    let content = content.and_then(|(content, sum)| (checksum(content) == *sum).then_some(content));
    match content.and_then(<[u8]>::split_first) {
        Some((found, rest)) if *found == format => Ok(rest.to_vec()),
        Some(_) => Err(CursorProblem::OtherEndpoint),
        None => Err(CursorProblem::Malformed),
    }
}

/// Whose history a cursor is of, and in which life of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    tenant: [u8; TENANT_BYTES],
    epoch: Epoch,
}

impl Origin {
    pub(super) fn new(tenant: ClientId, epoch: Epoch) -> Self {
        let [a, b, c, d, ..] = tenant.uuid().into_bytes();
        Self {
            tenant: [a, b, c, d],
            epoch,
        }
    }

    /// Refuses a cursor of this origin where another one is wanted.
    pub(super) fn require(self, wanted: Self) -> Result<(), CursorProblem> {
        if self.tenant != wanted.tenant {
            return Err(CursorProblem::OtherTenant);
        }
        if self.epoch != wanted.epoch {
            return Err(CursorProblem::Restored);
        }
        Ok(())
    }

    pub(super) fn append_to(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.tenant);
        bytes.extend(self.epoch.0.to_be_bytes());
    }

    pub(super) fn take(rest: &mut &[u8]) -> Option<Self> {
        Some(Self {
            tenant: *take(rest)?,
            epoch: Epoch(number(rest)?),
        })
    }
}

fn checksum(content: &[u8]) -> [u8; SUM_BYTES] {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(content).into();
    [a, b, c, d]
}

/// Takes the first bytes of `rest`.
pub(super) fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(taken)
}

pub(super) fn number(rest: &mut &[u8]) -> Option<i64> {
    take(rest).copied().map(i64::from_be_bytes)
}

pub(super) fn event_id(rest: &mut &[u8]) -> Option<EventId> {
    let bytes = take(rest).copied()?;
    Some(EventId::from_uuid(Uuid::from_bytes(bytes)))
}
