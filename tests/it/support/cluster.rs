//! A real ClickHouse cluster: the engine that `tests/run` installs, once per node, and Debian's ZooKeeper.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Running;
use super::clickhouse::{ask, library};

/// The name of the cluster in the configuration of its nodes.
pub(crate) const NAME: &str = "main";

/// After this without a sign ZooKeeper declares a node dead. The default of a real server is 30 s.
pub(crate) const SESSION_TIMEOUT: Duration = Duration::from_secs(5);

const MAX_NODES: usize = 6;

/// Measured: three nodes in 4 s on two idle cores.
const START_TIMEOUT: Duration = Duration::from_mins(2);

/// What ZooKeeper's server needs of what Debian's package installs.
const JARS: [&str; 8] = [
    "zookeeper",
    "zookeeper-jute",
    "slf4j-api",
    "slf4j-log4j12",
    "log4j-1.2",
    "netty-all",
    "snappy-java",
    "metrics-core",
];

/// Shards of replicas, on ports and folders of their own: some 250 MB of memory for each node. Dropping it kills them;
/// so does the kernel as soon as the thread that started them ends, be it by SIGKILL.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Shard by shard.
    nodes: Vec<Node>,
    replicas: usize,
    zookeeper: ZooKeeper,
    /// Removed after the processes that write into it: fields drop in the order they stand in.
    _folder: TempDir,
}

/// One replica of one shard.
#[derive(Debug)]
pub(crate) struct Node {
    process: Running,
    place: Place,
    client: reqwest::Client,
}

/// What stays of a node when its process ends.
#[derive(Debug)]
struct Place {
    /// Both from 1.
    shard: usize,
    replica: usize,
    ports: Ports,
    /// Where other replicas fetch parts: a loopback address for each node.
    interserver_host: String,
    folder: PathBuf,
}

#[derive(Debug)]
pub(crate) struct ZooKeeper {
    process: Running,
    port: u16,
    folder: PathBuf,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    http: u16,
    tcp: u16,
}

impl Cluster {
    /// Starts the nodes of that many shards, and returns when all of them answer.
    pub(crate) fn start(shards: usize, replicas: usize) -> Self {
        Self::launch(shards, replicas, |zookeeper_port, ports| {
            config_of_cluster(zookeeper_port, ports, replicas)
        })
    }

    /// Starts two replicas that lack a setting.
    pub(crate) fn start_without(setting: &str) -> Self {
        let (start, end) = (format!("<{setting}>"), format!("</{setting}>"));
        Self::launch(1, 2, |zookeeper_port, ports| {
            let config = config_of_cluster(zookeeper_port, ports, 2);
            let (before, rest) = config.split_once(&start).expect("the setting");
            let (_, after) = rest.split_once(&end).expect("its end");
            format!("{before}{after}")
        })
    }

    /// Starts three replicas with the configuration that `deploy/compose` has for them.
    pub(crate) fn start_as_deployed() -> Self {
        Self::launch(1, 3, deployed_config)
    }

    /// Starts nodes; `config` returns the part of their configuration that they share.
    fn launch(shards: usize, replicas: usize, config: impl Fn(u16, &[Ports]) -> String) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // All at once: a port that is free twice would be given twice.
        let [zookeeper_port, free @ ..] = super::free_ports::<{ 1 + 2 * MAX_NODES }>();
        let pairs = free.chunks(2).map(|pair| Ports {
            http: pair[0],
            tcp: pair[1],
        });
        let ports: Vec<_> = pairs.take(shards * replicas).collect();
        assert_eq!(
            ports.len(),
            shards * replicas,
            "more than {MAX_NODES} nodes"
        );
        let zookeeper = ZooKeeper::start(folder.path().join("zookeeper"), zookeeper_port);
        let config = config(zookeeper_port, &ports);
        let nodes = ports.iter().enumerate().map(|(number, ports)| {
            let place = Place {
                shard: number / replicas + 1,
                replica: number % replicas + 1,
                ports: *ports,
                interserver_host: format!("127.0.0.{}", number + 2),
                folder: folder.path().join(format!("node-{number}")),
            };
            place.configure(&config);
            Node {
                process: place.spawn(),
                place,
                client: super::http_client(),
            }
        });
        let nodes: Vec<_> = nodes.collect();
        nodes.iter().for_each(Node::wait_until_ready);
        Self {
            nodes,
            replicas,
            zookeeper,
            _folder: folder,
        }
    }

    /// Returns the setting with which our binary keeps its events here.
    pub(crate) fn url(&self) -> String {
        let hosts = self.nodes.iter().map(|node| node.address().to_string());
        let hosts: Vec<_> = hosts.collect();
        format!("clickhouse://{}?cluster={NAME}", hosts.join(","))
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns the nodes of a shard, from 0.
    pub(crate) fn shard(&self, number: usize) -> &[Node] {
        &self.nodes[number * self.replicas..][..self.replicas]
    }

    pub(crate) fn node_mut(&mut self, number: usize) -> &mut Node {
        &mut self.nodes[number]
    }

    pub(crate) fn zookeeper(&self) -> &ZooKeeper {
        &self.zookeeper
    }

    pub(crate) fn zookeeper_mut(&mut self) -> &mut ZooKeeper {
        &mut self.zookeeper
    }
}

impl Node {
    fn wait_until_ready(&self) {
        assert_eq!(self.process.line(START_TIMEOUT), "ready");
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.place.ports.http))
    }

    /// Runs a statement and returns its answer; an error is a failure.
    pub(crate) async fn query(&self, sql: &str) -> String {
        let answer = self.try_query(sql).await;
        answer.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Runs a statement; `Err` is what the node said against it, or that it did not answer.
    pub(crate) async fn try_query(&self, sql: &str) -> Result<String, String> {
        ask(&self.client, self.address(), None, sql).await
    }

    /// Ends the node as a power cut would.
    pub(crate) fn kill(&self) {
        self.process.kill();
    }

    /// Starts the node again, on the same folder and ports.
    pub(crate) fn start_again(&mut self) {
        assert!(self.process.has_ended(), "the node is still there");
        self.process = self.place.spawn();
        self.client = super::http_client(); // the old one holds dead connections
        self.wait_until_ready();
    }

    pub(crate) fn process(&self) -> &Running {
        &self.process
    }

    /// Sets the node's clock ahead by so many seconds, or behind.
    pub(crate) fn set_clock(&self, seconds: i64) {
        // In place: the node has it in its memory.
        let clock = std::fs::OpenOptions::new()
            .write(true)
            .open(self.place.clock())
            .expect("the clock");
        clock
            .write_all_at(&seconds.to_le_bytes(), 0)
            .expect("a writable file");
    }

    /// The port by which the configuration of the cluster tells its nodes apart.
    pub(crate) fn tcp_port(&self) -> u16 {
        self.place.ports.tcp
    }

    /// Returns the setting with which our binary keeps its events on this node alone.
    pub(crate) fn url(&self) -> String {
        format!("clickhouse://{}", self.address())
    }

    /// Stops the node from running, its connections open: SIGSTOP.
    pub(crate) fn pause(&self) {
        self.process.signal("STOP");
    }

    pub(crate) fn resume(&self) {
        self.process.signal("CONT");
    }
}

impl Place {
    /// Writes the configuration: what is the node's own, and next to it what all nodes share.
    fn configure(&self, shared: &str) {
        // The pools have these sizes in a server. Here they would have one thread, so that one node that is paused would
        // stop the replication of all others.
        let own = format!(
            "<clickhouse><listen_host>127.0.0.1</listen_host><listen_host>{host}</listen_host>\
             <logger><level>warning</level><console>true</console></logger>\
             <zookeeper><session_timeout_ms replace=\"1\">{session}</session_timeout_ms></zookeeper>\
             <background_fetches_pool_size>16</background_fetches_pool_size>\
             <background_schedule_pool_size>32</background_schedule_pool_size></clickhouse>",
            host = self.interserver_host,
            session = SESSION_TIMEOUT.as_millis(),
        );
        std::fs::create_dir_all(self.folder.join("data")).expect("a writable folder");
        std::fs::create_dir_all(self.folder.join("config.d")).expect("a writable folder");
        std::fs::write(self.clock(), 0_i64.to_le_bytes()).expect("a writable folder");
        std::fs::write(self.folder.join("config.xml"), own).expect("a writable folder");
        let merged = self.folder.join("config.d/cluster.xml");
        std::fs::write(merged, shared).expect("a writable folder");
    }

    /// The file that tells how far the node's clock is ahead.
    fn clock(&self) -> PathBuf {
        self.folder.join("clock")
    }

    fn spawn(&self) -> Running {
        let mut command = tied_command(&super::python(), &self.folder);
        command
            .env("CLICKHOUSE_CLOCK", self.clock())
            .env("CLICKHOUSE_SHARD", self.shard.to_string())
            .env("CLICKHOUSE_REPLICA", self.replica.to_string())
            .arg(super::script("clickhouse_node.py"))
            .arg(library())
            .arg(self.folder.join("data"))
            .args([self.ports.http.to_string(), self.ports.tcp.to_string()])
            .arg(&self.interserver_host)
            .arg(self.folder.join("config.xml"));
        Running::spawn(&mut command)
    }
}

impl ZooKeeper {
    fn start(folder: PathBuf, port: u16) -> Self {
        let data = folder.join("data");
        std::fs::create_dir_all(&data).expect("a writable folder");
        let config = format!(
            "tickTime=500\nmaxSessionTimeout={session}\ndataDir={data}\nclientPort={port}\n\
             clientPortAddress=127.0.0.1\nadmin.enableServer=false\n",
            session = SESSION_TIMEOUT.as_millis(),
            data = data.display(),
        );
        std::fs::write(folder.join("zoo.cfg"), config).expect("a writable folder");
        let zookeeper = Self {
            process: spawn_zookeeper(&folder),
            port,
            folder,
        };
        zookeeper.wait_until_ready();
        zookeeper
    }

    fn wait_until_ready(&self) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let stderr = self.process.stderr();
            assert!(!self.process.has_ended(), "ZooKeeper ended:\n{stderr}");
            assert!(start.elapsed() < START_TIMEOUT, "{stderr}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn process(&self) -> &Running {
        &self.process
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&self) {
        self.process.kill();
    }

    pub(crate) fn start_again(&mut self) {
        assert!(self.process.has_ended(), "ZooKeeper is still there");
        self.process = spawn_zookeeper(&self.folder);
        self.wait_until_ready();
    }
}

/// Returns a command whose process the kernel kills as soon as the thread that starts it ends: a paused process could
/// not watch for its parent's end itself.
fn tied_command(program: &Path, folder: &Path) -> Command {
    let mut command = super::clean_command("setpriv", folder);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

fn spawn_zookeeper(folder: &Path) -> Running {
    let jars = JARS.map(|jar| format!("/usr/share/java/{jar}.jar"));
    for jar in &jars {
        assert!(
            Path::new(jar).exists(),
            "{jar} is missing: tests/run installs what the tests need"
        );
    }
    let mut command = tied_command(Path::new("java"), folder);
    command
        .args(["-Xmx256m", "-cp", &jars.join(":")])
        .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
        .arg(folder.join("zoo.cfg"));
    Running::spawn(&mut command)
}

/// Returns the part of the configuration that all nodes share.
fn config_of_cluster(zookeeper_port: u16, ports: &[Ports], replicas: usize) -> String {
    let shards = ports.chunks(replicas).map(|shard| {
        let replicas = shard.iter().map(|Ports { http: _, tcp }| {
            format!("<replica><host>127.0.0.1</host><port>{tcp}</port></replica>")
        });
        let replicas = replicas.collect::<String>();
        format!("<shard><internal_replication>true</internal_replication>{replicas}</shard>")
    });
    let shards = shards.collect::<String>();
    format!(
        "<clickhouse><macros>\
         <shard from_env=\"CLICKHOUSE_SHARD\"/><replica from_env=\"CLICKHOUSE_REPLICA\"/></macros>\
         <zookeeper><node><host>127.0.0.1</host><port>{zookeeper_port}</port></node></zookeeper>\
         <remote_servers><{NAME}>{shards}</{NAME}></remote_servers>\
         <distributed_ddl><path>/clickhouse/task_queue/ddl</path></distributed_ddl>\
         <keeper_map_path_prefix>/clickhouse/keeper_map</keeper_map_path_prefix></clickhouse>"
    )
}

/// Returns the configuration of `deploy/compose`, with addresses of this machine in place of the containers'.
fn deployed_config(zookeeper_port: u16, ports: &[Ports]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/compose/clickhouse-cluster.xml");
    let mut config = std::fs::read_to_string(path).expect("the configuration");
    let address = |host: &str, port: u16| format!("<host>{host}</host><port>{port}</port>");
    let keepers =
        ["keeper-1", "keeper-2", "keeper-3"].map(|host| (address(host, 9181), zookeeper_port));
    let servers = ["clickhouse", "clickhouse-2", "clickhouse-3"].map(|host| address(host, 9000));
    let servers = servers.into_iter().zip(ports.iter().map(|it| it.tcp));
    for (deployed, port) in keepers.into_iter().chain(servers) {
        assert!(
            config.contains(&deployed),
            "{deployed} is not in:\n{config}"
        );
        config = config.replace(&deployed, &address("127.0.0.1", port));
    }
    config
}
