//! The nodes of a ClickHouse: which there are, and which of them have the same tables.
//!
//! Without a cluster the hosts of the address are one server. On a cluster the nodes themselves know its shards and
//! replicas, which change while the service runs: `cluster::discovery` asks them, and replaces what this holds.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use super::failure::Failure;
use super::table_names::ShardName;

/// How much the clocks of the replicas of a cluster may differ: by these clocks events are received.
pub(super) const MAX_CLOCK_DIFFERENCE_US: i64 = 250_000;

/// The time for which statements for one node go to others first, after one failed there.
const SUSPECTED: Duration = Duration::from_secs(10);

/// One server, with the base URL of its HTTP interface.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) url: Arc<str>,
    pub(super) client: clickhouse::Client,
}

/// One replica of one shard, as the configuration of the nodes has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Replica {
    pub(super) place: Place,
    /// `None` while no node of its shard has answered.
    pub(super) shard: Option<ShardName>,
    /// `None` while it has not answered.
    pub(super) node: Option<Node>,
}

/// What tells the replicas of a cluster apart: columns of `system.clusters`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) shard_num: u32,
    pub(super) host_name: String,
    pub(super) port: u16,
}

/// Nodes that have the same tables.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) nodes: Vec<Node>,
    /// How many there are, with those that have not answered yet.
    pub(super) replicas: usize,
    preference: Mutex<Preference>,
}

/// Which node is asked first where one suffices, by their indexes.
#[derive(Debug, Default)]
struct Preference {
    first: usize,
    failed_at: BTreeMap<usize, Instant>,
}

/// The nodes of one ClickHouse, as of the last look.
#[derive(Debug)]
pub(super) struct Topology {
    is_cluster: bool,
    /// The nodes that the address names.
    seeds: Vec<Node>,
    current: RwLock<Arc<Current>>,
}

#[derive(Debug)]
struct Current {
    replicas: Vec<Replica>,
    all: Arc<Group>,
    shards: BTreeMap<ShardName, Arc<Group>>,
}

impl Topology {
    /// The hosts of one server, or of a cluster of which nothing else is known yet.
    pub(super) fn new(seeds: Vec<Node>, is_cluster: bool) -> Self {
        let replicas = if is_cluster { seeds.len() } else { 1 };
        let all = Arc::new(Group::new(seeds.clone(), replicas));
        let mut shards = BTreeMap::new();
        if !is_cluster {
            shards.insert(ShardName::default(), Arc::clone(&all));
        }
        let current = Current {
            replicas: Vec::new(),
            all,
            shards,
        };
        Self {
            is_cluster,
            seeds,
            current: RwLock::new(Arc::new(current)),
        }
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    pub(super) fn seeds(&self) -> &[Node] {
        &self.seeds
    }

    /// Returns all nodes.
    pub(super) fn all(&self) -> Arc<Group> {
        Arc::clone(&self.current().all)
    }

    /// Returns the nodes of a shard.
    pub(super) fn shard(&self, name: &ShardName) -> Result<Arc<Group>, Failure> {
        let found = self.current().shards.get(name).cloned();
        found.ok_or_else(|| {
            Failure::Unreachable(format!("no node of shard '{name}' has answered yet"))
        })
    }

    /// Returns the name of a shard that an entry names. One that was written before entries named shards means the only
    /// one.
    pub(super) fn resolve(&self, name: &ShardName) -> ShardName {
        let current = self.current();
        let mut names = current.shards.keys();
        match (names.next(), names.next()) {
            (Some(only), None) if name.as_str().is_empty() => only.clone(),
            _ => name.clone(),
        }
    }

    /// Returns the names of the shards, in order.
    pub(super) fn shards(&self) -> Vec<ShardName> {
        self.current().shards.keys().cloned().collect()
    }

    /// Returns every replica of a cluster, whether it answers or not.
    pub(super) fn replicas(&self) -> Vec<Replica> {
        self.current().replicas.clone()
    }

    /// Replaces what is known of a cluster. Returns whether it differs.
    pub(super) fn replace(&self, replicas: Vec<Replica>) -> bool {
        if self.current().replicas == replicas {
            return false;
        }
        let nodes = |of: &[&Replica]| of.iter().filter_map(|it| it.node.clone()).collect();
        let mut shards: BTreeMap<ShardName, Vec<&Replica>> = BTreeMap::new();
        for replica in &replicas {
            if let Some(shard) = &replica.shard {
                shards.entry(shard.clone()).or_default().push(replica);
            }
        }
        let shards = shards.into_iter().map(|(name, of)| {
            let group = Group::new(nodes(&of), of.len());
            (name, Arc::new(group))
        });
        let all: Vec<&Replica> = replicas.iter().collect();
        let current = Current {
            all: Arc::new(Group::new(nodes(&all), all.len())),
            shards: shards.collect(),
            replicas,
        };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
        true
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Group {
    pub(super) fn new(nodes: Vec<Node>, replicas: usize) -> Self {
        Self {
            nodes,
            replicas,
            preference: Mutex::default(),
        }
    }

    /// Returns the order in which to ask its nodes, by their indexes: those last where a statement failed lately.
    pub(super) fn order(&self, now: Instant) -> Vec<usize> {
        let preference = self.preference();
        let count = self.nodes.len();
        let mut order: Vec<usize> = (0..count)
            .map(|step| (preference.first + step) % count)
            .collect();
        order.sort_by_key(|index| preference.suspects(*index, now));
        order
    }

    /// Takes note that a node has done what it was asked.
    pub(super) fn succeeded(&self, index: usize) {
        let mut preference = self.preference();
        preference.first = index;
        preference.failed_at.remove(&index);
    }

    /// Takes note that a node has failed where others may succeed.
    pub(super) fn failed(&self, index: usize, now: Instant) {
        self.preference().failed_at.insert(index, now);
    }

    /// Takes note that of all nodes these were the first to answer. One that is paused is not among them, and gets no
    /// INSERT then. One that answers queries may still have failed to insert.
    pub(super) fn answered(&self, indexes: &[usize], now: Instant) {
        let mut preference = self.preference();
        let mut able = indexes.iter().filter(|it| !preference.suspects(**it, now));
        let first = able.next().copied();
        if let Some(first) = first
            && !indexes.contains(&preference.first)
        {
            preference.first = first;
        }
    }

    fn preference(&self) -> MutexGuard<'_, Preference> {
        self.preference
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many of its nodes have what was acknowledged, at least.
    pub(super) fn write_quorum(&self) -> usize {
        self.replicas / 2 + 1
    }

    /// Returns how many of its nodes have to be asked, so that one of them has it.
    pub(super) fn read_quorum(&self) -> usize {
        self.replicas - self.write_quorum() + 1
    }
}

impl Preference {
    fn suspects(&self, index: usize, now: Instant) -> bool {
        let failed_at = self.failed_at.get(&index);
        failed_at.is_some_and(|at| now.saturating_duration_since(*at) < SUSPECTED)
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{Group, Node, Place, Replica, SUSPECTED, Topology};
    use crate::store::clickhouse::table_names::ShardName;

    fn node(url: &str) -> Node {
        Node {
            url: url.into(),
            client: clickhouse::Client::default(),
        }
    }

    fn replica(shard: &str, host_name: &str, answers: bool) -> Replica {
        Replica {
            place: Place {
                shard_num: 1,
                host_name: host_name.to_owned(),
                port: 9000,
            },
            shard: Some(ShardName::new(shard)),
            node: answers.then(|| node(host_name)),
        }
    }

    #[test]
    fn quorums_of_writes_and_reads_share_a_node() {
        for replicas in 1..=32 {
            let group = Group::new(Vec::new(), replicas);
            let (write, read) = (group.write_quorum(), group.read_quorum());
            assert!(write > replicas / 2 && write <= replicas && write + read == replicas + 1);
        }
    }

    #[test]
    fn statements_go_to_nodes_that_answer() {
        let group = Group::new(["a", "b", "c"].map(node).to_vec(), 3);
        let start = Instant::now();
        let later = start + SUSPECTED;
        assert_eq!(group.order(start), [0, 1, 2]);
        group.answered(&[2, 0], start);
        assert_eq!(group.order(start), [0, 1, 2]);
        group.answered(&[2, 1], start);
        assert_eq!(group.order(start), [2, 0, 1]);

        // It takes no INSERT, however well it answers queries.
        group.failed(2, start);
        group.succeeded(0);
        group.answered(&[2, 1], start);
        assert_eq!(group.order(start), [1, 0, 2]);
        assert_eq!(group.order(later), [1, 2, 0]);
        group.answered(&[2, 0], later);
        assert_eq!(group.order(later), [2, 0, 1]);
        // Or it is the only one that did.
        group.failed(2, later);
        group.answered(&[2], later);
        assert_eq!(group.order(later), [0, 1, 2]);
        group.succeeded(2);
        assert_eq!(group.order(later), [2, 0, 1]);
    }

    #[test]
    fn a_replica_that_does_not_answer_counts() {
        let topology = Topology::new(vec![node("a"), node("b")], true);
        topology.shard(&ShardName::new("one")).unwrap_err();
        let replicas = vec![
            replica("one", "a", true),
            replica("one", "b", false),
            replica("two", "c", true),
            replica("two", "d", true),
        ];
        assert!(topology.replace(replicas.clone()));
        assert!(!topology.replace(replicas.clone()));
        let one = topology.shard(&ShardName::new("one")).unwrap();
        assert_eq!((one.nodes.len(), one.replicas), (1, 2));
        assert_eq!(
            (topology.all().nodes.len(), topology.all().replicas),
            (3, 4)
        );
        assert_eq!(topology.shards(), ["one", "two"].map(ShardName::new));
        let unnamed = ShardName::default();
        assert_eq!(topology.resolve(&unnamed), unnamed);

        assert!(topology.replace(replicas[..2].to_vec()));
        assert_eq!(topology.resolve(&unnamed), ShardName::new("one"));
        topology.shard(&ShardName::new("two")).unwrap_err();
    }
}
