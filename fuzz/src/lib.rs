//! What fuzzing checks. For each target a function takes any octets and panics when something does
//! not hold that must: that what is read can be written and read again, that nothing verifies but
//! what was signed, that no answer tells a secret.
//!
//! The binaries in `fuzz_targets` give them what libFuzzer makes up, `tests/corpus.rs` of the crate
//! what lies in `corpus`: so every input that ever failed is tried with each `cargo test`.
//!
//! Keys and secrets here are made of fixed octets and open nothing.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a target stops at what must not be"
)]

mod configuration;
mod es256;
mod family;
mod keys;
mod known;
mod records;
mod requests;
mod service;
mod signed;

use std::cell::RefCell;
use std::collections::BTreeSet;

pub use self::configuration::realms;
pub use self::es256::es256;
pub use self::family::family;
pub use self::keys::jwk;
pub use self::records::{client_record, not_before_record, registration};
pub use self::requests::{basic, form, handle, scope};
pub use self::service::service;
pub use self::signed::{access_token, assertion, dpop, jwt};

/// A target.
pub type Target = fn(&[u8]);

/// All of them, by the names of their binaries and seeds.
pub const TARGETS: [(&str, Target); 16] = [
    ("form", form),
    ("basic", basic),
    ("scope", scope),
    ("handle", handle),
    ("jwt", jwt),
    ("access_token", access_token),
    ("assertion", assertion),
    ("dpop", dpop),
    ("jwk", jwk),
    ("es256", es256),
    ("client_record", client_record),
    ("not_before_record", not_before_record),
    ("registration", registration),
    ("family", family),
    ("realms", realms),
    ("service", service),
];

thread_local! {
    static SEEN: RefCell<Option<BTreeSet<String>>> = const { RefCell::new(None) };
}

/// Tells all outcomes of a target for some inputs: so a test knows that the seeds reach them.
pub fn outcomes(target: Target, inputs: &[Vec<u8>]) -> BTreeSet<String> {
    SEEN.set(Some(BTreeSet::new()));
    inputs.iter().for_each(|input| target(input));
    SEEN.take().unwrap_or_default()
}

/// Notes an outcome if somebody wants to know.
fn seen(outcome: impl FnOnce() -> String) {
    SEEN.with_borrow_mut(|seen| seen.as_mut().map(|seen| seen.insert(outcome())));
}

/// The octets as text; what is no UTF-8 arrives nowhere as text.
fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// The text before the first line break, and after it.
fn first_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// Notes whether an input was taken.
fn taken(is_taken: bool) {
    seen(|| if is_taken { "taken" } else { "refused" }.to_owned());
}
