//! What went wrong with clients, files and test suites that others wrote, by kind: each member of a
//! kind is a request that a real program sends.

mod authorization_endpoint;
mod both_secrets;
mod cached_records;
mod clocks;
mod error_pages;
mod exchange;
mod fapi2;
mod jwk_sets;
mod metadata;
mod native_applications;
mod pages;
mod registration_narrows;
mod scopes;
mod small;
mod stored_state;
mod transport;
mod used_codes;
mod waiting;

use super::*;
