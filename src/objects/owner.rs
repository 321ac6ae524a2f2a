//! The owner of a storage's files: the database whose events reference them. To any other database, all of these files
//! would look like orphans.

use uuid::Uuid;

use super::{Error, Objects};

/// Fails with [`Error::Refused`] if the files belong to another database. Files without an owner are claimed for
/// `database` if `claims` is set.
pub async fn require_owner(
    objects: &dyn Objects,
    database: Uuid,
    claims: bool,
) -> Result<(), Error> {
    let mut owner = objects.owner().await?;
    if owner.is_none() && claims {
        objects.set_owner(database).await?;
        // Another process may have been faster.
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

/// Returns the content of the owner object.
pub(super) fn content(database: Uuid) -> String {
    format!("{database}\n")
}

/// Parses the content of the owner object.
pub(super) fn parse(content: &[u8]) -> Result<Uuid, Error> {
    let text = std::str::from_utf8(content).ok();
    let id = text.and_then(|text| Uuid::parse_str(text.trim()).ok());
    let damaged = "'owner' in the folder of the files, or '.event-history/owner' in the bucket, is damaged: \
                   it names no database. Remove it if these files belong to this one";
    id.ok_or_else(|| Error::Refused(damaged.to_owned()))
}
