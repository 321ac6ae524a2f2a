//! Lists of tenants, and their labels.

use clickhouse::query::Query;

use super::{EntriesTable, Entry, StoredRow};
use crate::domain::{ClientId, DatabaseName, Tenant, TenantPage, TenantQuery};
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::registry::Registry;
use crate::store::clickhouse::registry::revision::State;

/// `lower` knows ASCII letters alone.
const HAS_TEXT: &str = " AND (position(lower(database_name), lower({text:String})) > 0 \
     OR position(lower(client_label), lower({text:String})) > 0 OR toString(client_id) = {id:String})";

impl Registry {
    pub(in crate::store::clickhouse) async fn tenant_page(
        &self,
        query: &TenantQuery,
    ) -> Result<TenantPage, Failure> {
        self.entries.page(query).await
    }

    pub(in crate::store::clickhouse) async fn ready_tenant(
        &self,
        id: ClientId,
    ) -> Result<Option<Tenant>, Failure> {
        Ok(self.ready_entry(id).await?.map(|it| it.tenant))
    }

    async fn ready_entry(&self, id: ClientId) -> Result<Option<Entry>, Failure> {
        let entry = self.entries.by_client_id(id).await?;
        Ok(entry.filter(|it| it.state() == State::Ready))
    }

    pub(in crate::store::clickhouse) async fn set_label(
        &self,
        id: ClientId,
        label: &str,
    ) -> Result<bool, Failure> {
        let Some(entry) = self.ready_entry(id).await? else {
            return Ok(false);
        };
        self.entries.write_label(&entry, label).await?;
        self.cache.remove(id);
        Ok(true)
    }
}

impl EntriesTable {
    async fn page(&self, query: &TenantQuery) -> Result<TenantPage, Failure> {
        let TenantQuery { after, text, limit } = query;
        let after = after.as_ref().map_or("", DatabaseName::as_str);
        let condition = format!(
            "revision % 8 = 1 AND database_name > {{after:String}} AND database_name != '{}'{} \
             ORDER BY database_name LIMIT {{limit:UInt64}}",
            DatabaseName::SYSTEM,
            text.as_ref().map(|_| HAS_TEXT).unwrap_or_default()
        );
        let id = text.as_ref().and_then(|it| ClientId::parse(it).ok());
        let id = id.map(|it| it.to_string()).unwrap_or_default();
        let bind = |statement: Query| {
            let statement = statement
                .param("after", after)
                .param("limit", limit.saturating_add(1));
            match text {
                Some(text) => statement.param("text", text).param("id", &id),
                None => statement,
            }
        };
        let rows: Vec<Vec<StoredRow>> = self.rows("tenants", &condition, bind).await?;
        // A replica that lags may list what others have deleted, and end early for that: what is behind the end of any is
        // left for the next page.
        let ends = rows
            .iter()
            .filter(|it| it.len() > usize::try_from(*limit).unwrap_or(usize::MAX));
        let ends = ends.filter_map(|it| it.last().map(|row| row.database_name.clone()));
        let end = ends.min();
        let mut tenants: Vec<Tenant> = self
            .latest_of("tenants", rows)
            .await?
            .into_iter()
            .filter(|it| it.state() == State::Ready)
            .map(|it| it.tenant)
            .collect();
        if let Some(end) = &end {
            tenants.retain(|it| it.database_name.as_str() <= end.as_str());
        }
        let mut page = TenantPage::first(*limit, tenants);
        if page.next.is_none() {
            page.next = end.and_then(|it| DatabaseName::parse(&it).ok());
        }
        Ok(page)
    }
}
