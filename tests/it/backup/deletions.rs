//! What happens to the data while a backup is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use event_history::domain::{SystemClock, SystemEntropy, Tenant};
use event_history::jobs::Progress;
use event_history::jobs::backup::{self, Job, RestoreJob, Target};
use event_history::objects::blobs::BlobFolder;
use event_history::objects::{Blobs, Error};
use event_history::store::{self, Store};

use crate::samples::{Random, tenant};

/// A target that deletes a tenant when the first chunk arrives.
#[derive(Debug)]
struct Deleting {
    folder: BlobFolder,
    store: Arc<dyn Store>,
    tenant: Tenant,
    is_done: AtomicBool,
}

#[async_trait]
impl Blobs for Deleting {
    async fn put(&self, name: &str, content: Bytes) -> Result<(), Error> {
        if name.starts_with("chunks/") && !self.is_done.swap(true, Ordering::Relaxed) {
            self.store.delete_tenant(&self.tenant).await.unwrap();
        }
        self.folder.put(name, content).await
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>, Error> {
        self.folder.get(name).await
    }

    async fn size(&self, name: &str) -> Result<Option<u64>, Error> {
        self.folder.size(name).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        self.folder.list(folder).await
    }

    async fn sync(&self) -> Result<(), Error> {
        self.folder.sync().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_is_deleted_during_a_backup_is_not_restored() {
    let home = tempfile::tempdir().unwrap();
    let [data, target, restored] = ["data", "target", "restored"].map(|it| home.path().join(it));
    let location = format!("sqlite:{}", data.display()).parse().unwrap();
    let store = store::open(&location).await.unwrap();
    let mut random = Random::seeded(1);
    let tenants = ["kept", "deleted"].map(tenant);
    for tenant in &tenants {
        store.create_tenant(tenant.clone()).await.unwrap();
        let events = vec![random.event(), random.event()];
        store.append(tenant, events).await.unwrap();
    }
    let job = Job {
        scratch: data.clone(),
        data,
        files: None,
        target: Target::new(Arc::new(Deleting {
            folder: BlobFolder::new(target.clone()),
            store: Arc::clone(&store),
            tenant: tenants[1].clone(),
            is_done: AtomicBool::new(false),
        })),
        is_full: false,
        program: "test".to_owned(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    let created = backup::create(&job, &Progress::default()).await.unwrap();
    assert_eq!(
        (created.databases, created.problems.len()),
        (2, 0),
        "{created:?}"
    );
    store.close().await.unwrap();

    let restore = RestoreJob {
        target: Target::new(Arc::new(BlobFolder::new(target))),
        backup: None,
        data: restored.clone(),
    };
    let done = backup::restore(&restore, &Progress::default())
        .await
        .unwrap();
    assert!(done.problems.is_empty(), "{done:?}");
    let location = format!("sqlite:{}", restored.display()).parse().unwrap();
    let copy = store::open(&location).await.unwrap();
    let names: Vec<_> = copy.tenants().await.unwrap();
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(names[0].database_name, tenants[0].database_name);
    let again = copy.create_tenant(tenants[1].clone()).await.unwrap();
    assert_eq!(again, store::Created::New, "its name is free");
    copy.close().await.unwrap();
}
