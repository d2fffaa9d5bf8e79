//! The [`Store`] of the edge: client records in Workers KV.

use std::time::Duration;

use futures_util::future::{Either, select};
use wasm_bindgen::JsCast as _;
use worker::kv::KvError;
use worker::{Delay, Env};

use crate::client::{Client, ClientId};
use crate::realm::RealmName;
use crate::store::{MemoryStore, Store, StoreError};

/// For how long a location may answer from its own copy, in seconds; KV allows no less than 30.
const CACHE_TTL: u64 = 30;

/// How long storage may take. A read that hangs never ends by itself.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The storage that a request meets.
pub(super) enum EdgeStore<'a> {
    /// What the Worker's bindings lead to.
    Bindings(&'a Env),
    /// A made-up one, for the request that no caller sent.
    Memory(MemoryStore),
}

impl Store for EdgeStore<'_> {
    async fn client(&self, realm: &RealmName, id: &ClientId) -> Result<Option<Client>, StoreError> {
        let env = match self {
            Self::Bindings(env) => env,
            Self::Memory(store) => return store.client(realm, id).await,
        };
        let key = id.record_key(realm);
        let clients = env.kv("CLIENTS").map_err(unavailable)?;
        let read = Box::pin(clients.get(&key).cache_ttl(CACHE_TTL).text());
        let record = match select(read, Delay::from(TIMEOUT)).await {
            Either::Left((record, _)) => record.map_err(|error| unavailable(kv_error(error)))?,
            Either::Right(_) => return Err(StoreError::Timeout),
        };
        record
            .map(|record| Client::parse(&record, id))
            .transpose()
            .map_err(|error| StoreError::UnusableRecord { key, error })
    }
}

fn unavailable(detail: impl ToString) -> StoreError {
    StoreError::Unavailable {
        detail: detail.to_string(),
    }
}

/// KV throws JavaScript errors, whose text is their `message`.
fn kv_error(error: KvError) -> String {
    match &error {
        KvError::JavaScript(thrown) => thrown.dyn_ref::<worker::js_sys::Error>().map_or_else(
            || error.to_string(),
            |thrown| String::from(thrown.message()),
        ),
        _ => error.to_string(),
    }
}
