//! A ClickHouse cluster that was there before the tests, on official images say.

use percent_encoding::percent_decode_str;

/// Names a cluster that tests use in place of nodes of their own: the setting with which a service would. Everything of
/// Event History in it is deleted before each test.
const VARIABLE: &str = "EVENT_HISTORY_TEST_CLICKHOUSE_CLUSTER";

#[derive(Debug)]
pub(crate) struct ExistingCluster {
    url: String,
    /// The base URL of each node.
    nodes: Vec<String>,
    user: String,
    password: String,
    client: reqwest::Client,
}

impl ExistingCluster {
    /// Returns the cluster that the environment names, emptied.
    pub(crate) fn of_this_run() -> Option<Self> {
        let cluster = Self::at(&super::environment(VARIABLE)?);
        // In a thread of its own: the test may run on a runtime.
        std::thread::scope(|scope| {
            let emptied = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                runtime.expect("a runtime").block_on(cluster.empty());
            });
            emptied.join().expect("the cluster is emptied");
        });
        Some(cluster)
    }

    /// Returns the cluster behind a setting.
    pub(crate) fn at(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (scheme, port) = match scheme {
            "clickhouses" => ("https", 8443),
            _ => ("http", 8123),
        };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let (user, hosts) = authority.rsplit_once('@').unwrap_or(("default", authority));
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let hosts = hosts.split(',').map(|host| {
            if host.contains(':') {
                format!("{scheme}://{host}")
            } else {
                format!("{scheme}://{host}:{port}")
            }
        });
        Self {
            url: url.to_owned(),
            nodes: hosts.collect(),
            user: decoded(user),
            password: decoded(password),
            client: super::http_client(),
        }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// Drops everything of Event History.
    pub(crate) async fn empty(&self) {
        let own = "SELECT name FROM system.databases \
                   WHERE comment LIKE 'event-history tenant %' OR name = '_event_history' FORMAT TSVRaw";
        for node in &self.nodes {
            let mut drops = Vec::new();
            for name in self.ask(node, own).await.lines() {
                drops.push(format!("DROP DATABASE IF EXISTS `{name}` SYNC"));
            }
            for table in [
                "tenants",
                "tenants_claims",
                "tenants_holds",
                "tenants_retention",
                "tenants_database_id",
            ] {
                drops.push(format!("DROP TABLE IF EXISTS default.{table} SYNC"));
            }
            for drop in drops {
                self.ask(node, &drop).await;
            }
        }
    }

    /// Returns the answers of all nodes.
    pub(crate) async fn ask_each(&self, sql: &str) -> Vec<String> {
        let mut answers = Vec::new();
        for node in &self.nodes {
            answers.push(self.ask(node, sql).await);
        }
        answers
    }

    async fn ask(&self, node: &str, sql: &str) -> String {
        let request = self.client.post(node).body(sql.to_owned());
        let request = request.basic_auth(&self.user, Some(&self.password));
        let response = request.send().await.expect("the node answers");
        let status = response.status();
        let text = response.text().await.expect("a text");
        assert!(status.is_success(), "{sql}: {text}");
        text
    }
}
