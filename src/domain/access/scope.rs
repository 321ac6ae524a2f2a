//! Scopes: what a credential allows.

use std::fmt;

use crate::domain::Invalid;

/// One kind of operation. No scope includes another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Sending events, and uploading their files.
    Write,
    /// Reading histories, their files included.
    Read,
    /// Everything else: tenants and keys.
    Admin,
}

impl Scope {
    pub const ALL: [Self; 3] = [Self::Write, Self::Read, Self::Admin];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let found = Self::ALL.into_iter().find(|it| it.name() == text);
        found.ok_or_else(|| Invalid::new("enum", "Input should be 'write', 'read' or 'admin'"))
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Write => 1,
            Self::Read => 2,
            Self::Admin => 4,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Some scopes, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Returns `None` if there are none.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Option<Self> {
        let bits = scopes.into_iter().fold(0, |bits, scope| bits | scope.bit());
        Self::from_bits(bits)
    }

    /// Returns `None` if the bits are not those of scopes.
    pub fn from_bits(bits: u8) -> Option<Self> {
        let all = Scope::ALL.iter().fold(0, |bits, scope| bits | scope.bit());
        (bits != 0 && bits & !all == 0).then_some(Self(bits))
    }

    /// Returns the sum of 1 for `write`, 2 for `read` and 4 for `admin`, as stores keep it.
    pub const fn bits(self) -> u8 {
        self.0
    }

    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |it| self.contains(*it))
    }
}

/// The scope that an operation requires of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// Any credential will do.
    AnyScope,
    Scope(Scope),
}

#[cfg(test)]
mod tests {
    use super::{Scope, Scopes};

    #[test]
    fn bits_are_those_of_scopes() {
        let some = Scopes::new([Scope::Admin, Scope::Write, Scope::Write]).unwrap();
        assert_eq!(some.bits(), 5);
        assert_eq!(Scopes::from_bits(5), Some(some));
        assert!(some.iter().eq([Scope::Write, Scope::Admin]));
        assert!(!some.contains(Scope::Read));
        assert_eq!(Scopes::new([]), None);
        assert_eq!(Scopes::from_bits(8), None);
    }
}
