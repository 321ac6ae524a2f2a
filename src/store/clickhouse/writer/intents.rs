//! Keeps services from storing different events under one id at the same moment.
//!
//! Neither would find the event of the other by looking for it first. So before it stores events, a service says so on a
//! majority of the replicas, and then asks these who else is storing another event under one of the ids. Any two majorities
//! share a replica, so of two services at least one sees the other. Whoever sees another withdraws and tries again, the one with
//! the lesser number at once and the other after a while: then it finds what the other has stored, or is alone. Events of the
//! same content never wait.
//!
//! An intent counts for [`LIFETIME_SECONDS`], longer than what it announced takes. It is not withdrawn for an event that was
//! stored, because others may have looked for that before, nor for an INSERT whose outcome is unknown.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use clickhouse::insert::Insert;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::domain::digest::HistoryDigest;
use crate::domain::{ClientId, Entropy, Event, SystemEntropy};
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::tables::EventKey;

/// See the table's migration. No tenant's data is in it.
const TABLE: &str = "default.tenants_intents";

/// Longer than [`MAX_STORING`] and [`MAX_LOOKING`] together, and than Keeper's usual session: what a replica that lost it was
/// storing has been stored or never will be.
const LIFETIME_SECONDS: u64 = 40;

/// The limit from the announcement to the end of the INSERT.
const MAX_STORING: Duration = Duration::from_secs(10);

/// The limit of looking for stored events and for the intents of others.
pub(super) const MAX_LOOKING: Duration = Duration::from_secs(6);

/// Keys in one statement: ClickHouse takes parameters of up to 128 KiB, and a key takes 21 bytes of one.
const MAX_KEYS: usize = 5000;

/// No server restarts, and forgets intents, in less.
const MIN_RESTART: Duration = Duration::from_secs(1);

/// What one batch is about to store.
#[derive(Debug)]
pub(super) struct Intents {
    attempt: u64,
    by_key: HashMap<u64, Intent>,
    announced_at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Intent {
    event: EventKey,
    content: u128,
}

#[derive(Debug, clickhouse::Row, serde::Serialize, serde::Deserialize)]
struct IntentRow {
    key: u64,
    content: u128,
    attempt: u64,
    is_withdrawn: u8,
}

/// The key, content and attempt of another's intent.
type Rival = (u64, u128, u64);

/// The events of an attempt under whose ids somebody else is storing another one.
#[derive(Debug, Default)]
pub(super) struct Contested {
    pub(super) events: HashSet<EventKey>,
    /// This attempt comes before those of all others, who see it so too: it is to be tried again at once, the others later.
    pub(super) is_first: bool,
}

impl Intents {
    /// Returns the intents to store these events; of several with one id, the first.
    pub(super) fn new(events: &[(ClientId, &Event)]) -> Self {
        let mut by_key = HashMap::new();
        for (client_id, event) in events {
            let intent = Intent {
                event: (*client_id, event.id),
                content: content(event),
            };
            by_key.entry(key(intent.event)).or_insert(intent);
        }
        let mut attempt = [0; 8];
        SystemEntropy.fill(&mut attempt);
        Self {
            attempt: u64::from_le_bytes(attempt),
            by_key,
            announced_at: Instant::now(),
        }
    }

    /// Announces them. Returns the events under whose ids somebody else is storing another one.
    pub(super) async fn announce(&self, client: &Client) -> Result<Contested, Failure> {
        if self.by_key.is_empty() {
            return Ok(Contested::default());
        }
        let announce = |host: Client| async move {
            self.write(&host, 0, |_| true).await?;
            self.rivals(&host).await
        };
        let rivals = client.ask_majority(announce).await?;
        let mut contested = Contested {
            is_first: true,
            ..Contested::default()
        };
        for (key, content, attempt) in rivals.into_iter().flatten() {
            if let Some(own) = self.by_key.get(&key)
                && own.content != content
            {
                contested.events.insert(own.event);
                contested.is_first &= self.attempt < attempt;
            }
        }
        Ok(contested)
    }

    /// Withdraws those for some events, which are not stored now. Where that fails, others wait for longer.
    pub(super) async fn withdraw(&self, client: &Client, selects: impl Fn(EventKey) -> bool) {
        if !self.by_key.values().any(|it| selects(it.event)) {
            return;
        }
        let selects = &selects;
        let withdraw = |host: Client| async move { self.write(&host, 1, selects).await };
        if let Err(failure) = client.ask_majority(withdraw).await {
            tracing::debug!(%failure, "intents to store events were not withdrawn");
        }
    }

    /// Fails if others may not know any more that these events were about to be stored, so that they must not be
    /// acknowledged.
    pub(super) async fn confirm(&self, client: &Client) -> Result<(), Failure> {
        let storing = self.announced_at.elapsed();
        if storing > MAX_STORING {
            return Err(Failure::TimedOut);
        }
        if storing < MIN_RESTART {
            return Ok(());
        }
        let stands = |host: Client| async move { self.rivals(&host).await };
        client.ask_majority(stands).await.map(drop)
    }

    async fn write(
        &self,
        host: &Client,
        is_withdrawn: u8,
        selects: impl Fn(EventKey) -> bool,
    ) -> Result<(), Failure> {
        let rows = || {
            let intents = self.by_key.iter().filter(|(_, it)| selects(it.event));
            intents.map(|(key, intent)| IntentRow {
                key: *key,
                content: intent.content,
                attempt: self.attempt,
                is_withdrawn,
            })
        };
        let bind = |insert: Insert<IntentRow>| insert;
        host.insert("announce", bind, TABLE, rows).await
    }

    /// Returns what others are storing. A server that lost the intents of this batch has no answer.
    async fn rivals(&self, host: &Client) -> Result<Vec<Rival>, Failure> {
        // By the keys, so that it reads no more if others announce more. Grouping here takes half the time of doing it there.
        let sql = format!(
            "SELECT key, content, attempt, is_withdrawn FROM {TABLE} \
             WHERE key IN {{keys:Array(UInt64)}} AND at > now64(3) - {LIFETIME_SECONDS}"
        );
        let keys: Vec<u64> = self.by_key.keys().copied().collect();
        let (mut own, mut others, mut withdrawn) = (HashSet::new(), HashSet::new(), HashSet::new());
        for keys in keys.chunks(MAX_KEYS) {
            let query = |it: &clickhouse::Client| it.query_raw(&sql).param("keys", keys);
            for row in host.fetch::<IntentRow>("rivals", query).await? {
                let rival = (row.key, row.content, row.attempt);
                match (row.attempt == self.attempt, row.is_withdrawn) {
                    (true, _) => _ = own.insert(row.key),
                    (false, 0) => _ = others.insert(rival),
                    (false, _) => _ = withdrawn.insert(rival),
                }
            }
        }
        if own.len() < self.by_key.len() {
            let message = "a server was restarted while events were stored";
            return Err(Failure::Broken(message.to_owned()));
        }
        Ok(others.difference(&withdrawn).copied().collect())
    }
}

fn key((client_id, event_id): EventKey) -> u64 {
    let mut hash = Sha256::new();
    hash.update(client_id.uuid().as_bytes());
    hash.update(event_id.uuid().as_bytes());
    let sum = hash.finalize();
    let first = sum.iter().take(size_of::<u64>());
    first.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Returns a hash of an event, which is another one if its content is another one. Of the same content in another form it may be
/// another one too.
fn content(event: &Event) -> u128 {
    let mut digest = HistoryDigest::default();
    digest.add(event);
    let sum = digest.finish().sha256;
    let first = sum.iter().take(size_of::<u128>());
    first.fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Intents, content};
    use crate::domain::Event;
    use crate::store::samples::{Random, tenant};

    #[test]
    fn an_intent_is_of_one_tenant_one_id_and_one_content() {
        let mut random = Random::seeded(1);
        let (one, two) = (random.event(), random.event());
        let changed = Event {
            record_id: one.record_id + 1,
            ..one.clone()
        };
        assert_eq!(content(&one), content(&one.clone()));
        assert_ne!(content(&one), content(&changed));
        let [here, there] = ["here", "there"].map(|name| tenant(name).client_id);
        let events = [(here, &one), (here, &changed), (here, &two), (there, &one)];
        let intents = Intents::new(&events);
        let found: HashSet<_> = intents.by_key.values().map(|it| it.event).collect();
        let expected = [(here, one.id), (here, two.id), (there, one.id)];
        assert_eq!(found, HashSet::from(expected));
        let first = intents
            .by_key
            .values()
            .find(|it| it.event == (here, one.id));
        assert_eq!(first.unwrap().content, content(&one));
        assert_ne!(Intents::new(&events).attempt, intents.attempt);
    }
}
