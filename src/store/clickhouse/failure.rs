//! Failures of ClickHouse, and what they mean to a caller.

use super::table_names::TableName;
use crate::domain::DatabaseName;
use crate::domain::cause::chain;
use crate::store::Error;

/// Error codes of ClickHouse.
/// Source: `src/Common/ErrorCodes.cpp` of ClickHouse.
pub(super) mod code {
    pub(crate) const UNKNOWN_TABLE: u32 = 60;
    pub(crate) const UNKNOWN_DATABASE: u32 = 81;
    pub(crate) const DATABASE_ALREADY_EXISTS: u32 = 82;
    /// The user's profile is read-only, settings included.
    pub(crate) const READONLY: u32 = 164;
    pub(crate) const ACCESS_DENIED: u32 = 497;
    pub(crate) const AUTHENTICATION_FAILED: u32 = 516;
    pub(super) const TOO_MANY_SIMULTANEOUS_QUERIES: u32 = 202;
    pub(crate) const QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING: u32 = 216;
    /// A statement would read more rows than it may.
    pub(crate) const TOO_MANY_ROWS: u32 = 158;
    /// The table is going away, or the server is.
    pub(crate) const ABORTED: u32 = 236;
    /// The table was moved away while the statement ran.
    pub(super) const TABLE_UUID_MISMATCH: u32 = 741;
    pub(super) const TABLE_IS_DROPPED: u32 = 218;
    pub(super) const TIMEOUT_EXCEEDED: u32 = 159;
    pub(super) const NO_ZOOKEEPER: u32 = 225;
    /// A replica without a session in Keeper.
    pub(crate) const TABLE_IS_READ_ONLY: u32 = 242;
    pub(super) const TOO_FEW_LIVE_REPLICAS: u32 = 285;
    /// The quorum was not reached in time. The row may be there later.
    pub(super) const UNKNOWN_STATUS_OF_INSERT: u32 = 319;
    pub(crate) const KEEPER_EXCEPTION: u32 = 999;
    /// Another replica is changing the table.
    pub(crate) const CANNOT_ASSIGN_ALTER: u32 = 517;
    pub(super) const TOO_MANY_PARTS: u32 = 252;
    /// Files of the table are not what they were when they were written.
    pub(super) const CHECKSUM_DOESNT_MATCH: u32 = 40;
    pub(super) const NO_FILE_IN_DATA_PART: u32 = 226;
    pub(super) const CORRUPTED_DATA: u32 = 246;
    pub(super) const CANNOT_DECOMPRESS: u32 = 271;
}

/// ClickHouse may quote a whole statement.
const MAX_MESSAGE_CHARS: usize = 500;

/// The reason why a call to ClickHouse failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    /// ClickHouse refused, and said why.
    #[error("clickhouse answered code {code}: {message}")]
    Refused { code: u32, message: String },
    /// There was no connection, so nothing was sent.
    #[error("cannot connect to clickhouse: {0}")]
    Unreachable(String),
    /// The connection broke: what was sent may have been carried out.
    #[error("the connection to clickhouse broke: {0}")]
    Broken(String),
    #[error("clickhouse did not answer in time")]
    TimedOut,
    /// The answer is not what was asked for, or not what was stored.
    #[error("clickhouse returned invalid data: {0}")]
    InvalidData(String),
    /// By so many milliseconds: the order of arrival can't be told.
    #[error("the clock of clickhouse was set back by {0} ms: the feed has stopped")]
    ClockSetBack(i64),
    /// Without it the order of arrival can't be told.
    #[error("replica '{0}' of clickhouse does not answer: the feed waits for it")]
    SilentReplica(String),
    /// By so many milliseconds at least: the order of arrival can't be told.
    #[error("the clocks of '{ahead}' and '{behind}' differ by {by_ms} ms: the feed has stopped")]
    ClocksDiffer {
        ahead: String,
        behind: String,
        by_ms: i64,
    },
    #[error("cannot set up the clickhouse client: {0}")]
    Setup(String),
}

impl Failure {
    /// Tells whether ClickHouse answered with this code.
    pub(super) fn is(&self, wanted: u32) -> bool {
        self.code() == Some(wanted)
    }

    fn code(&self) -> Option<u32> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Tells whether the table or its database does not exist.
    pub(super) fn is_missing(&self) -> bool {
        use code::{TABLE_IS_DROPPED, TABLE_UUID_MISMATCH, UNKNOWN_DATABASE, UNKNOWN_TABLE};
        let code = self.code();
        matches!(
            code,
            Some(UNKNOWN_TABLE | UNKNOWN_DATABASE | TABLE_IS_DROPPED | TABLE_UUID_MISMATCH)
        )
    }

    /// Tells whether ClickHouse answers but stores nothing: no quorum, a read-only table or user, too many
    /// parts, a full disk. All replicas of the service get the same answer.
    pub(super) fn is_refusal_to_write(&self) -> bool {
        self.code().is_some() && !self.is_missing()
    }

    /// Tells whether an idempotent statement may be sent to another host.
    pub(super) fn allows_failover(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::Broken(_) | Self::TimedOut
        )
    }

    /// Tells whether this may be a failure of one replica of a cluster: it lacks a table, its connection to Keeper or that
    /// of others. What was sent may have been carried out.
    pub(super) fn is_of_one_replica(&self) -> bool {
        use code::{
            ABORTED, KEEPER_EXCEPTION, NO_ZOOKEEPER, TABLE_IS_READ_ONLY, TIMEOUT_EXCEEDED,
            TOO_FEW_LIVE_REPLICAS, UNKNOWN_STATUS_OF_INSERT,
        };
        self.is_missing()
            || matches!(
                self.code(),
                Some(
                    ABORTED
                        | KEEPER_EXCEPTION
                        | NO_ZOOKEEPER
                        | TABLE_IS_READ_ONLY
                        | TIMEOUT_EXCEEDED
                        | TOO_FEW_LIVE_REPLICAS
                        | UNKNOWN_STATUS_OF_INSERT
                )
            )
    }

    /// Tells whether the same INSERT may well succeed in a moment.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Broken(_)) || self.is(code::ABORTED)
    }

    /// Tells whether ClickHouse has certainly not received the statement.
    pub(super) fn was_not_sent(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }

    /// Returns the value of the label `result` in metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Unreachable(_) => "unreachable",
            Self::Broken(_) => "broken",
            Self::TimedOut => "timeout",
            Self::ClockSetBack(_) | Self::ClocksDiffer { .. } => "clock",
            Self::SilentReplica(_) => "silent_replica",
            Self::InvalidData(_) | Self::Setup(_) => "invalid_data",
        }
    }

    /// Tells whether stored data is damaged, so that a retry cannot help.
    pub(super) fn is_damage(&self) -> bool {
        use code::{
            CANNOT_DECOMPRESS, CHECKSUM_DOESNT_MATCH, CORRUPTED_DATA, NO_FILE_IN_DATA_PART,
        };
        matches!(self, Self::InvalidData(_))
            || matches!(
                self.code(),
                Some(
                    CHECKSUM_DOESNT_MATCH
                        | NO_FILE_IN_DATA_PART
                        | CORRUPTED_DATA
                        | CANNOT_DECOMPRESS
                )
            )
    }

    /// Returns the error for a caller that works on this tenant, whose events are in `table`. If a shared table is
    /// missing, that is no statement about the tenant.
    pub(super) fn for_tenant(self, name: &DatabaseName, table: &TableName) -> Error {
        if self.is_missing() && !table.is_pooled() {
            return Error::DatabaseMissing(name.clone());
        }
        if self.is_damage() {
            return Error::Damaged(format!("tenant '{name}': {self}"));
        }
        self.into()
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused {
                code: code::TOO_MANY_PARTS | code::TOO_MANY_SIMULTANEOUS_QUERIES,
                ..
            } => {
                tracing::warn!(%failure, "clickhouse is overloaded");
                Self::Busy
            }
            failure if failure.is_damage() => Self::Damaged(failure.to_string()),
            other => Self::Unavailable(Box::new(other)),
        }
    }
}

impl From<clickhouse::error::Error> for Failure {
    fn from(error: clickhouse::error::Error) -> Self {
        use clickhouse::error::Error as E;
        match error {
            E::BadResponse(text) => refused(&text),
            E::Network(cause) => {
                let text = truncated(&chain(&*cause));
                let connecting = cause
                    .downcast_ref::<hyper_util::client::legacy::Error>()
                    .is_some_and(hyper_util::client::legacy::Error::is_connect);
                if connecting {
                    Self::Unreachable(text)
                } else {
                    Self::Broken(text)
                }
            }
            E::TimedOut => Self::TimedOut,
            // An answer that was cut short.
            E::NotEnoughData | E::Decompression(_) => Self::Broken(error.to_string()),
            other => Self::InvalidData(truncated(&other.to_string())),
        }
    }
}

/// Reads `Code: 60. DB::Exception: …`. In the middle of a compressed stream raw bytes stand before it.
fn refused(text: &str) -> Failure {
    let parsed = text.find("Code: ").and_then(|at| {
        let rest = &text[at + "Code: ".len()..];
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (code, message) = rest.split_at(digits);
        Some((code.parse().ok()?, message))
    });
    match parsed {
        Some((code, message)) => {
            let message = message.trim_start_matches(". ");
            let message = message.strip_prefix("DB::Exception: ").unwrap_or(message);
            Failure::Refused {
                code,
                message: truncated(message),
            }
        }
        // A proxy in between, say.
        None => Failure::Broken(truncated(text)),
    }
}

fn truncated(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(MAX_MESSAGE_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Failure, code, refused};
    use crate::domain::Placement;
    use crate::store::Error;
    use crate::store::clickhouse::table_names::{Assignment, ShardName, TableName};
    use crate::store::samples::tenant;

    #[test]
    fn finds_the_code_anywhere_in_the_text() {
        let failure = refused("Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE)");
        assert!(failure.is(code::UNKNOWN_TABLE), "{failure:?}");
        assert!(failure.is_missing());
        assert!(refused("\u{0}\u{1}raw Code: 252. DB::Exception: Too many parts").is(252));
        assert!(matches!(refused("502 Bad Gateway"), Failure::Broken(_)));
        assert!(refused("Code: 516").is(code::AUTHENTICATION_FAILED));
    }

    #[test]
    fn damage_is_not_reported_as_unavailability() {
        let tenant = tenant("demo");
        let (name, table) = (
            &tenant.database_name,
            TableName::pooled(&ShardName::default()),
        );
        let damaged = [
            Failure::InvalidData("event 7: it makes no sense".to_owned()),
            refused("Code: 40. DB::Exception: Checksum doesn't match"),
            refused("Code: 246. DB::Exception: Corrupted data in part"),
        ];
        for failure in damaged {
            let text = failure.to_string();
            match failure.for_tenant(name, &table) {
                Error::Damaged(message) => assert_eq!(message, format!("tenant 'demo': {text}")),
                other => panic!("{other:?}"),
            }
        }
        let unavailable = Failure::TimedOut.for_tenant(name, &table);
        assert!(
            matches!(unavailable, Error::Unavailable(_)),
            "{unavailable:?}"
        );
    }

    #[test]
    fn a_missing_table_is_a_missing_tenant_only_if_it_is_the_tenants() {
        let tenant = tenant("demo");
        let missing = refused("Code: 60. DB::Exception: Table x does not exist.");
        let own = TableName::of(
            &tenant,
            &Assignment {
                placement: Placement::Dedicated,
                shard: ShardName::default(),
            },
        );
        let error = missing.clone().for_tenant(&tenant.database_name, &own);
        assert!(matches!(error, Error::DatabaseMissing(_)), "{error:?}");
        let shared = TableName::pooled(&ShardName::default());
        let error = missing.for_tenant(&tenant.database_name, &shared);
        assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    }
}
