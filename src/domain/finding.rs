//! Results of `event-history check`.

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The part that was checked: `settings`, `listen`, `tls`, `database`, `bucket`, `credentials`, `clock`, `versions` or `cors`.
    pub subject: &'static str,
    pub state: State,
    /// One line.
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Good,
    /// Works, but not in every case; the remedy in one line.
    Warning {
        remedy: String,
    },
    /// Does not work; the remedy in one line.
    Wrong {
        remedy: String,
    },
}

impl Finding {
    pub fn good(subject: &'static str, message: impl Into<String>) -> Self {
        Self {
            subject,
            state: State::Good,
            message: message.into(),
        }
    }

    pub fn warning(
        subject: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let state = State::Warning {
            remedy: remedy.into(),
        };
        Self {
            subject,
            state,
            message: message.into(),
        }
    }

    pub fn wrong(
        subject: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let state = State::Wrong {
            remedy: remedy.into(),
        };
        Self {
            subject,
            state,
            message: message.into(),
        }
    }
}
