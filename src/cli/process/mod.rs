//! Requests of commands to the operating system. Imports nothing else of `cli`.

pub(super) mod exit;
mod listener;
mod open_file_limit;
pub(super) mod service_runtime;
mod signals;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

pub(super) use listener::{listen, try_to_bind};
pub(super) use open_file_limit::raise_open_file_limit;
pub(super) use signals::Signals;

/// Keeps the memory of the process, which holds API keys and the secret keys of storages, out of core dumps and away from
/// other processes of the user. A tracer with `CAP_SYS_PTRACE` can still read it.
pub(super) fn keep_memory_private() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // A system that refuses has no such feature.
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Chooses the cryptography of TLS for the whole process.
pub(super) fn install_tls() {
    // An error means that it was already chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
