//! Whose files they are. A database knows which files its events reference; those of another look to it
//! like nobody's.

use uuid::Uuid;

use super::{Error, Objects};

/// Returns if these files are those of `database`; [`Error::Refused`] if they are another's. Files of which
/// nobody has said whose they are become its own where it `claims` them.
pub async fn require_owner(
    objects: &dyn Objects,
    database: Uuid,
    claims: bool,
) -> Result<(), Error> {
    let mut owner = objects.owner().await?;
    if owner.is_none() && claims {
        objects.set_owner(database).await?;
        // Another may have been faster.
        owner = objects.owner().await?;
    }
    match owner {
        Some(owner) if owner != database => Err(Error::Refused(format!(
            "these files belong to the database with the id {owner}, and this one has the id {database}: \
             to hand them over, remove what says so ('owner' in the folder, or '.event-history/owner' in \
             the bucket)"
        ))),
        _ => Ok(()),
    }
}

/// Returns what is written to say so.
pub(super) fn content(database: Uuid) -> String {
    format!("{database}\n")
}

/// Reads what [`content`] has written.
pub(super) fn parse(content: &[u8]) -> Result<Uuid, Error> {
    let text = std::str::from_utf8(content).ok();
    let id = text.and_then(|text| Uuid::parse_str(text.trim()).ok());
    let damaged = "'owner' in the folder of the files, or '.event-history/owner' in the bucket, is damaged: \
                   it names no database. Remove it if these files belong to this one";
    id.ok_or_else(|| Error::Refused(damaged.to_owned()))
}
