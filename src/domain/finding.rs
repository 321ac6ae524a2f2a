//! What `event-history check` says about one part of a deployment.

/// One thing that was looked at, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The part looked at: `database`, `bucket`, `credentials`, `clock`, `versions` or `cors`.
    pub subject: &'static str,
    pub state: State,
    /// What was seen, in one line.
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Good,
    /// Works, but not for everybody; the remedy in one line.
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
