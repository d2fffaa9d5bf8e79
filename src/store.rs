//! What the service asks of storage, in OAuth acts. How and under which keys a backend stores is
//! its own business: Workers KV in `edge`, a map in [`MemoryStore`].

mod copies;
mod fetches;
mod memory;

pub use self::copies::{Age, Copies, Memory};
pub use self::fetches::{Fetches, Turn};
pub use self::memory::MemoryStore;
use crate::client::{Client, RecordError};
use crate::family::FamilyId;
use crate::family::act::Message;
use crate::jose::{KeySetError, PublicKeys};
use crate::name::{ClientId, RealmName};
use crate::not_before::NotBefore;
use crate::proof::replay::Mark;
use crate::time::UnixTime;

/// Storage, as the service uses it.
#[allow(
    async_fn_in_trait,
    reason = "a Worker has one thread; no future need be Send"
)]
pub trait Store {
    /// What earlier requests read there.
    fn memory(&self) -> &Memory;

    /// The client registered under `id` in `realm`, if there is one.
    ///
    /// # Errors
    /// [`StoreError`]: never "no such client" for what could not be read.
    async fn client(&self, realm: &RealmName, id: &ClientId) -> Result<Option<Client>, StoreError>;

    /// What this storage alone makes of an [`object_name`](crate::family::object_name), without a look at what
    /// is stored: families' ids end in a [tag](crate::family::tag) of it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn object_id(&self, name: &str) -> Result<String, StoreError>;

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

    /// Uses a name, once: whether nobody did before, by [`replay::consume`](crate::proof::replay::consume).
    ///
    /// # Errors
    /// [`StoreError`], when it may be used now or not.
    async fn consume(&self, mark: &Mark, now: UnixTime) -> Result<bool, StoreError>;

    /// Whether a name is used, or was and may not be again.
    ///
    /// # Errors
    /// [`StoreError`]: never "no" for what could not be read.
    async fn is_consumed(&self, mark: &Mark, now: UnixTime) -> Result<bool, StoreError>;

    /// The moments before which nothing in `realm` holds.
    ///
    /// # Errors
    /// [`StoreError`]: never "none" for what could not be read.
    async fn not_before(&self, realm: &RealmName) -> Result<NotBefore, StoreError>;

    /// What time it is by now, for a request that came `now`.
    fn moment(&self, now: UnixTime) -> UnixTime;

    /// Waits a little, the longer the more `times` it has waited before, and tells what time it is then.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] once the request has waited as long as it may.
    async fn pause(&self, now: UnixTime, times: u32) -> Result<UnixTime, StoreError>;

    /// The keys of the JWK Set at a URL.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn issuer_keys(&self, url: &str) -> Result<PublicKeys, StoreError>;

    /// Registers a client under an id that nobody has yet.
    ///
    /// # Errors
    /// [`StoreError`], when it may be registered or not.
    async fn register(&self, realm: &RealmName, client: &Client) -> Result<(), StoreError>;

    /// Counts one more for `key`: whether it is within its limit, as one without a limit always is.
    ///
    /// # Errors
    /// [`StoreError`], when nobody counted.
    async fn count(&self, limiter: Limiter, key: &str) -> Result<bool, StoreError>;
}

/// What is counted, over a period of [`PERIOD`] seconds. A brake and no account: each location counts
/// for itself, loosely.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limiter {
    /// What a client asks for.
    Rate,
    /// Authentications that failed, by the address that they came from, and what such an address asks of
    /// one family.
    Failure,
}

/// The period of the limiters in `wrangler.toml`, in seconds: one of the two that Cloudflare has.
pub const PERIOD: u32 = 60;

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
    #[error("storage did not answer in time")]
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
