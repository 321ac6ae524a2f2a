//! Retention: how long events stay.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::{Event, ReceivedAt};

/// The rules of a tenant, at most: one for each event type that there is, with room to spare.
pub const MAX_RETENTION_RULES: usize = 256;

/// The longest time that a rule can name: a century.
pub const MAX_RETENTION_DAYS: u32 = 36_525;

/// From when the age of an event counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgeFrom {
    /// The later of its time and its arrival: what is imported stays as long as what is new.
    #[default]
    Latest,
    /// Its time.
    Event,
}

/// How long events of one type stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionRule {
    /// `None`: all types without a rule of their own.
    pub event_type_id: Option<i32>,
    /// `None`: for ever.
    pub days: Option<u32>,
    pub age_from: AgeFrom,
}

/// The retention rules of a tenant, at most one for each event type, in the order of the types. Without any, every event
/// stays for ever.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RetentionRules(Vec<RetentionRule>);

impl RetentionRules {
    /// Returns `None` if two rules are about one type.
    pub fn new(mut rules: Vec<RetentionRule>) -> Option<Self> {
        rules.sort_by_key(|rule| rule.event_type_id);
        let are_distinct = rules.is_sorted_by(|one, next| one.event_type_id < next.event_type_id);
        are_distinct.then_some(Self(rules))
    }

    pub fn as_slice(&self) -> &[RetentionRule] {
        &self.0
    }

    /// Tells whether no event is ever due.
    pub fn keep_everything(&self) -> bool {
        self.0.iter().all(|rule| rule.days.is_none())
    }

    /// Returns what is due at an instant.
    pub fn due_at(&self, now: Timestamp) -> Due {
        let mut due = Due {
            by_type: BTreeMap::new(),
            others: Cutoffs::NEVER,
        };
        for rule in &self.0 {
            let cutoffs = Cutoffs::of(*rule, now);
            match rule.event_type_id {
                Some(id) => _ = due.by_type.insert(id, cutoffs),
                None => due.others = cutoffs,
            }
        }
        due
    }
}

/// The events that have stayed for as long as the rules of their types say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub by_type: BTreeMap<i32, Cutoffs>,
    /// Of the types without a rule of their own.
    pub others: Cutoffs,
}

/// An event is due if its time and its arrival are before these, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoffs {
    pub time_us: i64,
    pub received_us: i64,
}

impl Cutoffs {
    pub const NEVER: Self = Self {
        time_us: i64::MIN,
        received_us: i64::MIN,
    };

    fn of(rule: RetentionRule, now: Timestamp) -> Self {
        let Some(days) = rule.days else {
            return Self::NEVER;
        };
        let Ok(since) = now.checked_sub(SignedDuration::from_hours(i64::from(days) * 24)) else {
            return Self::NEVER; // before all time
        };
        let time_us = since.as_microsecond();
        Self {
            time_us,
            received_us: match rule.age_from {
                AgeFrom::Latest => time_us,
                AgeFrom::Event => i64::MAX,
            },
        }
    }
}

impl Due {
    pub fn of_type(&self, event_type_id: i32) -> Cutoffs {
        let own = self.by_type.get(&event_type_id);
        own.copied().unwrap_or(self.others)
    }

    /// Tells whether a stored event is due, holds aside. One whose arrival is unknown never is.
    pub fn has(&self, event: &Event) -> bool {
        let cutoffs = self.of_type(event.event_type_id);
        let received_us = event.received_at.map_or(i64::MAX, ReceivedAt::micros);
        event.time.micros() < cutoffs.time_us && received_us < cutoffs.received_us
    }

    /// Returns a time before which every event is that is due.
    pub fn latest_us(&self) -> i64 {
        let by_type = self.by_type.values().map(|it| it.time_us);
        by_type.fold(self.others.time_us, i64::max)
    }
}

/// A step of a run of retention through a tenant's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionStep {
    /// The events that the step deleted, or that it would have deleted.
    pub events: u64,
    /// The events that are due and under a hold, of those that the step looked at.
    pub held: u64,
    /// The events that cannot be read, of those that the step looked at: they stay.
    pub unreadable: u64,
    /// Another replica is deleting events of this tenant, so the step did nothing.
    pub is_elsewhere: bool,
    /// Where to continue; `None` at the end.
    pub next: Option<RetentionPosition>,
}

/// Where a run of retention continues. Only the store that returned it knows what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPosition {
    pub event_type_id: i32,
    pub time_us: i64,
    pub sequence: i64,
}

#[cfg(test)]
mod tests {
    use super::{AgeFrom, Cutoffs, RetentionRule, RetentionRules};

    fn rule(event_type_id: Option<i32>, days: Option<u32>, age_from: AgeFrom) -> RetentionRule {
        RetentionRule {
            event_type_id,
            days,
            age_from,
        }
    }

    #[test]
    fn a_type_has_one_rule_at_most() {
        let [one, other] = [Some(1), None].map(|days| rule(Some(7), days, AgeFrom::Latest));
        assert_eq!(RetentionRules::new(vec![one, other]), None);
        let default = rule(None, Some(30), AgeFrom::Event);
        let rules = RetentionRules::new(vec![one, default]).unwrap();
        assert_eq!(rules.as_slice(), [default, one]);
        let json = serde_json::to_string(&rules).unwrap();
        assert_eq!(
            serde_json::from_str::<RetentionRules>(&json).unwrap(),
            rules
        );
    }

    #[test]
    fn the_rule_of_a_type_takes_precedence() {
        let rules = vec![
            rule(None, Some(1), AgeFrom::Latest),
            rule(Some(7), Some(2), AgeFrom::Event),
            rule(Some(8), None, AgeFrom::Latest),
        ];
        let now = "2026-11-27T10:00:00Z".parse().unwrap();
        let due = RetentionRules::new(rules).unwrap().due_at(now);
        let day = 86_400_000_000;
        let now_us = now.as_microsecond();
        let both = Cutoffs {
            time_us: now_us - day,
            received_us: now_us - day,
        };
        let by_time = Cutoffs {
            time_us: now_us - 2 * day,
            received_us: i64::MAX,
        };
        assert_eq!(
            [9, 7, 8].map(|id| due.of_type(id)),
            [both, by_time, Cutoffs::NEVER]
        );
        assert_eq!(due.latest_us(), now_us - day);
    }
}
