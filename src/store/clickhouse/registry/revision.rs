//! The states of a tenant's entry, which only advance.

/// The state of a tenant's creation or deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// A replica is creating the database, or crashed while doing so.
    Creating,
    Ready,
    /// The tenant was deleted, and can be restored: then the entry is ready, in its next life.
    Hidden,
    /// The entry is not found any more; the database and the rows are about to be removed.
    Deleting,
    /// The name is free and the rows are gone. Rows of INSERTs that were under way may follow.
    Deleted,
    /// No more rows follow. They may still be on the disk, where nobody can read them.
    Emptied,
    /// Nothing is left on the disk.
    Erased,
}

/// Counts the states of a tenant. It only increases, so that the last state counts in whatever order replicas write;
/// a tenant that is created again after its deletion (copied back, say), or restored, continues the count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Revision(pub(super) u32);

impl Revision {
    const STATES: u32 = 8;

    pub(super) fn state(self) -> State {
        match self.0 % Self::STATES {
            0 => State::Creating,
            1 => State::Ready,
            2 => State::Hidden,
            3 => State::Deleting,
            4 => State::Deleted,
            5 => State::Emptied,
            _ => State::Erased,
        }
    }

    /// Returns the revision of another state in the same life.
    pub(super) fn with_state(self, state: State) -> Self {
        Self(self.0 - self.0 % Self::STATES + state as u32)
    }

    /// Returns the first revision of a tenant's next life.
    pub(super) fn next_life(self) -> Self {
        Self((self.0 / Self::STATES + 1) * Self::STATES)
    }
}

#[cfg(test)]
mod tests {
    use super::{Revision, State};

    #[test]
    fn a_revision_counts_states_and_lives() {
        let first = Revision::default();
        assert_eq!(first.state(), State::Creating);
        let mut revision = first;
        for state in [
            State::Ready,
            State::Hidden,
            State::Deleting,
            State::Deleted,
            State::Emptied,
            State::Erased,
        ] {
            let next = revision.with_state(state);
            assert!(next > revision);
            assert_eq!(next.state(), state);
            revision = next;
        }
        let again = revision.next_life();
        assert_eq!(again, Revision(8));
        assert_eq!(again.with_state(State::Deleting), Revision(11));
    }
}
