//! The keys that were made while the service ran, in `registry.db`.

use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Registry;
use crate::domain::{ClientId, KeyId, ListedKey, Scopes, StoredKey};
use crate::store::keys::sort_keys;
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::disk::error_mapping::{blocking, damaged_row};
use crate::store::{Error, KeyStore};

/// The columns of a key, in the order of [`ListedKey`].
const COLUMNS: &str = "id, sha256, name, scopes, client_id, created_at, expires_at, last_used_at";

impl Sqlite {
    async fn with_registry<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Registry) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let registry = Arc::clone(&self.0.registry);
        blocking(move || work(&registry)).await
    }
}

#[async_trait]
impl KeyStore for Sqlite {
    async fn create_key(&self, key: &StoredKey) -> Result<(), Error> {
        let key = key.clone();
        self.with_registry(move |it| it.file.change(|connection| insert(connection, &key)))
            .await
    }

    async fn find_keys(&self, ids: &[KeyId]) -> Result<Vec<StoredKey>, Error> {
        let ids = ids.to_vec();
        self.with_registry(move |it| it.file.with(|connection| find(connection, &ids)))
            .await
    }

    async fn keys(&self) -> Result<Vec<ListedKey>, Error> {
        let mut keys = self.with_registry(|it| it.file.with(load)).await?;
        sort_keys(&mut keys);
        Ok(keys)
    }

    async fn revoke_key(&self, id: KeyId) -> Result<bool, Error> {
        let sql = "DELETE FROM keys WHERE id = ?";
        let delete = move |connection: &Connection| connection.execute(sql, [id.uuid()]);
        let deleted = self.with_registry(move |it| it.file.change(delete)).await?;
        Ok(deleted > 0)
    }

    async fn record_key_uses(&self, uses: &[(KeyId, Timestamp)]) -> Result<(), Error> {
        let uses = uses.to_vec();
        self.with_registry(move |it| it.file.change(|connection| record_uses(connection, &uses)))
            .await
    }
}

fn insert(connection: &Connection, key: &StoredKey) -> rusqlite::Result<()> {
    let StoredKey {
        id,
        sha256,
        name,
        scopes,
        client_id,
        created_at,
        expires_at,
    } = key;
    let sql = format!("INSERT INTO keys ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, NULL)");
    let values = params![
        id.uuid(),
        sha256,
        name,
        scopes.bits(),
        client_id.map(|it| it.uuid()),
        created_at.to_string(),
        expires_at.map(|it| it.to_string()),
    ];
    connection.execute(&sql, values).map(drop)
}

fn find(connection: &Connection, ids: &[KeyId]) -> rusqlite::Result<Vec<StoredKey>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM keys WHERE id = ?"))?;
    let mut found = Vec::new();
    for id in ids {
        let key = statement.query_row([id.uuid()], from_row).optional()?;
        found.extend(key.map(|it| it.key));
    }
    Ok(found)
}

fn load(connection: &Connection) -> rusqlite::Result<Vec<ListedKey>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM keys"))?;
    statement.query_map([], from_row)?.collect()
}

fn record_uses(connection: &Connection, uses: &[(KeyId, Timestamp)]) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    {
        let mut read = transaction.prepare_cached("SELECT last_used_at FROM keys WHERE id = ?")?;
        let mut write =
            transaction.prepare_cached("UPDATE keys SET last_used_at = ? WHERE id = ?")?;
        for (id, used_at) in uses {
            let known = read.query_row([id.uuid()], |row| time(row, 0)).optional()?;
            if known.flatten().is_none_or(|known| known < *used_at) {
                write.execute(params![used_at.to_string(), id.uuid()])?;
            }
        }
    }
    transaction.commit()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<ListedKey> {
    let id = KeyId::from_uuid(row.get(0)?);
    let damaged = |problem: &str| damaged_row(format!("key {id}"), problem);
    let scopes = Scopes::from_bits(row.get(3)?);
    let key = StoredKey {
        id,
        sha256: row.get(1)?,
        name: row.get(2)?,
        scopes: scopes.ok_or_else(|| damaged("has other scopes"))?,
        client_id: row.get::<_, Option<_>>(4)?.map(ClientId::from_uuid),
        created_at: time(row, 5)?.ok_or_else(|| damaged("has no time"))?,
        expires_at: time(row, 6)?,
    };
    Ok(ListedKey {
        key,
        last_used_at: time(row, 7)?,
    })
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let text: Option<String> = row.get(column)?;
    let time = text.map(|text| Timestamp::from_str(&text)).transpose();
    time.map_err(|error| damaged_row("a key", error.to_string()))
}
