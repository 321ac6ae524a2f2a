//! The audit of administrators: acts are recorded as events of the system tenant, which has an entry and a database like
//! any other, and is created when the first act is recorded.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::sleep;

use super::{Appended, Created, Error, Store};
use crate::domain::{
    Act, Actor, ClientId, ClientSecret, Clock, DatabaseName, Entropy, EventId, Placement, Tenant,
};

/// A name for people.
const LABEL: &str = "Administration";

/// The attempts to find the system tenant while another replica creates it, and the pauses between them.
const MAX_ATTEMPTS: usize = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// Of these attempts one tries to create it again: should the other replica have failed.
const CREATE_EVERY: usize = 5;

/// Held while this process creates the system tenant.
static CREATION: Mutex<()> = Mutex::const_new(());

/// Returns the system tenant, which is created if there is none.
pub async fn system_tenant(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Arc<Tenant>, Error> {
    let name = DatabaseName::system();
    if let Some(tenant) = store.tenant_by_name(&name).await? {
        return Ok(tenant);
    }
    // Of several acts at once, the first creates it for all.
    let _turn = CREATION.lock().await;
    for attempt in 0..MAX_ATTEMPTS {
        if attempt > 0 {
            sleep(PAUSE).await;
        }
        if let Some(tenant) = store.tenant_by_name(&name).await? {
            return Ok(tenant);
        }
        if attempt % CREATE_EVERY != 0 {
            continue;
        }
        let tenant = Tenant {
            client_id: ClientId::random(entropy),
            database_name: name.clone(),
            client_label: LABEL.to_owned(),
            // Nobody ever learns the secret.
            client_secret_sha256: ClientSecret::random(entropy).sha256(),
            created_at: clock.now(),
        };
        let created = store
            .create_placed_tenant(tenant.clone(), Some(Placement::Pooled))
            .await?;
        if created == Created::New {
            return Ok(Arc::new(tenant));
        }
    }
    Err(Error::Busy)
}

/// Records an act, and returns the id of the event. After an error there may be the event or not.
pub async fn record(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    actor: &Actor,
    act: Act,
) -> Result<EventId, Error> {
    let tenant = system_tenant(store, clock, entropy).await?;
    if !store.has_database(&tenant).await? {
        return Err(Error::DatabaseMissing(tenant.database_name.clone()));
    }
    let id = EventId::random(entropy);
    let event = act.into_event(actor, id, clock.now());
    match store.append(&tenant, vec![event]).await?.as_slice() {
        [Appended::Stored] => Ok(id),
        outcome => Err(Error::Damaged(format!(
            "an event with an id of its own was not stored: {outcome:?}"
        ))),
    }
}
