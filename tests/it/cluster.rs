//! A real ClickHouse cluster: three replicas and ZooKeeper.

mod harness;
