//! Finds the shards and replicas of a cluster: each node has them in its configuration, as `system.clusters` shows it.
//!
//! A node is asked at an address of the settings. One that these do not name, having joined later, is asked under its name in
//! that configuration, at the port of the first address. Which shard a node belongs to is its macro `{shard}`, by which its
//! tables replicate, rather than its number, which changes when shards are listed in another order.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures_util::future::join_all;
use serde::Deserialize;
use url::Url;

use crate::store::clickhouse::address::Cluster;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::table_names::ShardName;
use crate::store::clickhouse::topology::{Node, Place, Replica};

/// More nodes than a cluster has.
const MAX_NODES: usize = 256;

/// A row of a node's configuration.
#[derive(Debug, Clone, clickhouse::Row, Deserialize)]
struct Row {
    shard_num: u32,
    host_name: String,
    port: u16,
    is_local: u8,
    /// The macro of the node that was asked.
    shard: String,
}

/// What one node says.
#[derive(Debug, Clone)]
struct View {
    node: Node,
    rows: Vec<Row>,
}

/// Asks the nodes of a cluster for its shards and replicas, and has the client use them from now on. Nodes that do not
/// answer stay where they were.
pub(crate) async fn discover(client: &Client, cluster: &Cluster) -> Result<(), Failure> {
    let topology = client.topology();
    let before = topology.replicas();
    let mut known: Vec<Node> = topology.seeds().to_vec();
    for node in before.iter().filter_map(|it| it.node.as_ref()) {
        if !known.contains(node) {
            known.push(node.clone());
        }
    }
    let mut views = ask(client, cluster, &known).await?;
    let joined = unnamed(&known, &views);
    // A node that has joined and does not answer is asked again the next time.
    views.extend(ask(client, cluster, &joined).await.unwrap_or_default());
    if views.iter().all(|view| view.rows.is_empty()) {
        return Err(Failure::Setup(format!(
            "clickhouse has no cluster '{}'",
            cluster.as_str()
        )));
    }
    let replicas = assemble(&views, &before);
    if topology.replace(replicas) {
        report(client);
        for view in views.iter().filter(|view| own_row(view).is_none()) {
            tracing::warn!(
                node = &*view.node.url,
                "the node does not know its own place in the cluster and is not used"
            );
        }
    }
    Ok(())
}

/// Returns what those of these nodes say that answer: a failure if none does.
async fn ask(client: &Client, cluster: &Cluster, nodes: &[Node]) -> Result<Vec<View>, Failure> {
    const SQL: &str = "SELECT shard_num, host_name, port, is_local, \
             ifNull((SELECT any(substitution) FROM system.macros WHERE macro = 'shard'), '') AS shard \
         FROM system.clusters WHERE cluster = {cluster:String}";
    let asked = nodes.iter().map(async |node| {
        let query = |it: &clickhouse::Client| it.query_raw(SQL).param("cluster", cluster.as_str());
        let rows = client.of_node(node).fetch::<Row>("clusters", query).await?;
        let node = node.clone();
        Ok(View { node, rows })
    });
    let (mut views, mut failed) = (Vec::new(), None);
    for answer in join_all(asked).await {
        match answer {
            Ok(view) => views.push(view),
            Err(failure) => failed = Some(failure),
        }
    }
    match failed {
        Some(failure) if views.is_empty() => Err(failure),
        _ => Ok(views),
    }
}

/// Returns the nodes that others know and whose address nobody does.
fn unnamed(known: &[Node], views: &[View]) -> Vec<Node> {
    let urls = known.iter().filter_map(|it| Url::parse(&it.url).ok());
    let named: HashSet<String> = urls
        .filter_map(|it| it.host_str().map(str::to_owned))
        .collect();
    let others = views.iter().flat_map(|view| &view.rows);
    let others = others.filter(|row| row.is_local == 0 && !named.contains(&row.host_name));
    let others: BTreeSet<&str> = others.map(|row| row.host_name.as_str()).collect();
    let like = known.first();
    let node = |host: &str| {
        let like = like?;
        let mut url = Url::parse(&like.url).ok()?;
        url.set_host(Some(host)).ok()?;
        let url = url.as_str().trim_end_matches('/');
        Some(Node {
            url: url.into(),
            client: like.client.clone().with_url(url),
        })
    };
    others
        .into_iter()
        .take(MAX_NODES)
        .filter_map(node)
        .collect()
}

/// Puts together what the nodes say. While their configurations differ, every replica counts that one of them has.
fn assemble(views: &[View], before: &[Replica]) -> Vec<Replica> {
    let mut nodes: BTreeMap<Place, Option<(Node, ShardName)>> = BTreeMap::new();
    for row in views
        .iter()
        .flat_map(|view| &view.rows)
        .take(MAX_NODES * MAX_NODES)
    {
        nodes.entry(place(row)).or_default();
    }
    for replica in before {
        // It does not answer at the moment.
        let Replica { place, shard, node } = replica;
        let (Some(shard), Some(node)) = (shard, node) else {
            continue;
        };
        if views.iter().all(|view| view.node != *node)
            && let Some(found) = nodes.get_mut(place)
        {
            *found = Some((node.clone(), shard.clone()));
        }
    }
    for view in views {
        let Some(row) = own_row(view) else {
            continue;
        };
        let found = nodes.entry(place(row)).or_default();
        // The first of several addresses of one node.
        found.get_or_insert_with(|| (view.node.clone(), ShardName::new(&row.shard)));
    }
    let shards: BTreeMap<u32, ShardName> = nodes
        .iter()
        .filter_map(|(place, found)| Some((place.shard_num, found.as_ref()?.1.clone())))
        .collect();
    let replicas = nodes.into_iter().map(|(place, found)| {
        let (node, shard) = found.unzip();
        let shard = shard.or_else(|| shards.get(&place.shard_num).cloned());
        Replica { place, shard, node }
    });
    replicas.collect()
}

/// Returns the row of the node that was asked.
fn own_row(view: &View) -> Option<&Row> {
    let local = view.rows.iter().find(|row| row.is_local == 1);
    local.or_else(|| {
        // Its configuration has a name for it that does not lead to its own addresses, those of a container say.
        let url = Url::parse(&view.node.url).ok()?;
        let mut named = view
            .rows
            .iter()
            .filter(|row| Some(&*row.host_name) == url.host_str());
        named.next().filter(|_| named.next().is_none())
    })
}

fn place(row: &Row) -> Place {
    Place {
        shard_num: row.shard_num,
        host_name: row.host_name.clone(),
        port: row.port,
    }
}

fn report(client: &Client) {
    for replica in client.topology().replicas() {
        let Place {
            shard_num,
            host_name,
            port,
        } = &replica.place;
        tracing::info!(
            number = shard_num,
            host = host_name,
            port,
            shard = replica.shard.as_ref().map(ShardName::as_str),
            node = replica.node.as_ref().map(|it| &*it.url),
            "a replica of the cluster"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, View, assemble, unnamed};
    use crate::store::clickhouse::table_names::ShardName;
    use crate::store::clickhouse::topology::{Node, Replica};

    fn node(url: &str) -> Node {
        Node {
            url: url.into(),
            client: clickhouse::Client::default(),
        }
    }

    /// What the node with this number says, of which two make a shard; its own row is the local one.
    fn view(number: usize, of: usize) -> View {
        let rows = (0..of).map(|it| Row {
            shard_num: u32::try_from(it / 2 + 1).unwrap(),
            host_name: format!("node-{it}"),
            port: 9000,
            is_local: u8::from(it == number),
            shard: ["blue", "green", "red"][number / 2].to_owned(),
        });
        View {
            node: node(&format!("http://node-{number}:8123")),
            rows: rows.collect(),
        }
    }

    fn summary(replicas: &[Replica]) -> Vec<(&str, Option<&str>, bool)> {
        let summary = replicas.iter().map(|it| {
            let shard = it.shard.as_ref().map(ShardName::as_str);
            (it.place.host_name.as_str(), shard, it.node.is_some())
        });
        summary.collect()
    }

    #[test]
    fn dead_nodes_count_and_keep_their_places() {
        let replicas = assemble(&[view(0, 4), view(2, 4), view(3, 4)], &[]);
        let expected = [
            ("node-0", Some("blue"), true),
            ("node-1", Some("blue"), false),
            ("node-2", Some("green"), true),
            ("node-3", Some("green"), true),
        ];
        assert_eq!(summary(&replicas), expected);

        // Now others are down.
        let replicas = assemble(&[view(1, 4)], &replicas);
        let expected = expected.map(|(name, shard, _)| (name, shard, true));
        assert_eq!(summary(&replicas), expected);

        // A whole shard that never answered.
        let replicas = assemble(&[view(0, 4)], &[]);
        assert_eq!(summary(&replicas)[3], ("node-3", None, false));
    }

    #[test]
    fn a_node_that_joins_is_asked_under_its_name() {
        let known = [0, 1].map(|it| view(it, 2).node);
        assert!(unnamed(&known, &[view(0, 2), view(1, 2)]).is_empty());
        // One node knows of it already.
        let joined = unnamed(&known, &[view(0, 4), view(1, 2)]);
        let urls: Vec<&str> = joined.iter().map(|it| &*it.url).collect();
        assert_eq!(urls, ["http://node-2:8123", "http://node-3:8123"]);
        let replicas = assemble(&[view(0, 4), view(1, 2), view(2, 4)], &[]);
        assert_eq!(replicas.len(), 4);
    }

    #[test]
    fn a_node_that_does_not_know_itself_has_the_place_of_its_name() {
        let blind = |mut view: View| {
            view.rows.iter_mut().for_each(|row| row.is_local = 0);
            view
        };
        let replicas = assemble(&[blind(view(0, 2))], &[]);
        assert!(replicas[0].node.is_some() && replicas[1].node.is_none());
        let unknown = View {
            node: node("http://balancer:8123"),
            ..blind(view(0, 2))
        };
        assert!(assemble(&[unknown], &[]).iter().all(|it| it.node.is_none()));
    }
}
