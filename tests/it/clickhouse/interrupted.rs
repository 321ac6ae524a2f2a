//! Creations and deletions of tenants that are interrupted after any of their steps.

use event_history::domain::Tenant;
use event_history::store::{Created, Store};

use super::{POOL, Place, assert_is_gone, assert_nothing_is_left, assert_works, created, table};
use crate::samples::{history, tenant};

impl Place {
    /// Resets the entry of a tenant to an earlier step.
    async fn rewind(&self, tenant: &Tenant, cut: Cut) {
        let id = tenant.client_id;
        self.sql(&format!(
            "ALTER TABLE default.tenants DELETE WHERE client_id = '{id}' SETTINGS mutations_sync = 2"
        ))
        .await;
        let age_s = if cut.is_recent { 0 } else { 3600 };
        let (name, created_at) = (&tenant.database_name, tenant.created_at.as_nanosecond());
        let (revision, placement) = (cut.revision, self.placement());
        self.sql(&format!(
            "INSERT INTO default.tenants (client_id, revision, database_name, placement, client_label, \
             client_secret_sha256, created_at, written_at) \
             SETTINGS async_insert = 0 SELECT '{id}', {revision}, '{name}', \
             '{placement}', 'label', repeat('7', 32), fromUnixTimestamp64Nano({created_at}, 'UTC'), \
             now() - {age_s}"
        ))
        .await;
    }

    fn placement(&self) -> &'static str {
        if self.options.contains("dedicated") {
            "dedicated"
        } else {
            "pooled"
        }
    }

    /// Counts a tenant's rows in the table of all tenants.
    async fn rows(&self, tenant: &Tenant) -> String {
        let id = tenant.client_id;
        self.sql(&format!(
            "SELECT count() FROM {POOL} WHERE client_id = '{id}'"
        ))
        .await
    }

    async fn revision(&self, tenant: &Tenant) -> String {
        let id = tenant.client_id;
        let sql = format!("SELECT max(revision) FROM default.tenants WHERE client_id = '{id}'");
        self.sql(&sql).await.trim_end().to_owned()
    }

    /// Creates a tenant, and then undoes the last steps.
    async fn interrupted(&self, store: &dyn Store, cut: Cut, tenant: Tenant) -> Tenant {
        assert_eq!(
            store.create_tenant(tenant.clone()).await.unwrap(),
            Created::New
        );
        store.append(&tenant, history(1, 2)).await.unwrap();
        let (name, table) = (&tenant.database_name, table(&tenant));
        for step in cut.undone {
            let sql = step.replace("$NAME", name.as_str());
            let sql = sql.replace("$TABLE", &table);
            let sql = sql.replace("$CLIENT", &tenant.client_id.to_string());
            let sql = sql.replace("$ID", &tenant.client_id.uuid().simple().to_string());
            self.sql(&sql).await;
        }
        self.rewind(&tenant, cut).await;
        tenant
    }
}

/// The step after which a creation or deletion was interrupted.
#[derive(Debug, Clone, Copy)]
struct Cut {
    step: &'static str,
    revision: u8,
    /// Statements that undo the later steps of a whole tenant.
    undone: &'static [&'static str],
    /// The entry was written just now, and not an hour ago.
    is_recent: bool,
}

const CREATING: u8 = 0;
const READY: &str = "1";
const DELETING: u8 = 3;

const WITHOUT_VIEW: &str = "DROP TABLE `$NAME`.events SYNC";
const WITHOUT_TABLES: &str = "DROP TABLE IF EXISTS `$NAME`.`$TABLE` SYNC";
const WITHOUT_TOMBSTONES: &str = "DROP TABLE IF EXISTS `$NAME`.`tombstones_$ID` SYNC";
const WITHOUT_DATABASE: &str = "DROP DATABASE `$NAME` SYNC";
const WITHOUT_ROWS: &str = "DELETE FROM _event_history.events WHERE client_id = '$CLIENT' SETTINGS \
     lightweight_delete_mode = 'lightweight_update', allow_experimental_lightweight_update = 1";

const fn cut(step: &'static str, revision: u8, undone: &'static [&'static str]) -> Cut {
    Cut {
        step,
        revision,
        undone,
        is_recent: false,
    }
}

/// Before the database, which decides whose the name is.
const UNCLAIMED: Cut = cut("entry", CREATING, &[WITHOUT_DATABASE]);
/// After it.
const CLAIMED: [Cut; 4] = [
    cut(
        "database",
        CREATING,
        &[WITHOUT_VIEW, WITHOUT_TOMBSTONES, WITHOUT_TABLES],
    ),
    cut("table", CREATING, &[WITHOUT_VIEW, WITHOUT_TOMBSTONES]),
    cut("tables", CREATING, &[WITHOUT_VIEW]),
    cut("view", CREATING, &[]),
];
const DELETIONS: [Cut; 4] = [
    cut("doomed", DELETING, &[]),
    cut(
        "moved",
        DELETING,
        &["RENAME DATABASE `$NAME` TO `_deleted_$ID`"],
    ),
    cut("dropped", DELETING, &[WITHOUT_DATABASE]),
    cut("emptied", DELETING, &[WITHOUT_DATABASE, WITHOUT_ROWS]),
];

/// Tells whether a creation that was interrupted there has lost the rows of a tenant that was whole: only the test
/// wrote them so early.
fn has_rows(place: &Place, cut: &Cut) -> u64 {
    let is_without_table = cut.undone.contains(&WITHOUT_TABLES);
    if is_without_table && place.placement() == "dedicated" {
        return 0;
    }
    2
}

async fn recovers_at_the_next_attempt(place: &Place) {
    let store = place.replica().await;
    for cut in [UNCLAIMED].iter().chain(&DELETIONS) {
        let old = tenant(cut.step);
        let old = place.interrupted(&*store, *cut, old).await;
        let new = created(&*store, cut.step).await;
        assert_works(&*store, &new, 0).await;
        assert_is_gone(&*store, &old).await;
        // Repeating the failed deletion finishes it, and harms no other tenant.
        store.delete_tenant(&old).await.unwrap();
        assert_works(&*place.replica().await, &new, 1).await;
    }
    // These were not acknowledged, and yet have the name: the next attempt finishes them.
    for cut in CLAIMED {
        let old = place.interrupted(&*store, cut, tenant(cut.step)).await;
        let again = store.create_tenant(tenant(cut.step)).await.unwrap();
        assert_eq!(again, Created::NameTaken);
        assert_works(&*store, &old, has_rows(place, &cut)).await;
    }
    assert_nothing_is_left(place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_creation_or_deletion_is_recovered_at_the_next_attempt() {
    recovers_at_the_next_attempt(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_creation_or_deletion_of_a_dedicated_tenant_is_recovered_at_the_next_attempt()
 {
    recovers_at_the_next_attempt(&Place::with_options("?placement=dedicated")).await;
}

async fn recovers_at_the_next_start(place: &Place) {
    let store = place.replica().await;
    let cuts: Vec<Cut> = [UNCLAIMED].into_iter().chain(DELETIONS).collect();
    let mut olds = Vec::new();
    for cut in &cuts {
        let old = tenant(cut.step);
        olds.push(place.interrupted(&*store, *cut, old).await);
    }
    let mut claimed = Vec::new();
    for cut in CLAIMED {
        claimed.push(place.interrupted(&*store, cut, tenant(cut.step)).await);
    }
    // Another replica may be working on this one.
    let recent = Cut {
        step: "under-way",
        is_recent: true,
        ..CLAIMED[0]
    };
    let under_way = place
        .interrupted(&*store, recent, tenant("under-way"))
        .await;

    let store = place.replica().await;
    for (cut, old) in cuts.iter().zip(&olds) {
        assert_is_gone(&*store, old).await;
        let revision = place.revision(old).await;
        assert!(["4", "5", "6"].contains(&revision.as_str()), "{revision}");
        let databases = place.databases().await;
        assert!(!databases.contains(&cut.step.to_owned()), "{}", cut.step);
        if cut.revision == DELETING {
            assert_eq!(place.rows(old).await, "0\n", "{}", cut.step);
        }
    }
    for (cut, tenant) in CLAIMED.iter().zip(&claimed) {
        assert_eq!(place.revision(tenant).await, READY);
        assert_works(&*store, tenant, has_rows(place, cut)).await;
    }
    assert_eq!(place.revision(&under_way).await, CREATING.to_string());
    assert_eq!(place.tables("under-way").await, [""; 0]);
    for cut in &cuts {
        let new = created(&*store, cut.step).await;
        assert_works(&*store, &new, 0).await;
    }
    assert_nothing_is_left(place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_creation_or_deletion_is_recovered_at_the_next_start() {
    recovers_at_the_next_start(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_creation_or_deletion_of_a_dedicated_tenant_is_recovered_at_the_next_start()
{
    recovers_at_the_next_start(&Place::with_options("?placement=dedicated")).await;
}
