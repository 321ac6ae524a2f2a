//! The client's additions for a cluster: answers of a majority of the replicas, and statements for each of them.
//!
//! An acknowledged INSERT is on a majority of the replicas of its shard, and any two majorities share a replica. So what was
//! acknowledged is in the answers of a majority, whichever replicas answer, and whatever another one lacks. (Of two
//! replicas both have it, so one answer suffices.) No coordination is needed for that: reads go on while Keeper is
//! down. Without a cluster, a majority is the one server.

use std::collections::hash_map::{Entry, HashMap};
use std::hash::Hash;
use std::time::Duration;

use clickhouse::query::Query;
use clickhouse::{RowOwned, RowRead};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, timeout, timeout_at};

use super::client::{CALL_TIMEOUT, Client, DDL_TIMEOUT};
use super::failure::Failure;

/// How long statements wait for the last replicas once a majority has answered. A replica that does not answer is repaired
/// later.
const GRACE: Duration = Duration::from_secs(1);

/// Returns the row that counts of each key, out of those of several nodes: the one with the greatest revision. A node that
/// lags may have a row that another one has replaced.
pub(super) fn latest_rows<R, K: Eq + Hash, V: Ord>(
    rows: Vec<Vec<R>>,
    key: impl Fn(&R) -> K,
    revision: impl Fn(&R) -> V,
) -> HashMap<K, R> {
    let mut latest = HashMap::new();
    for row in rows.into_iter().flatten() {
        match latest.entry(key(&row)) {
            Entry::Occupied(entry) if revision(entry.get()) >= revision(&row) => {}
            entry => _ = entry.insert_entry(row),
        }
    }
    latest
}

impl Client {
    /// Returns the rows of a query by node, of a majority of the nodes: those that answer first. A node without the table
    /// has no answer.
    pub(super) async fn fetch_majority<T>(
        &self,
        operation: &'static str,
        query: impl Fn(&clickhouse::Client) -> Query,
    ) -> Result<Vec<Vec<T>>, Failure>
    where
        T: RowOwned + RowRead,
    {
        let query = &query;
        let fetch = |node: Self| async move { node.fetch(operation, query).await };
        self.ask_majority(fetch).await
    }

    /// Returns the rows of a query by node, of as many nodes as show whatever was acknowledged: of two replicas one, since
    /// both have acknowledged it.
    pub(super) async fn fetch_read_quorum<T>(
        &self,
        operation: &'static str,
        query: impl Fn(&clickhouse::Client) -> Query,
    ) -> Result<Vec<Vec<T>>, Failure>
    where
        T: RowOwned + RowRead,
    {
        let query = &query;
        let fetch = |node: Self| async move { node.fetch(operation, query).await };
        self.ask_read_quorum(fetch).await
    }

    /// Returns what `ask` returns for each of a majority of the nodes.
    pub(super) async fn ask_majority<T, F>(
        &self,
        ask: impl Fn(Self) -> F,
    ) -> Result<Vec<T>, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        self.ask(self.group()?.write_quorum(), ask).await
    }

    /// Returns what `ask` returns for as many nodes as [`Self::fetch_read_quorum`] asks.
    pub(super) async fn ask_read_quorum<T, F>(
        &self,
        ask: impl Fn(Self) -> F,
    ) -> Result<Vec<T>, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        self.ask(self.group()?.read_quorum(), ask).await
    }

    async fn ask<T, F>(&self, needed: usize, ask: impl Fn(Self) -> F) -> Result<Vec<T>, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        if !self.is_cluster() {
            return Ok(vec![ask(self.clone()).await?]);
        }
        let group = self.group()?;
        let asked = group.nodes.iter().enumerate().map(|(index, node)| {
            let asked = within(CALL_TIMEOUT, ask(self.of_node(node)));
            async move { asked.await.map(|answer| (index, answer)) }
        });
        let answers = majority(asked.collect(), needed, Duration::ZERO).await?;
        let (indexes, answers): (Vec<usize>, Vec<T>) = answers.into_iter().unzip();
        group.answered(&indexes, Instant::now());
        Ok(answers)
    }

    /// Runs statements on every node that answers, and on a majority at least.
    pub(super) async fn everywhere<F>(&self, run: impl Fn(Self) -> F) -> Result<(), Failure>
    where
        F: Future<Output = Result<(), Failure>>,
    {
        self.run_on(self.group()?.write_quorum(), run).await
    }

    /// Runs statements on every node that answers, and on as many at least as reading needs.
    pub(super) async fn where_reachable<F>(&self, run: impl Fn(Self) -> F) -> Result<(), Failure>
    where
        F: Future<Output = Result<(), Failure>>,
    {
        self.run_on(self.group()?.read_quorum(), run).await
    }

    async fn run_on<F>(&self, needed: usize, run: impl Fn(Self) -> F) -> Result<(), Failure>
    where
        F: Future<Output = Result<(), Failure>>,
    {
        if !self.is_cluster() {
            return run(self.clone()).await;
        }
        let runs = self
            .each()?
            .into_iter()
            .map(|node| within(DDL_TIMEOUT, run(node)));
        majority(runs.collect(), needed, GRACE).await.map(drop)
    }

    /// Returns a client for each node, which asks no other.
    pub(super) fn each(&self) -> Result<Vec<Self>, Failure> {
        let group = self.group()?;
        Ok(group.nodes.iter().map(|node| self.of_node(node)).collect())
    }

    /// Returns how many nodes have what was acknowledged.
    pub(super) fn majority(&self) -> Result<usize, Failure> {
        Ok(self.group()?.write_quorum())
    }
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(limit, call).await.unwrap_or(Err(Failure::TimedOut))
}

/// Returns what `needed` of these calls return at least, and what others do within `grace` after that. If too many fail,
/// returns a failure that a host had a reason for, if there is one.
async fn majority<T>(
    mut calls: FuturesUnordered<impl Future<Output = Result<T, Failure>>>,
    needed: usize,
    grace: Duration,
) -> Result<Vec<T>, Failure> {
    let mut answers = Vec::new();
    let mut failed: Option<Failure> = None;
    while answers.len() < needed {
        match calls.next().await {
            Some(Ok(answer)) => answers.push(answer),
            Some(Err(failure)) => {
                if failed.as_ref().is_none_or(Failure::allows_failover) {
                    failed = Some(failure);
                }
            }
            None => return Err(failed.unwrap_or(Failure::TimedOut)),
        }
    }
    let end = Instant::now() + grace;
    while let Ok(Some(answer)) = timeout_at(end, calls.next()).await {
        answers.extend(answer.ok());
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::majority;
    use crate::store::clickhouse::failure::Failure;

    /// Answers after so many milliseconds.
    async fn answer(ms: u64, answer: Result<u64, Failure>) -> Result<u64, Failure> {
        sleep(Duration::from_millis(ms)).await;
        answer
    }

    fn missing() -> Failure {
        Failure::Refused {
            code: super::super::failure::code::UNKNOWN_TABLE,
            message: String::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_majority_answers_for_all() {
        let calls = |third| [answer(1, Ok(1)), answer(2, third), answer(60_000, Ok(3))];
        let calls = |third| calls(third).into_iter().collect();
        let started = Instant::now();
        let answers = majority(calls(Ok(2)), 2, Duration::ZERO).await.unwrap();
        assert_eq!(answers, [1, 2]);
        assert_eq!(started.elapsed(), Duration::from_millis(2));

        let answers = majority(calls(Err(missing())), 2, Duration::ZERO).await;
        assert_eq!(answers.unwrap(), [1, 3]);
        let grace = Duration::from_secs(1);
        let started = Instant::now();
        assert_eq!(majority(calls(Ok(2)), 1, grace).await.unwrap(), [1, 2]);
        assert_eq!(started.elapsed(), Duration::from_millis(1001));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_majority_the_reason_counts() {
        let calls = [
            answer(1, Ok(1)),
            answer(2, Err(missing())),
            answer(3, Err(Failure::TimedOut)),
        ];
        let failure = majority(calls.into_iter().collect(), 2, Duration::ZERO).await;
        assert!(failure.unwrap_err().is_missing());
    }
}
