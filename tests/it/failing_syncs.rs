//! A disk that does not do what it is told: nothing is acknowledged that is not on it, nobody is kept
//! waiting, and the service recovers by itself.

mod events;
mod hung;
mod readiness;
mod tenants;
