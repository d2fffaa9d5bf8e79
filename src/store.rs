//! What the service asks of storage, in OAuth acts. How and under which keys a backend stores is
//! its own business: Workers KV in `edge`, a map here.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::client::{Client, ClientId, RecordError};
use crate::family::act::{self, Message};
use crate::family::{Family, FamilyId, object_name};
use crate::realm::RealmName;
use crate::replay::{self, Mark};
use crate::time::UnixTime;

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

    /// Lets an act happen to a family of `realm` by [`act::decide`], one after another, stores what
    /// became of it, and then answers what that said. [`Context::act`](crate::context::Context::act)
    /// knows the types.
    ///
    /// # Errors
    /// [`StoreError`], when it may have happened or not.
    async fn act(
        &self,
        realm: &RealmName,
        family: FamilyId,
        act: &Message,
        now: UnixTime,
    ) -> Result<String, StoreError>;

    /// Uses a name, once: whether nobody did before, by [`replay::consume`].
    ///
    /// # Errors
    /// [`StoreError`], when it may be used now or not.
    async fn consume(&self, mark: &Mark, now: UnixTime) -> Result<bool, StoreError>;

    /// Registers a client under an id that nobody has yet.
    ///
    /// # Errors
    /// [`StoreError`], when it may be registered or not.
    async fn register(&self, realm: &RealmName, client: &Client) -> Result<(), StoreError>;
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
    /// A family did not understand an act, or its answer was not understood.
    #[error("a family and this version do not understand one another")]
    UnreadableAct,
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
    families: RefCell<HashMap<String, Family>>,
    marks: RefCell<HashMap<String, UnixTime>>,
    acts: RefCell<usize>,
    failure: RefCell<Option<StoreError>>,
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

    /// How often an act happened to a family, or a name was used, or failed to.
    #[must_use]
    pub fn acts(&self) -> usize {
        *self.acts.borrow()
    }

    /// How many families it has.
    #[must_use]
    pub fn families(&self) -> usize {
        self.families.borrow().len()
    }

    /// Lets every act, use of a name and registration fail, until it is told `None`.
    pub fn fail_acts(&self, failure: Option<StoreError>) {
        self.failure.replace(failure);
    }

    fn begin_act(&self) -> Result<(), StoreError> {
        self.acts.replace_with(|acts| acts.saturating_add(1));
        self.failure.borrow().clone().map_or(Ok(()), Err)
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

    async fn act(
        &self,
        realm: &RealmName,
        family: FamilyId,
        act: &Message,
        now: UnixTime,
    ) -> Result<String, StoreError> {
        self.begin_act()?;
        let key = object_name(realm, family);
        let mut families = self.families.borrow_mut();
        let mut family = families.remove(&key);
        let answer = act::decide(act.name, &act.text, &mut family, now);
        families.extend(family.map(|family| (key, family)));
        answer.ok_or(StoreError::UnreadableAct)
    }

    async fn consume(&self, mark: &Mark, now: UnixTime) -> Result<bool, StoreError> {
        self.begin_act()?;
        let mut marks = self.marks.borrow_mut();
        let mut used_until = marks.get(&mark.object_name).copied();
        let is_first = replay::consume(&mut used_until, mark.until, now);
        marks.extend(used_until.map(|until| (mark.object_name.clone(), until)));
        Ok(is_first)
    }

    async fn register(&self, realm: &RealmName, client: &Client) -> Result<(), StoreError> {
        self.begin_act()?;
        let record = serde_json::to_string(client).map_err(|_| StoreError::UnreadableAct)?;
        self.put(realm, &client.client_id, Ok(record));
        Ok(())
    }
}
