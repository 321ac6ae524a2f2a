//! Wakes those who wait for new events of a tenant: shared by the backends.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::ClientId;

/// Beyond so many tenants, those that nobody waits for any more are removed.
const MAX_UNUSED_TENANTS: usize = 1024;

/// The tenants whose new events somebody waits for.
#[derive(Debug, Clone, Default)]
pub(super) struct NewsBoard(Arc<Mutex<HashMap<ClientId, watch::Sender<()>>>>);

/// Announces the new events of one tenant.
#[derive(Debug)]
pub(super) struct Publisher {
    board: NewsBoard,
    tenant: ClientId,
}

/// Learns that a tenant may have new events. Holds nothing of the store.
#[derive(Debug)]
pub struct News(watch::Receiver<()>);

impl NewsBoard {
    pub(super) fn subscribe(&self, tenant: ClientId) -> News {
        let mut tenants = self.tenants();
        if tenants.len() >= MAX_UNUSED_TENANTS {
            tenants.retain(|_, sender| sender.receiver_count() > 0);
        }
        News(tenants.entry(tenant).or_default().subscribe())
    }

    pub(super) fn publisher(&self, tenant: ClientId) -> Publisher {
        let board = self.clone();
        Publisher { board, tenant }
    }

    /// Returns the tenants whose events somebody waits for.
    pub(super) fn waiting(&self) -> HashSet<ClientId> {
        let tenants = self.tenants();
        let waiting = tenants.iter().filter(|it| it.1.receiver_count() > 0);
        waiting.map(|(tenant, _)| *tenant).collect()
    }

    /// Wakes everybody for good, who then find the store closed.
    pub(super) fn close(&self) {
        self.tenants().clear();
    }

    /// Wakes those who wait for events of a tenant. Cheap if nobody does.
    pub(super) fn publish(&self, tenant: ClientId) {
        if let Some(sender) = self.tenants().get(&tenant) {
            sender.send_replace(());
        }
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<ClientId, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publisher {
    pub(super) fn publish(&self) {
        self.board.publish(self.tenant);
    }
}

impl News {
    /// Waits until events may have arrived since the subscription, or since this returned the last time. Also returns
    /// when the store is closed. Can be dropped and called again.
    pub async fn changed(&mut self) {
        let _ = self.0.changed().await; // an error: nobody will announce anything any more
    }
}
