//! What the nodes of a cluster say about themselves: which there are (`discovery`), and how they are (`health`).
//!
//! Imports the client and the topology beside this folder, and nothing of tenants or events.

mod discovery;
mod health;

pub(super) use self::discovery::discover;
pub(super) use self::health::{check_nodes, check_writable, describe_metrics, measure};
