//! What the service asks of storage, in OAuth acts. How and under which keys a backend stores is
//! its own business: Workers KV in `edge`, a map in [`MemoryStore`].

mod memory;

use std::cell::RefCell;
use std::rc::Rc;

pub use self::memory::MemoryStore;
use crate::client::{Client, ClientId, RecordError};
use crate::family::FamilyId;
use crate::family::act::Message;
use crate::jose::{KeySetError, PublicKey};
use crate::not_before::NotBefore;
use crate::realm::RealmName;
use crate::replay::Mark;
use crate::time::{Seconds, UnixTime};

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

    /// Lets an act happen to a family of `realm` by [`act::decide`](crate::family::act::decide), one after another, stores what
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

    /// Uses a name, once: whether nobody did before, by [`replay::consume`](crate::replay::consume).
    ///
    /// # Errors
    /// [`StoreError`], when it may be used now or not.
    async fn consume(&self, mark: &Mark, now: UnixTime) -> Result<bool, StoreError>;

    /// Whether a name is used, or was and may not be again.
    ///
    /// # Errors
    /// [`StoreError`]: never "no" for what could not be read.
    async fn is_consumed(&self, mark: &Mark, now: UnixTime) -> Result<bool, StoreError>;

    /// The moments before which nothing in `realm` holds, at most [`not_before::MAX_AGE`](crate::not_before::MAX_AGE) old.
    ///
    /// # Errors
    /// [`StoreError`]: never "none" for what could not be read.
    async fn not_before(
        &self,
        realm: &RealmName,
        now: UnixTime,
    ) -> Result<Rc<NotBefore>, StoreError>;

    /// The keys of the JWK Set at a URL, read at most `max_age` ago.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn issuer_keys(
        &self,
        url: &str,
        max_age: Seconds,
        now: UnixTime,
    ) -> Result<Rc<[PublicKey]>, StoreError>;

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
    /// A trusted issuer published what are no keys.
    #[error("unusable JWK Set at {url}: {error}")]
    UnusableKeys {
        /// Where.
        url: String,
        /// What is wrong with it.
        error: KeySetError,
    },
}

/// Copies of what was read, by name, for as long as whoever asks wants them. Their names come from
/// configuration, so there are few.
pub struct Copies<T: ?Sized>(RefCell<Vec<(String, UnixTime, Rc<T>)>>);

impl<T: ?Sized> Copies<T> {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// The copy of that name, unless it is older than `max_age`, or from the future of a clock that
    /// was set back.
    #[must_use]
    pub fn fresh(&self, name: &str, max_age: Seconds, now: UnixTime) -> Option<Rc<T>> {
        let copies = self.0.borrow();
        let (_, read_at, copy) = copies.iter().find(|(known, ..)| known == name)?;
        let is_fresh = *read_at <= now && now.since(*read_at) < max_age;
        is_fresh.then(|| Rc::clone(copy))
    }

    /// Keeps a copy that was read `now`.
    pub fn keep(&self, name: &str, copy: Rc<T>, now: UnixTime) -> Rc<T> {
        let mut copies = self.0.borrow_mut();
        copies.retain(|(known, ..)| known != name);
        copies.push((name.to_owned(), now, Rc::clone(&copy)));
        copy
    }
}

impl<T: ?Sized> Default for Copies<T> {
    fn default() -> Self {
        Self::new()
    }
}
