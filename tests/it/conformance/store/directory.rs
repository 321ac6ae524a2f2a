//! Lists of tenants, their labels, and what they have.

use event_history::domain::{
    ClientId, DatabaseName, Event, FileTotals, SystemClock, SystemEntropy, Tenant, TenantPage,
    TenantQuery,
};
use event_history::store::{Created, Store, audit};

use super::{Opener, with_tenant};
use crate::samples::{Random, file, tenant};

async fn page(
    store: &dyn Store,
    after: Option<&DatabaseName>,
    text: &str,
    limit: u32,
) -> TenantPage {
    let query = TenantQuery {
        after: after.cloned(),
        text: (!text.is_empty()).then(|| text.to_owned()),
        limit,
    };
    let page = store.tenant_page(&query).await.unwrap();
    assert!(page.tenants.len() as u64 <= u64::from(limit));
    assert!(page.tenants.iter().all(|it| query.matches(it)));
    page
}

/// Walks through the tenants with a text, by pages of this many.
async fn walk(store: &dyn Store, text: &str, limit: u32) -> Vec<Tenant> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let TenantPage { tenants, next } = page(store, after.as_ref(), text, limit).await;
        all.extend(tenants);
        assert!(next > after || next.is_none());
        after = next;
        if after.is_none() {
            return all;
        }
    }
}

pub(crate) async fn lists_tenants_page_by_page(opener: &dyn Opener) {
    let store = opener.open().await;
    let names = ["directory-A", "directory-a", "directory-b", "directory_c"];
    let mut made = Vec::new();
    for name in names {
        let tenant = Tenant {
            client_label: format!("Label of {name}, %_'\"\\"),
            ..tenant(name)
        };
        let created = store.create_tenant(tenant.clone()).await.unwrap();
        assert_eq!(created, Created::New);
        made.push(tenant);
    }
    let system = audit::system_tenant(&*store, &SystemClock, &SystemEntropy).await;
    let system = system.unwrap();
    for limit in [1, 3, 4, 100] {
        assert_eq!(walk(&*store, "directory", limit).await, made, "{limit}");
    }
    assert!(!walk(&*store, "", 2).await.contains(&system));
    assert!(
        !store
            .tenants()
            .await
            .unwrap()
            .iter()
            .any(|it| it.is_system())
    );
    assert_eq!(
        store.tenant_by_name(&DatabaseName::system()).await.unwrap(),
        Some(system.clone())
    );
    for (text, expected) in [
        ("DIRECTORY-", &made[..3]),
        ("Y-a", &made[..2]),
        ("of directory_c, %_'\"\\", &made[3..]),
        ("directory%", &[][..]),
        ("directory.", &[][..]),
        (&made[1].client_id.to_string(), &made[1..2]),
        (DatabaseName::SYSTEM, &[][..]),
        (&system.client_id.to_string(), &[][..]),
    ] {
        assert_eq!(walk(&*store, text, 10).await, expected, "{text}");
        let query = TenantQuery {
            after: None,
            text: Some(text.to_owned()),
            limit: 10,
        };
        let matching: Vec<_> = made.iter().filter(|it| query.matches(it)).collect();
        assert_eq!(matching, expected.iter().collect::<Vec<_>>(), "{text}");
        assert!(!query.matches(&system));
    }
}

pub(crate) async fn changes_labels(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "labelled").await;
    let id = tenant.client_id;
    assert_eq!(store.tenant_entry(id).await.unwrap(), Some(tenant.clone()));
    for label in ["Ärger & Söhne '%\\", "", "x"] {
        assert!(store.set_label(id, label).await.unwrap());
        let entry = store.tenant_entry(id).await.unwrap();
        assert_eq!(entry.map(|it| it.client_label).as_deref(), Some(label));
    }
    store.close().await.unwrap();
    let store = opener.open().await;
    let changed = Tenant {
        client_label: "x".to_owned(),
        ..tenant.clone()
    };
    assert_eq!(store.tenant_entry(id).await.unwrap(), Some(changed.clone()));
    assert_eq!(walk(&*store, "labelled", 10).await, [changed]);
    store.delete_tenant(&tenant).await.unwrap();
    assert!(!store.set_label(id, "y").await.unwrap());
    assert_eq!(store.tenant_entry(id).await.unwrap(), None);
    let unknown = ClientId::random(&SystemEntropy);
    assert!(!store.set_label(unknown, "y").await.unwrap());
}

pub(crate) async fn counts_each_file_once(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "totals").await;
    assert_eq!(
        store.file_totals(&tenant).await.unwrap(),
        FileTotals::default()
    );
    let mut random = Random::seeded(77);
    let mut sized = |size_bytes| loop {
        let mut file = file(&mut random);
        if let Some(record) = &mut file.record {
            record.size_bytes = size_bytes;
            return file;
        }
    };
    let mut files = [sized(5), sized(70), sized(900)];
    files[2].record = None;
    let referring = [&files[..2], &files[1..], &files[..0], &files[..1]];
    let events = referring.map(|files| Event {
        files: files.to_vec(),
        ..random.event()
    });
    store.append(&tenant, events.to_vec()).await.unwrap();
    let expected = FileTotals {
        files: 3,
        bytes: 75,
    };
    assert_eq!(store.file_totals(&tenant).await.unwrap(), expected);
}
