//! The contracts of the demo, and how each of them changes: acts of people, AI agents and machines, the same in every demo.

use serde_json::{Value, json};

/// Who does something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    pub(super) id: i64,
    pub(super) type_id: i32,
    pub(super) name: &'static str,
    pub(super) info: &'static str,
}

const PEOPLE: [Source; 4] = [
    person(7, "Maya Lindqvist"),
    person(8, "Tomás Herrera"),
    person(9, "Aisha Rahman"),
    person(10, "Jonas Weber"),
];

const REVIEWER: Source = agent(301, "Contract reviewer");
const DRAFTER: Source = agent(302, "Drafting assistant");
const REMINDERS: Source = machine(41, 1, "Renewal reminders");
const IMPORT: Source = machine(1, 2, "Nightly import");

const fn person(id: i64, name: &'static str) -> Source {
    machine(id, 0, name)
}

const fn agent(id: i64, name: &'static str) -> Source {
    Source {
        info: "example-model-2",
        ..machine(id, 3, name)
    }
}

const fn machine(id: i64, type_id: i32, name: &'static str) -> Source {
    Source {
        id,
        type_id,
        name,
        info: "",
    }
}

const TITLES: [&str; 12] = [
    "Lease of the old mill",
    "Supply of solar panels",
    "Maintenance of the north line",
    "Licence for the route planner",
    "Cleaning of three offices",
    "Loan of the harbour paintings",
    "Catering for the annual meeting",
    "Insurance of the vehicle fleet",
    "Sale of plot 17",
    "Cooperation with the university",
    "Hosting of the booking system",
    "Employment of a site manager",
];

const STATUSES: [&str; 10] = [
    "draft",
    "in review",
    "negotiation",
    "in review",
    "approved",
    "signed",
    "active",
    "in review",
    "amended",
    "active",
];

/// Texts of a clause, each a revision of the one before.
const CLAUSES: [&str; 4] = [
    "Either party may end this contract with a notice of 30 days to the end of a month.",
    "Either party may end this contract with a written notice of 60 days to the end of a quarter.",
    "Either party may end this contract with a written notice of 90 days to the end of a quarter, at the earliest after one year.",
    "Either party may end this contract with a written notice of 90 days to the end of a year, at the earliest after one year.",
];

const TAGS: [&str; 5] = [
    "renewal",
    "confidential",
    "framework",
    "vat exempt",
    "priority",
];

/// An act of one source: events with their types and data, in their order.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) record_id: i64,
    pub(super) source: Source,
    pub(super) events: Vec<(i32, Value)>,
}

/// A contract, as far as it has been told.
#[derive(Debug)]
pub(super) struct Contract {
    number: usize,
    acts: usize,
    amount: usize,
    clause: usize,
    status: usize,
    owner: usize,
    assignees: Vec<usize>,
    tags: Vec<&'static str>,
    reviews: usize,
}

impl Contract {
    /// There are [`Self::COUNT`] of them.
    pub(super) const COUNT: usize = TITLES.len();

    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            acts: 0,
            amount: 1_200 + 850 * number,
            clause: 0,
            status: 0,
            owner: number % PEOPLE.len(),
            assignees: Vec::new(),
            tags: vec![TAGS[number % TAGS.len()]],
            reviews: 0,
        }
    }

    pub(super) fn title(number: usize) -> &'static str {
        TITLES[number % TITLES.len()]
    }

    /// Returns the next act; `document` is the id of a file that is to be a part of it, with its name.
    pub(super) fn next(&mut self, document: Option<(&str, &str)>) -> Act {
        let turn = self.acts;
        self.acts += 1;
        let owner = PEOPLE[self.owner];
        let (source, events) = if turn == 0 {
            (owner, self.created())
        } else if let Some((file_id, name)) = document {
            let data = json!([{"file_id": file_id, "name": name}]);
            (DRAFTER, vec![(9, data)])
        } else {
            // 5 and 9 have no common factor, so each kind has its turn.
            match (turn * 5 + self.number * 3) % 9 {
                0 | 5 => (owner, vec![(7, json!([self.next_status()]))]),
                1 => (
                    REVIEWER,
                    vec![(7, json!([self.next_clause(), self.next_amount()]))],
                ),
                2 => (PEOPLE[(self.owner + turn) % 4], self.assigned(turn)),
                3 => (owner, self.handed_over()),
                4 => (IMPORT, vec![(7, json!([self.next_amount()]))]),
                6 => (
                    REMINDERS,
                    vec![(7, json!([self.tagged(turn), self.reviewed()]))],
                ),
                7 => (DRAFTER, vec![(7, json!([self.next_clause()]))]),
                _ => (
                    PEOPLE[(self.owner + 1) % 4],
                    vec![(7, json!([self.next_amount(), self.reviewed()]))],
                ),
            }
        };
        Act {
            record_id: self.record_id(),
            source,
            events,
        }
    }

    /// Returns the act that ends it.
    pub(super) fn deleted(&self) -> Act {
        Act {
            record_id: self.record_id(),
            source: PEOPLE[self.owner],
            events: vec![(8, json!([]))],
        }
    }

    fn record_id(&self) -> i64 {
        1001 + i64::try_from(self.number).unwrap_or_default()
    }

    fn created(&self) -> Vec<(i32, Value)> {
        let fields = json!([
            {"field": "title", "label": "Title", "new": Self::title(self.number)},
            {"field": "amount", "label": "Amount", "new": self.amount},
            {"field": "clause", "label": "Termination", "new": CLAUSES[0]},
            {"field": "tags", "label": "Tags", "new": self.tags},
            {"field": "reviews", "label": "Reviews", "new": 0},
        ]);
        vec![
            (1, fields),
            (10, json!([{"status": STATUSES[0]}])),
            (2, json!([who(PEOPLE[self.owner])])),
        ]
    }

    fn next_status(&mut self) -> Value {
        let old = STATUSES[self.status];
        self.status = (self.status + 1) % STATUSES.len();
        json!({"field": "status", "label": "Status", "old": old, "new": STATUSES[self.status]})
    }

    fn next_clause(&mut self) -> Value {
        let old = CLAUSES[self.clause];
        self.clause = (self.clause + 1) % CLAUSES.len();
        json!({"field": "clause", "label": "Termination", "old": old, "new": CLAUSES[self.clause]})
    }

    fn next_amount(&mut self) -> Value {
        let old = self.amount;
        self.amount += 35 + (old * 7) % 240;
        json!({"field": "amount", "label": "Amount", "old": old, "new": self.amount})
    }

    fn tagged(&mut self, turn: usize) -> Value {
        let old = self.tags.clone();
        let tag = TAGS[turn % TAGS.len()];
        self.tags.retain(|it| *it != tag);
        if self.tags.len() == old.len() {
            self.tags.push(tag);
        }
        json!({"field": "tags", "label": "Tags", "old": old, "new": self.tags})
    }

    fn assigned(&mut self, turn: usize) -> Vec<(i32, Value)> {
        let person = (self.owner + turn + 1) % PEOPLE.len();
        let before = self.assignees.len();
        self.assignees.retain(|it| *it != person);
        let is_removed = self.assignees.len() < before;
        if !is_removed {
            self.assignees.push(person);
        }
        let type_id = if is_removed { 6 } else { 5 };
        vec![(type_id, json!([who(PEOPLE[person])]))]
    }

    fn reviewed(&mut self) -> Value {
        let old = self.reviews;
        self.reviews += 1;
        json!({"field": "reviews", "label": "Reviews", "old": old, "new": self.reviews})
    }

    fn handed_over(&mut self) -> Vec<(i32, Value)> {
        let old = PEOPLE[self.owner];
        self.owner = (self.owner + 1) % PEOPLE.len();
        vec![
            (3, json!([who(PEOPLE[self.owner])])),
            (4, json!([who(old)])),
        ]
    }
}

fn who(person: Source) -> Value {
    json!({"id": person.id, "name": person.name})
}
