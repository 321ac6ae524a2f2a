//! Redaction: the values of some members of an event are removed for good. What, by whom, when and why stays.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::pointer::{MemberPointer, find, without};
use super::same_json::Index;
use super::{Event, EventData};
use crate::domain::{Invalid, Reason};

/// The members that one request may remove. More are removed by removing what contains them.
pub const MAX_REDACTED_MEMBERS: usize = 50;

/// The bytes that the redactions of one event may take, so that it is not much larger than one that was sent.
const MAX_STORED_BYTES: usize = 64 * 1024;

/// The members that can be redacted. Others are what an event is found and ordered by, or are in the storage of files too.
const EVENT_DATA: &str = "event_data";
const SOURCE_NAME: &str = "source_name";
const SOURCE_INFO: &str = "source_info";

/// A redaction of an event: which members lost their values, and why, by whom and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redaction {
    pub members: Vec<MemberPointer>,
    pub reason: Reason,
    /// The credential, for people.
    pub redacted_by: String,
    pub redacted_at: Timestamp,
}

/// The redactions of one event, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Redactions(Vec<Redaction>);

/// A member that cannot be redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberProblem {
    /// Of the member in the request; `None`: of all of them together.
    pub index: Option<usize>,
    pub invalid: Invalid,
}

impl Redactions {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn as_slice(&self) -> &[Redaction] {
        &self.0
    }

    /// Returns how many times something was removed: less than 1000.
    pub fn count(&self) -> u16 {
        u16::try_from(self.0.len()).unwrap_or(u16::MAX)
    }

    /// Returns the text to store; `None` if there are none.
    pub fn encode(&self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        serde_json::to_string(self).ok() // strings never fail
    }

    /// Returns what [`Self::encode`] wrote. An error says what is wrong with the text.
    pub fn decode(text: Option<&str>) -> Result<Self, String> {
        let Some(text) = text else {
            return Ok(Self::default());
        };
        serde_json::from_str(text).map_err(|error| format!("its redactions are invalid: {error}"))
    }

    /// Tells whether a member was removed already, by itself or with what contained it.
    fn cover(&self, member: &MemberPointer) -> bool {
        let mut members = self.0.iter().flat_map(|redaction| &redaction.members);
        members.any(|it| member.is_within(it))
    }

    /// Estimates the memory that they take.
    pub(super) fn weight_bytes(&self) -> usize {
        let weight = |redaction: &Redaction| {
            let members = redaction.members.iter().map(|it| it.as_str().len() + 8);
            let texts = redaction.reason.as_str().len() + redaction.redacted_by.len();
            members.sum::<usize>() + texts + 128
        };
        self.0.iter().map(weight).sum()
    }
}

impl Event {
    /// Returns the event without the values of these members: `null` in its data, and empty texts elsewhere. `None` if all of
    /// them were removed before. Or says of each member that cannot be removed why not.
    pub fn redacted(&self, redaction: &Redaction) -> Result<Option<Self>, Vec<MemberProblem>> {
        let mut removal = Removal::of(self);
        for (index, member) in redaction.members.iter().enumerate() {
            if !self.redactions.cover(member)
                && let Err(invalid) = removal.add(member)
            {
                let index = Some(index);
                removal.problems.push(MemberProblem { index, invalid });
            }
        }
        if !removal.problems.is_empty() {
            return Err(removal.problems);
        }
        if removal.members.is_empty() {
            return Ok(None);
        }
        removal.finish(redaction).map(Some)
    }
}

/// The removal of members of an event.
struct Removal<'a> {
    event: &'a Event,
    /// Of its data; `None` if that is damaged.
    index: Option<Index<'a>>,
    members: Vec<MemberPointer>,
    all_data: bool,
    parts: Vec<std::ops::Range<usize>>,
    source_name: bool,
    source_info: bool,
    problems: Vec<MemberProblem>,
}

impl<'a> Removal<'a> {
    fn of(event: &'a Event) -> Self {
        Self {
            event,
            index: Index::of(event.data.as_str()),
            members: Vec::new(),
            all_data: false,
            parts: Vec::new(),
            source_name: false,
            source_info: false,
            problems: Vec::new(),
        }
    }

    fn add(&mut self, member: &MemberPointer) -> Result<(), Invalid> {
        let tokens = member.tokens();
        match tokens.split_first() {
            Some((first, rest)) if first == EVENT_DATA => self.add_data(member, rest)?,
            Some((first, [])) if first == SOURCE_NAME => self.source_name = true,
            Some((first, [])) if first == SOURCE_INFO => self.source_info = true,
            _ => {
                let message = format!(
                    "'{}' cannot be redacted: only {EVENT_DATA} and what is in it, {SOURCE_NAME} and {SOURCE_INFO} can",
                    member.as_str()
                );
                return Err(Invalid::new("redaction_not_allowed", message));
            }
        }
        if !self.members.contains(member) {
            self.members.push(member.clone());
        }
        Ok(())
    }

    fn add_data(&mut self, member: &MemberPointer, tokens: &[Cow<'_, str>]) -> Result<(), Invalid> {
        let found = self.index.as_ref().map(|index| find(index, tokens));
        let found = found.filter(|found| !found.is_empty()).ok_or_else(|| {
            let message = format!("'{}' names nothing in the event", member.as_str());
            Invalid::new("member_not_found", message)
        })?;
        if self.names_file(tokens) {
            let message = format!(
                "'{}' cannot be redacted: it names the event's file, and has to stay for as long as the event",
                member.as_str()
            );
            return Err(Invalid::new("redaction_not_allowed", message));
        }
        if tokens.is_empty() {
            self.all_data = true;
        }
        self.parts.extend(found);
        Ok(())
    }

    /// Tells whether a reference to a file would be removed, by which the event keeps it.
    fn names_file(&self, tokens: &[Cow<'_, str>]) -> bool {
        let names_file = |data: &EventData| data.file_id() != Ok(None);
        match tokens {
            [] => names_file(&self.event.data),
            [_] => self.element_names_file(tokens),
            [element, name] if name == "file_id" => {
                self.element_names_file(std::slice::from_ref(element))
            }
            _ => false,
        }
    }

    fn element_names_file(&self, element: &[Cow<'_, str>]) -> bool {
        let Some(index) = &self.index else {
            return false;
        };
        let json = self.event.data.as_str();
        find(index, element).into_iter().any(|part| {
            let alone = EventData::from_stored(format!("[{}]", &json[part]));
            alone.file_id() != Ok(None)
        })
    }

    fn finish(self, redaction: &Redaction) -> Result<Event, Vec<MemberProblem>> {
        let mut event = self.event.clone();
        if self.all_data {
            event.data = EventData::from_stored("[]".to_owned());
        } else if !self.parts.is_empty() {
            event.data = EventData::from_stored(without(event.data.as_str(), self.parts));
        }
        if self.source_name {
            event.source_name.clear();
        }
        if self.source_info {
            event.source_info.clear();
        }
        event.redactions.0.push(Redaction {
            members: self.members,
            ..redaction.clone()
        });
        let bytes = event.redactions.encode().map_or(0, |text| text.len());
        if bytes > MAX_STORED_BYTES {
            let message = format!(
                "The redactions of the event would take {bytes} bytes, and may take {MAX_STORED_BYTES}: redact what \
                 contains these members"
            );
            let invalid = Invalid::new("too_many_redactions", message);
            return Err(vec![MemberProblem {
                index: None,
                invalid,
            }]);
        }
        Ok(event)
    }
}

#[cfg(test)]
#[path = "redaction_tests.rs"]
mod tests;
