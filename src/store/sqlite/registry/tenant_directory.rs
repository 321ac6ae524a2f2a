//! Lists of tenants, and their labels, in `registry.db`.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::{ClientId, DatabaseName, FileTotals, Tenant, TenantPage, TenantQuery};
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::disk::error_mapping::blocking;
use crate::store::sqlite::tables::file_references;
use crate::store::sqlite::tables::tenant_rows::{COLUMNS, tenant_from_row};
use crate::store::{Error, TenantDirectory};

#[async_trait]
impl TenantDirectory for Sqlite {
    async fn tenant_page(&self, query: &TenantQuery) -> Result<TenantPage, Error> {
        let (registry, query) = (Arc::clone(&self.0.registry), query.clone());
        blocking(move || registry.file.with(|it| page(it, &query))).await
    }

    async fn tenant_entry(&self, id: ClientId) -> Result<Option<Tenant>, Error> {
        let registry = Arc::clone(&self.0.registry);
        blocking(move || registry.file.with(|it| entry(it, id))).await
    }

    /// The entries in memory keep the former label, which nobody reads there.
    async fn set_label(&self, id: ClientId, label: &str) -> Result<bool, Error> {
        let (registry, label) = (Arc::clone(&self.0.registry), label.to_owned());
        blocking(move || registry.file.change(|it| set_label(it, id, &label))).await
    }

    async fn file_totals(&self, tenant: &Tenant) -> Result<FileTotals, Error> {
        self.read(tenant, |it| file_references::totals(it)).await
    }
}

fn page(connection: &Connection, query: &TenantQuery) -> rusqlite::Result<TenantPage> {
    let TenantQuery { after, text, limit } = query;
    // `lower` knows ASCII letters alone.
    let sql = format!(
        "SELECT {COLUMNS} FROM tenants \
         WHERE state = 'ready' AND database_name > ?1 AND database_name != ?2 \
           AND (?3 IS NULL OR instr(lower(database_name), lower(?3)) > 0 OR instr(lower(client_label), lower(?3)) > 0 \
                OR client_id = ?4) \
         ORDER BY database_name LIMIT ?5"
    );
    let id = text.as_ref().and_then(|it| ClientId::parse(it).ok());
    let values = params![
        after.as_ref().map_or("", DatabaseName::as_str),
        DatabaseName::SYSTEM,
        text,
        id.map(|it| it.uuid()),
        limit.saturating_add(1),
    ];
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(values, tenant_from_row)?;
    let found = rows.collect::<Result<_, _>>()?;
    Ok(TenantPage::first(*limit, found))
}

fn entry(connection: &Connection, id: ClientId) -> rusqlite::Result<Option<Tenant>> {
    let sql = format!("SELECT {COLUMNS} FROM tenants WHERE client_id = ? AND state = 'ready'");
    let found = connection.query_row(&sql, [id.uuid()], tenant_from_row);
    found.optional()
}

fn set_label(connection: &Connection, id: ClientId, label: &str) -> rusqlite::Result<bool> {
    let sql = "UPDATE tenants SET client_label = ? WHERE client_id = ? AND state = 'ready'";
    Ok(connection.execute(sql, params![label, id.uuid()])? == 1)
}
