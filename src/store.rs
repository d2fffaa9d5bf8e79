//! What the service asks of storage, in OAuth acts. How and under which keys a backend stores is
//! its own business: Workers KV in `edge`, a map here.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::client::{Client, ClientId, RecordError};
use crate::realm::RealmName;

/// Storage, as the service uses it.
#[allow(
    async_fn_in_trait,
    reason = "a Worker has one thread; no future need be Send"
)]
pub trait Store {
    /// The client registered under `id` in `realm`, if there is one.
    ///
    /// # Errors
    /// [`StoreError`]: never "no such client" for what could not be read.
    async fn client(&self, realm: &RealmName, id: &ClientId) -> Result<Option<Client>, StoreError>;
}

/// Why storage gave no answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// It failed.
    #[error("storage failed: {detail}")]
    Unavailable {
        /// What it said.
        detail: String,
    },
    /// It did not answer in time.
    #[error("storage did not answer within 3 s")]
    Timeout,
    /// It answered with a record that cannot be used.
    #[error("unusable record at key `{key}`: {error}")]
    UnusableRecord {
        /// Where the record lies.
        key: String,
        /// What is wrong with it.
        error: RecordError,
    },
}

/// A store in memory, for tests and for warming up: it keeps records as their text and fails where
/// it is told to.
#[derive(Default)]
pub struct MemoryStore {
    records: RefCell<HashMap<String, Result<String, StoreError>>>,
    reads: RefCell<usize>,
}

impl MemoryStore {
    /// Puts the text of a record, or the failure to read it, where that client is looked up.
    pub fn put(&self, realm: &RealmName, id: &ClientId, record: Result<String, StoreError>) {
        self.records
            .borrow_mut()
            .insert(id.record_key(realm), record);
    }

    /// How often it was read.
    #[must_use]
    pub fn reads(&self) -> usize {
        *self.reads.borrow()
    }
}

impl Store for MemoryStore {
    async fn client(&self, realm: &RealmName, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.reads.replace_with(|reads| reads.saturating_add(1));
        let key = id.record_key(realm);
        match self.records.borrow().get(&key).cloned() {
            None => Ok(None),
            Some(record) => Client::parse(&record?, id)
                .map(Some)
                .map_err(|error| StoreError::UnusableRecord { key, error }),
        }
    }
}
