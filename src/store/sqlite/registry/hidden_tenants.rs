//! Hidden tenants, in `registry.db`: those that were deleted and can be restored.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::registry_file::Withdrawal;
use super::{Registry, entry_gone};
use crate::domain::{ClientId, DatabaseName, HiddenTenant, Tenant};
use crate::store::Error;
use crate::store::sqlite::disk::error_mapping::damaged_row;
use crate::store::sqlite::pool::TenantHandle;
use crate::store::sqlite::tables::tenant_rows::{COLUMNS, tenant_from_row};

/// Hidden, or being deleted after that. (Of other deletions the column is null.)
const IS_HIDDEN: &str =
    "(state = 'hidden' OR state = 'deleting' AND restorable_until_us IS NOT NULL)";

/// Of a hidden tenant: nobody can restore it any more, by the clock of the store.
const IS_DUE: &str = "restorable_until_us <= CAST(unixepoch('subsec') * 1000000 AS INTEGER)";

impl Registry {
    /// Hides the entry from lookups. Returns `None` if the tenant has no entry that lookups find. After an error the entry
    /// is what it was.
    pub(in crate::store::sqlite) fn hide(
        &self,
        tenant: &Tenant,
        until: Timestamp,
        with_files: bool,
    ) -> Result<Option<Arc<TenantHandle>>, Error> {
        let id = tenant.client_id;
        if self.by_client_id(id)?.is_none() {
            return Ok(None);
        }
        let sql = "UPDATE tenants SET state = 'hidden', restorable_until_us = ?, hidden_with_files = ? \
                   WHERE client_id = ? AND state = 'ready'";
        let hidden = self
            .file
            .change(|it| it.execute(sql, params![until.as_microsecond(), with_files, id.uuid()]));
        let hidden = hidden.inspect_err(|_| self.file.withdraw(tenant, Withdrawal::Ready))?;
        if hidden == 0 {
            return Err(entry_gone(tenant));
        }
        Ok(self.write_ready().take(id))
    }

    /// Makes a hidden entry one that lookups find. Returns false if it is not hidden, or can no longer be restored. After an
    /// error it stays hidden. The caller holds the lock of the name.
    pub(in crate::store::sqlite) fn restore(&self, tenant: &Tenant) -> Result<bool, Error> {
        let sql = format!(
            "UPDATE tenants SET state = 'ready' \
             WHERE client_id = ? AND state = 'hidden' AND NOT {IS_DUE}"
        );
        let is_restored = self.change_hidden(tenant, &sql)?;
        if is_restored {
            self.write_ready().insert(tenant.clone());
        }
        Ok(is_restored)
    }

    /// Begins to delete a hidden tenant for good, or once more if that was not finished. Returns false if it is not hidden, or
    /// can be restored. After an error it stays hidden. The caller holds the lock of the name.
    pub(in crate::store::sqlite) fn begin_hidden_deletion(
        &self,
        tenant: &Tenant,
    ) -> Result<bool, Error> {
        let sql = format!(
            "UPDATE tenants SET state = 'deleting' \
             WHERE client_id = ? AND state IN ('hidden', 'deleting') AND {IS_DUE}"
        );
        let is_due = self.change_hidden(tenant, &sql)?;
        if is_due {
            let tenant = Arc::new(tenant.clone());
            self.write_ready().deleting.insert(tenant.client_id, tenant);
        }
        Ok(is_due)
    }

    fn change_hidden(&self, tenant: &Tenant, sql: &str) -> Result<bool, Error> {
        let id = tenant.client_id.uuid();
        let changed = self.file.change(|it| it.execute(sql, [id]));
        let changed = changed.inspect_err(|_| self.file.withdraw(tenant, Withdrawal::Hidden))?;
        Ok(changed == 1)
    }

    /// Returns the hidden tenants, by name.
    pub(in crate::store::sqlite) fn hidden(&self) -> Result<Vec<HiddenTenant>, Error> {
        self.file.with(all)
    }

    pub(in crate::store::sqlite) fn hidden_tenant(
        &self,
        id: ClientId,
    ) -> Result<Option<HiddenTenant>, Error> {
        self.file.with(|it| find(it, id))
    }

    /// Tells whether there is an entry with this name, whatever its state.
    pub(in crate::store::sqlite) fn is_taken(&self, name: &DatabaseName) -> Result<bool, Error> {
        Ok(self.state(name)?.is_some())
    }
}

fn select(condition: &str) -> String {
    format!(
        "SELECT {COLUMNS}, restorable_until_us, hidden_with_files, {IS_DUE} OR state = 'deleting' \
         FROM tenants WHERE {IS_HIDDEN} {condition}"
    )
}

fn all(connection: &Connection) -> rusqlite::Result<Vec<HiddenTenant>> {
    let mut statement = connection.prepare(&select("ORDER BY database_name"))?;
    statement.query_map([], from_row)?.collect()
}

fn find(connection: &Connection, id: ClientId) -> rusqlite::Result<Option<HiddenTenant>> {
    let sql = select("AND client_id = ?");
    connection.query_row(&sql, [id.uuid()], from_row).optional()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<HiddenTenant> {
    let until = Timestamp::from_microsecond(row.get(5)?);
    Ok(HiddenTenant {
        tenant: tenant_from_row(row)?,
        restorable_until: until
            .map_err(|error| damaged_row("the entry of a tenant", error.to_string()))?,
        with_files: row.get(6)?,
        is_due: row.get(7)?,
    })
}
