//! The client of ClickHouse: over HTTP, to the first of several nodes that answers, within bounded time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clickhouse::insert::Insert;
use clickhouse::query::Query;
use clickhouse::{Compression, RowOwned, RowRead};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use metrics::histogram;
use rustls_platform_verifier::ConfigVerifierExt;
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::address::Address;
use super::failure::Failure;
use super::statement;
use super::table_names::{ShardName, TableName};
use super::topology::{Group, Node, Topology};

/// Short, so that a dead host does not use up the time in which another could answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The time limit of one call, with all hosts tried: EventBridge gives an endpoint 5 s, and a request may need more than
/// one call.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// The same for DDL, which many replicas may send at once when they start.
pub(super) const DDL_TIMEOUT: Duration = Duration::from_secs(30);

/// ClickHouse closes idle connections after 10 s by default, older ones after 3 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// More than one replica's statements in flight.
const MAX_IDLE_CONNECTIONS: usize = 64;

/// The server memory of one statement: a page of the largest events, decoded.
const MAX_MEMORY_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Settings of every statement. Defaults of ClickHouse are repeated where another default, of a version or of a user's
/// profile, would break the contract.
const SETTINGS: [(&str, &str); 8] = [
    // An INSERT is answered when its rows are in the table, never when they are in a buffer. It is never taken for an
    // earlier one, which may have been stored by one replica alone and be lost with it.
    ("async_insert", "0"),
    ("insert_deduplicate", "0"),
    // An error within so many bytes has a status of its own; a later one is marked in the stream.
    // (With wait_end_of_query answers go through a file of the server's, and a full disk ends them
    // early without a word.)
    ("buffer_size", "1048576"),
    ("max_execution_time", "3"),
    ("lock_acquire_timeout", "3"),
    // Events are searched by id and by record through the projections of their table.
    ("optimize_use_projections", "1"),
    ("optimize_use_projection_filtering", "1"),
    // Streaming DISTINCT over a page's keys is slower by orders of magnitude than hashing them.
    ("optimize_distinct_in_order", "0"),
];

/// Connections to nodes of one ClickHouse. Cheap to clone.
#[derive(Clone)]
pub(super) struct Client {
    topology: Arc<Topology>,
    scope: Scope,
}

/// The nodes that a client asks: each of them has the tables that its statements are about.
#[derive(Debug, Clone)]
enum Scope {
    All,
    Shard(ShardName),
    One(Arc<Group>),
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(address: &Address) -> Result<Self, Failure> {
        let mut http = HttpConnector::new();
        // Without it an INSERT waits 35 ms for an acknowledgement of its first packet.
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        http.set_keepalive(Some(Duration::from_mins(1)));
        http.enforce_http(false);
        // An error means that a provider is installed already, which is just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = rustls::ClientConfig::with_platform_verifier()
            .map_err(|error| Failure::Setup(error.to_string()))?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let http = HyperClient::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .build(connector);
        let mut base = clickhouse::Client::with_http_client(http)
            .with_user(&address.user)
            .with_password(address.password.expose_secret())
            .with_compression(Compression::Lz4)
            .with_product_info(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .with_setting("max_memory_usage", MAX_MEMORY_BYTES.to_string());
        for (name, value) in SETTINGS {
            base = base.with_setting(name, value);
        }
        if address.cluster.is_some() {
            base = on_cluster(base);
        }
        let nodes = address.hosts.iter().map(|url| Node {
            url: url.as_str().into(),
            client: base.clone().with_url(url),
        });
        let topology = Topology::new(nodes.collect(), address.cluster.is_some());
        Ok(Self {
            topology: Arc::new(topology),
            scope: Scope::All,
        })
    }

    pub(super) fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Returns the client for the rows of a table: it asks the nodes of its shard, or the one node that this one asks.
    pub(super) fn of(&self, table: &TableName) -> Self {
        self.of_shard(&table.shard)
    }

    pub(super) fn of_shard(&self, shard: &ShardName) -> Self {
        if matches!(self.scope, Scope::One(_)) {
            return self.clone();
        }
        Self {
            topology: Arc::clone(&self.topology),
            scope: Scope::Shard(shard.clone()),
        }
    }

    /// Returns a client that asks this node and no other.
    pub(super) fn of_node(&self, node: &Node) -> Self {
        let group = Group::new(vec![node.clone()], 1);
        Self {
            topology: Arc::clone(&self.topology),
            scope: Scope::One(Arc::new(group)),
        }
    }

    /// Returns the nodes that it asks.
    pub(super) fn group(&self) -> Result<Arc<Group>, Failure> {
        match &self.scope {
            Scope::All => Ok(self.topology.all()),
            Scope::Shard(name) => self.topology.shard(name),
            Scope::One(group) => Ok(Arc::clone(group)),
        }
    }

    /// Tells whether it asks several replicas, each of which may lack something.
    pub(super) fn is_cluster(&self) -> bool {
        self.topology.is_cluster() && !matches!(self.scope, Scope::One(_))
    }

    /// Refuses a statement about events that names no tenant, wherever it was made, and one that may reach a shard without
    /// the rows.
    fn checked(&self, query: Query) -> Result<Query, Failure> {
        let sql = query.sql_display().to_string();
        statement::check(&sql)?;
        self.check_scope(&sql)?;
        Ok(query)
    }

    fn check_scope(&self, sql: &str) -> Result<(), Failure> {
        if matches!(self.scope, Scope::All) && statement::is_of_one_shard(sql) {
            return Err(Failure::Setup(format!(
                "a statement about events names no shard and was not sent: {sql}"
            )));
        }
        Ok(())
    }

    /// Returns all rows of a query. `operation` names it in metrics.
    pub(super) async fn fetch<T>(
        &self,
        operation: &'static str,
        query: impl Fn(&clickhouse::Client) -> Query,
    ) -> Result<Vec<T>, Failure>
    where
        T: RowOwned + RowRead,
    {
        let query = &query;
        let call = |host: clickhouse::Client| async move {
            Ok(self.checked(query(&host))?.fetch_all::<T>().await?)
        };
        let may_retry = |failure: &Failure| self.may_ask_another(failure);
        self.call(operation, CALL_TIMEOUT, may_retry, call).await
    }

    /// Returns the first rows of a query: as many as come to `most_bytes` by `weight`, at least one, and all that are
    /// `alike` the last of these; and whether these are all. The rest is not read: ClickHouse sends no faster than it is
    /// read, and stops when the connection is closed.
    pub(super) async fn fetch_up_to<T>(
        &self,
        operation: &'static str,
        query: impl Fn(&clickhouse::Client) -> Query,
        most_bytes: usize,
        weight: impl Fn(&T) -> usize,
        alike: impl Fn(&T, &T) -> bool,
    ) -> Result<(Vec<T>, bool), Failure>
    where
        T: RowOwned + RowRead,
    {
        let (query, weight, alike) = (&query, &weight, &alike);
        let call = |host: clickhouse::Client| async move {
            let mut cursor = self.checked(query(&host))?.fetch::<T>()?;
            let (mut rows, mut taken_bytes): (Vec<T>, usize) = (Vec::new(), 0);
            while let Some(row) = cursor.next().await? {
                let is_behind = rows.last().is_some_and(|last| !alike(last, &row));
                if is_behind && taken_bytes >= most_bytes {
                    return Ok((rows, false));
                }
                taken_bytes += weight(&row);
                rows.push(row);
            }
            Ok((rows, true))
        };
        let may_retry = |failure: &Failure| self.may_ask_another(failure);
        self.call(operation, CALL_TIMEOUT, may_retry, call).await
    }

    /// Returns what `map` makes of each row of a query. Holds one row in memory at a time.
    pub(super) async fn fetch_map<T, U>(
        &self,
        operation: &'static str,
        query: impl Fn(&clickhouse::Client) -> Query,
        map: impl Fn(T) -> U,
    ) -> Result<Vec<U>, Failure>
    where
        T: RowOwned + RowRead,
    {
        let (query, map) = (&query, &map);
        let call = |host: clickhouse::Client| async move {
            let mut cursor = self.checked(query(&host))?.fetch::<T>()?;
            let mut mapped = Vec::new();
            while let Some(row) = cursor.next().await? {
                mapped.push(map(row));
                tokio::task::yield_now().await; // a large row takes milliseconds
            }
            Ok(mapped)
        };
        let may_retry = |failure: &Failure| self.may_ask_another(failure);
        self.call(operation, CALL_TIMEOUT, may_retry, call).await
    }

    /// Runs DDL. It is sent again only if it was certainly not received; on a cluster, where it has to be idempotent, also
    /// to the next host.
    pub(super) async fn run(
        &self,
        operation: &'static str,
        query: impl Fn(&clickhouse::Client) -> Query,
    ) -> Result<(), Failure> {
        self.run_within(operation, DDL_TIMEOUT, query).await
    }

    /// The same for a statement that takes its time.
    pub(super) async fn run_within(
        &self,
        operation: &'static str,
        timeout: Duration,
        query: impl Fn(&clickhouse::Client) -> Query,
    ) -> Result<(), Failure> {
        let query = &query;
        let call = |host: clickhouse::Client| async move {
            let query = self
                .checked(query(&host))?
                .with_setting("max_execution_time", timeout.as_secs().to_string());
            query.execute().await.map_err(Failure::from)
        };
        let may_retry = |failure: &Failure| {
            failure.was_not_sent() || (self.is_cluster() && self.may_ask_another(failure))
        };
        self.call(operation, timeout, may_retry, call).await
    }

    /// Inserts rows: they are in the table when this returns. `bind` gives the INSERT its parameters.
    pub(super) async fn insert<T, R>(
        &self,
        operation: &'static str,
        bind: impl Fn(Insert<T>) -> Insert<T>,
        table: &'static str,
        rows: impl Fn() -> R,
    ) -> Result<(), Failure>
    where
        T: clickhouse::RowWrite,
        R: Iterator<Item = T>,
        T: for<'a> clickhouse::Row<Value<'a> = T>,
    {
        self.check_scope(table)?;
        let (bind, rows) = (&bind, &rows);
        let call = |host: clickhouse::Client| async move {
            // The table's columns are known: asking for them would be another call.
            let host = host.with_validation(false);
            let mut insert = bind(host.insert_unescaped::<T>(table).await?);
            for row in rows() {
                insert.write(&row).await?;
                tokio::task::consume_budget().await; // making a row of an event takes a while
            }
            insert.end().await.map_err(Failure::from)
        };
        let may_retry = |failure: &Failure| self.may_ask_another(failure);
        self.call(operation, CALL_TIMEOUT, may_retry, call).await
    }

    /// Tells whether another host may succeed where one failed, with a statement that may be sent twice.
    fn may_ask_another(&self, failure: &Failure) -> bool {
        failure.allows_failover() || (self.is_cluster() && failure.is_of_one_replica())
    }

    /// Tries the nodes in turn, beginning with one that has answered lately, while `may_retry` and the time allow.
    async fn call<T, F>(
        &self,
        operation: &'static str,
        timeout: Duration,
        may_retry: impl Fn(&Failure) -> bool,
        call: impl Fn(clickhouse::Client) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let started = Instant::now();
        let group = self.group()?;
        let order = group.order(started);
        let mut outcome = Err(Failure::TimedOut);
        for (step, index) in order.iter().copied().enumerate() {
            let left = timeout.saturating_sub(started.elapsed());
            // The last node may use all the time that is left, the others their share of it.
            let shares = u32::try_from(order.len() - step).unwrap_or(1);
            let answer =
                tokio::time::timeout(left / shares, call(group.nodes[index].client.clone())).await;
            outcome = answer.unwrap_or(Err(Failure::TimedOut));
            match &outcome {
                Err(failure) if may_retry(failure) => group.failed(index, Instant::now()),
                _ => {
                    group.succeeded(index);
                    break;
                }
            }
        }
        let result = match &outcome {
            Ok(_) => "ok",
            Err(failure) => failure.kind(),
        };
        histogram!(
            "event_history_clickhouse_request_duration_seconds",
            "operation" => operation,
            "result" => result
        )
        .record(started.elapsed());
        outcome
    }
}

/// On a cluster an acknowledged row is on a majority of the replicas. An INSERT that Keeper or the others do not answer is
/// given up while there is time to try another replica.
/// (`select_sequential_consistency` would promise that every replica shows it, and needs INSERTs to wait for one another:
/// those of two replicas of the service would be refused.)
fn on_cluster(client: clickhouse::Client) -> clickhouse::Client {
    client
        .with_setting("insert_quorum", "auto")
        .with_setting("insert_quorum_parallel", "1")
        .with_setting("insert_quorum_timeout", "2000")
        .with_setting("insert_keeper_max_retries", "0")
}

pub(super) fn describe_metrics() {
    metrics::describe_histogram!(
        "event_history_clickhouse_request_duration_seconds",
        metrics::Unit::Seconds,
        "Duration of a statement, by operation and result."
    );
}

#[cfg(test)]
mod tests {
    use super::Client;
    use crate::store::clickhouse::failure::Failure;
    use crate::store::clickhouse::statement::OWN_ROWS;
    use crate::store::clickhouse::table_names::ShardName;

    /// Nobody listens on that port: what is sent fails for that reason.
    #[tokio::test]
    async fn a_statement_that_forgets_the_tenant_is_not_sent() {
        let client = Client::new(&"clickhouse://127.0.0.1:1".parse().unwrap()).unwrap();
        let forgets = "SELECT count() FROM {database:Identifier}.{table:Identifier}";
        let literal = "SELECT count() FROM _event_history.events";
        let deletes = "DELETE FROM {database:Identifier}.{table:Identifier} WHERE 1";
        for sql in [forgets, literal] {
            let query = |it: &clickhouse::Client| it.query_raw(sql);
            let refused = client.fetch::<u64>("count", query).await;
            assert!(matches!(refused, Err(Failure::Setup(_))), "{refused:?}");
            let refused = client.fetch_map("count", query, |count: u64| count).await;
            assert!(matches!(refused, Err(Failure::Setup(_))), "{refused:?}");
            let all = |_: &u64, _: &u64| true;
            let refused = client.fetch_up_to("count", query, 1, |_| 1, all).await;
            assert!(matches!(refused, Err(Failure::Setup(_))), "{refused:?}");
        }
        let refused = client.run("ddl", |it| it.query_raw(deletes)).await;
        assert!(matches!(refused, Err(Failure::Setup(_))), "{refused:?}");
        let scoped = format!("SELECT count() FROM {OWN_ROWS}");
        let query = |it: &clickhouse::Client| it.query_raw(&scoped);
        // Without a shard it may reach nodes that lack the tenant's rows.
        let refused = client.fetch::<u64>("count", query).await;
        assert!(matches!(refused, Err(Failure::Setup(_))), "{refused:?}");
        let rows = || std::iter::once(1_u64);
        let insert = client.insert("insert", |it| it, "_event_history.events", rows);
        let refused = insert.await;
        assert!(matches!(refused, Err(Failure::Setup(_))), "{refused:?}");
        let shard = client.of_shard(&ShardName::default());
        let sent = shard.fetch::<u64>("count", query).await;
        assert!(matches!(sent, Err(Failure::Unreachable(_))), "{sent:?}");
    }
}
