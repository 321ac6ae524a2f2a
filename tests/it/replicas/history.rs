//! Reading back what was written, by whichever replica, while rows are there twice or are merged.

use serde_json::Value;

use super::load::Load;
use crate::support::{ClickHouse, Server, Tenant};

/// Walks end in some pages even where a run has few events.
const SMALL_PAGE: usize = 50;
const LARGE_PAGE: usize = 1_000;

/// From here on pages are large.
const MANY_EVENTS: usize = 20_000;

/// The table of all tenants.
pub(super) const TABLE: &str = "_event_history.events";

/// Counts the rows of these tenants, an event that is there twice twice.
pub(super) async fn stored_rows(engine: &ClickHouse, tenants: &[Tenant]) -> usize {
    let mut rows = 0;
    for tenant in tenants {
        rows += count(engine, tenant).await;
    }
    rows
}

async fn count(engine: &ClickHouse, tenant: &Tenant) -> usize {
    let id = &tenant.client_id;
    let sql = format!("SELECT count() FROM {TABLE} WHERE client_id = '{id}'");
    let count = engine.query(&sql).await;
    count.trim().parse().expect("a number")
}

/// Merges all that there is to merge.
pub(super) async fn merge(engine: &ClickHouse) {
    engine.query(&format!("SYSTEM START MERGES {TABLE}")).await;
    engine.query(&format!("OPTIMIZE TABLE {TABLE} FINAL")).await;
}

/// Walks every tenant's history, and returns how many events there are.
pub(super) async fn assert_walks(load: &Load, server: &Server) -> usize {
    let mut found = 0;
    for tenant in 0..load.plan.tenants.len() {
        let mut walk = Walk::new(load, server, tenant);
        while walk.step().await {}
        walk.assert_whole();
        found += walk.found;
    }
    found
}

/// Walks on while rows that are there twice are merged into one: between two pages of the first tenant, or at any moment
/// of a walk of the others.
pub(super) async fn assert_walks_survive_merges(load: &Load, server: &Server, engine: &ClickHouse) {
    let tenants = &load.plan.tenants;
    let rows = count(engine, &tenants[0]).await;
    let mut walk = Walk::new(load, server, 0);
    let halfway = load.plan.count() / tenants.len() / 2;
    while walk.found < halfway {
        assert!(walk.step().await, "the history ends halfway");
    }
    let others = async {
        let mut walks = Vec::new();
        for number in 1..tenants.len() {
            let mut walk = Walk::new(load, server, number);
            while walk.step().await {}
            walks.push(walk);
        }
        walks
    };
    let (others, ()) = tokio::join!(others, merge(engine));
    let merged = count(engine, &tenants[0]).await;
    assert!(merged < rows, "nothing was there twice");
    while walk.step().await {}
    for walk in others.iter().chain([&walk]) {
        walk.assert_whole();
    }
}

/// Every replica counts just the events that are there: `count` of all tenants together.
pub(super) async fn assert_counts(load: &Load, count: usize) {
    for server in &load.servers {
        let mut total = 0;
        for tenant in &load.plan.tenants {
            let target = "/api/history/events?limit=1";
            let page = server.get_json(tenant, target).await;
            assert_eq!(page["filtered_count"], page["total_count"]);
            total += page["total_count"].as_u64().expect("a count");
        }
        assert_eq!(total, count as u64);
    }
}

/// A tenant's history, page by page by `next`.
struct Walk<'a> {
    load: &'a Load,
    server: &'a Server,
    tenant: usize,
    target: Option<String>,
    /// By place.
    is_found: Vec<bool>,
    found: usize,
    /// The place of the event that came last.
    last: Option<usize>,
}

impl<'a> Walk<'a> {
    fn new(load: &'a Load, server: &'a Server, tenant: usize) -> Self {
        let limit = if load.plan.count() < MANY_EVENTS {
            SMALL_PAGE
        } else {
            LARGE_PAGE
        };
        Self {
            load,
            server,
            tenant,
            target: Some(format!("/api/history/events?limit={limit}")),
            is_found: vec![false; load.plan.count()],
            found: 0,
            last: None,
        }
    }

    /// Reads a page, if there is one. Every event on it was sent for this tenant, is what was sent, and
    /// stands behind all that came before.
    async fn step(&mut self) -> bool {
        let Some(target) = self.target.take() else {
            return false;
        };
        let plan = &self.load.plan;
        let tenant = &plan.tenants[self.tenant];
        let page = self.server.get_json(tenant, &target).await;
        for event in page["results"].as_array().expect("results") {
            let place = plan.place_of(event);
            assert_eq!(plan.tenant_of(place), self.tenant, "{event} is another's");
            assert!(!self.is_found[place], "{event} is there twice");
            if let Some(last) = self.last {
                let (last, here) = (plan.position(last), plan.position(place));
                assert!(last > here, "{last:?} stands before {here:?}");
            }
            self.is_found[place] = true;
            self.found += 1;
            self.last = Some(place);
        }
        self.target = page["next"].as_str().map(ToOwned::to_owned);
        self.assert_counts(&page);
        true
    }

    /// The counts are never below what a walk has seen.
    fn assert_counts(&self, page: &Value) {
        let total = page["total_count"].as_u64().expect("a count");
        assert!(total >= self.found as u64, "{total} is too few");
    }

    /// Every acknowledged event was there.
    fn assert_whole(&self) {
        for (place, is_found) in self.is_found.iter().enumerate() {
            let is_own = self.load.plan.tenant_of(place) == self.tenant;
            let is_due = is_own && self.load.is_acknowledged(place);
            assert!(
                *is_found || !is_due,
                "event {place} was answered 201 and is gone"
            );
        }
    }
}
