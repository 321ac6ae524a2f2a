//! What was redacted leaves the disk, of pooled and of dedicated tenants.

use std::time::Duration;

use event_history::domain::{Event, Placement, Query, Tenant};
use event_history::store::{Appended, Created, Store};

use super::{POOL, Place};
use crate::conformance::store::redaction::redacted;
use crate::samples::{Random, data, tenant};
use crate::support::{files_with, wait_for};

const SECRET: &str = "Xylographie";

/// A round of the erasure comes every 10 s, and ClickHouse removes the old parts after that.
const ERASED_WITHIN: Duration = Duration::from_mins(1);

/// The columns in which the secret is, written as they are: what is compressed cannot be searched.
const PLAIN: [&str; 3] = [
    "event_data String",
    "words Array(String)",
    "source_name String",
];

impl Place {
    async fn write_plainly(&self, table: &str) {
        for column in PLAIN {
            self.sql(&format!(
                "ALTER TABLE {table} MODIFY COLUMN {column} CODEC(NONE)"
            ))
            .await;
        }
        self.sql(&format!(
            "ALTER TABLE {table} MODIFY SETTING old_parts_lifetime = 1"
        ))
        .await;
    }

    fn has_secret(&self) -> bool {
        let words = [SECRET, &SECRET.to_lowercase()];
        !files_with(self.engine.folder(), &words).is_empty()
    }

    async fn visible_rows(&self, table: &str, event: &Event) -> String {
        let id = event.id;
        self.sql(&format!(
            "SELECT count() FROM {table} WHERE event_id = '{id}'"
        ))
        .await
    }
}

async fn fill(store: &dyn Store, tenant: &Tenant, random: &mut Random) -> Event {
    let event = Event {
        data: data(&format!("[{{\"new\":\"my {SECRET}\"}},\"left\"]")),
        source_name: SECRET.to_owned(),
        ..random.event()
    };
    let mut events: Vec<Event> = (0..50).map(|_| random.event()).collect();
    events.push(event.clone());
    for batch in events.chunks(20) {
        store.append(tenant, batch.to_vec()).await.unwrap();
    }
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_redacted_leaves_the_disk_of_clickhouse() {
    let place = Place::with_options("?erase_after=1s");
    let store = place.replica().await;
    let mut random = Random::seeded(81);
    let mut events = Vec::new();
    for placement in [Placement::Pooled, Placement::Dedicated] {
        let tenant = tenant(if placement == Placement::Pooled {
            "pooled"
        } else {
            "own"
        });
        let created = store.create_placed_tenant(tenant.clone(), Some(placement));
        assert_eq!(created.await.unwrap(), Created::New);
        let table = match placement {
            Placement::Pooled => POOL.to_owned(),
            Placement::Dedicated => format!("own.events_{}", tenant.client_id.uuid().simple()),
        };
        place.write_plainly(&table).await;
        let event = fill(&*store, &tenant, &mut random).await;
        events.push((tenant, table, event));
    }
    assert!(place.has_secret(), "the search can find it");
    for (tenant, table, event) in &events {
        let members = ["/event_data/0", "/source_name"];
        let now = redacted(&*store, tenant, event.id, &members).await;
        assert_eq!(now.data.as_str(), "[null,\"left\"]");
        assert_eq!(place.visible_rows(table, event).await, "1\n");
        // As an INSERT does that was under way meanwhile.
        let client = tenant.client_id;
        place.sql(&format!(
            "INSERT INTO {table} (client_id, event_id, time_us, event_data) SETTINGS async_insert = 0 \
             SELECT '{client}', '{}', {}, '[\"late {SECRET}\"]'",
            event.id,
            event.time.micros()
        ))
        .await;
        assert_eq!(place.visible_rows(table, event).await, "2\n");
        let found = store.event(tenant, event.id).await.unwrap();
        assert_eq!(found, Some(now), "the redacted row counts");
    }
    wait_for("the erasure", ERASED_WITHIN, async || {
        (!place.has_secret()).then_some(())
    })
    .await;
    for (tenant, table, event) in &events {
        assert_eq!(place.visible_rows(table, event).await, "1\n");
        let answers = store.append(tenant, vec![event.clone()]).await.unwrap();
        assert_eq!(answers, [Appended::AlreadyThere]);
        let page = store.events(tenant, &Query::default()).await.unwrap();
        assert_eq!(page.counts.unwrap().total, 51);
    }
    assert!(!place.has_secret());
    store.close().await.unwrap();
}
