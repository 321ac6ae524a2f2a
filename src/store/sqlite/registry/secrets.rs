//! The secrets of tenants, in `registry.db`.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::domain::{ClientId, PreviousSecret, TenantSecrets};
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::disk::error_mapping::{blocking, damaged_row};
use crate::store::{Error, SecretStore};

#[async_trait]
impl SecretStore for Sqlite {
    async fn find_secrets(&self, ids: &[ClientId]) -> Result<Vec<TenantSecrets>, Error> {
        let (registry, ids) = (Arc::clone(&self.0.registry), ids.to_vec());
        blocking(move || registry.file.with(|it| find(it, &ids))).await
    }

    async fn replace_secrets(&self, secrets: &TenantSecrets) -> Result<(), Error> {
        let (registry, secrets) = (Arc::clone(&self.0.registry), secrets.clone());
        blocking(move || registry.file.change(|it| replace(it, &secrets))).await
    }
}

/// Returns the secrets of those of these tenants that are ready.
pub(crate) fn find(
    connection: &Connection,
    ids: &[ClientId],
) -> rusqlite::Result<Vec<TenantSecrets>> {
    let mut statement = connection.prepare(
        "SELECT client_id, coalesce(sha256, client_secret_sha256), previous_sha256, previous_valid_until_us, \
                rotated_at_us \
         FROM tenants LEFT JOIN secrets USING (client_id) WHERE client_id = ? AND state = 'ready'",
    )?;
    let mut found = Vec::new();
    for id in ids {
        found.extend(statement.query_row([id.uuid()], from_row).optional()?);
    }
    Ok(found)
}

/// Removes the secrets of tenants that are gone.
pub(super) fn forget(connection: &Connection) -> rusqlite::Result<usize> {
    let sql = "DELETE FROM secrets WHERE client_id NOT IN (SELECT client_id FROM tenants)";
    connection.execute(sql, [])
}

fn replace(connection: &Connection, secrets: &TenantSecrets) -> rusqlite::Result<()> {
    let TenantSecrets {
        client_id,
        current_sha256,
        previous,
        rotated_at,
    } = secrets;
    let sql = "INSERT INTO secrets (client_id, sha256, previous_sha256, previous_valid_until_us, rotated_at_us) \
               VALUES (?, ?, ?, ?, ?) \
               ON CONFLICT (client_id) DO UPDATE SET sha256 = excluded.sha256, \
                 previous_sha256 = excluded.previous_sha256, \
                 previous_valid_until_us = excluded.previous_valid_until_us, rotated_at_us = excluded.rotated_at_us \
               WHERE excluded.rotated_at_us > secrets.rotated_at_us";
    let values = params![
        client_id.uuid(),
        current_sha256,
        previous.as_ref().map(|it| it.sha256),
        previous.as_ref().map(|it| it.valid_until.as_microsecond()),
        rotated_at.unwrap_or(Timestamp::UNIX_EPOCH).as_microsecond(),
    ];
    connection.execute(sql, values).map(drop)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<TenantSecrets> {
    let sha256: Option<[u8; 32]> = row.get(2)?;
    let valid_until = time(row, 3)?;
    Ok(TenantSecrets {
        client_id: ClientId::from_uuid(row.get(0)?),
        current_sha256: row.get(1)?,
        previous: sha256
            .zip(valid_until)
            .map(|(sha256, valid_until)| PreviousSecret {
                sha256,
                valid_until,
            }),
        rotated_at: time(row, 4)?,
    })
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let micros: Option<i64> = row.get(column)?;
    let time = micros.map(Timestamp::from_microsecond).transpose();
    time.map_err(|error| damaged_row("the secret of a tenant", error.to_string()))
}
