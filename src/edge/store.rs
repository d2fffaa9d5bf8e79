//! The [`Store`] of the edge: client records in Workers KV, families in Durable Objects.

use std::time::Duration;

use futures_util::future::{Either, select};
use wasm_bindgen::{JsCast as _, JsValue};
use worker::js_sys::Reflect;
use worker::kv::KvError;
use worker::worker_sys::web_sys;
use worker::{Delay, Env, Error};

use crate::client::{Client, ClientId};
use crate::family::act::Message;
use crate::family::{FamilyId, object_name};
use crate::realm::RealmName;
use crate::store::{MemoryStore, Store, StoreError};
use crate::time::UnixTime;

/// For how long a location may answer from its own copy, in seconds; KV allows no less than 30.
const CACHE_TTL: u64 = 30;

/// How long storage may take. A read that hangs never ends by itself.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The storage that a request meets.
pub(super) enum EdgeStore<'a> {
    /// What the Worker's bindings lead to.
    Bindings(&'a Env),
    /// A made-up one, for the request that no caller sent. It has no families.
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
        let record = in_time(read).await?;
        let record = record.map_err(|error| unavailable(kv_error(error)))?;
        record
            .map(|record| Client::parse(&record, id))
            .transpose()
            .map_err(|error| StoreError::UnusableRecord { key, error })
    }

    async fn act(
        &self,
        realm: &RealmName,
        family: FamilyId,
        act: &Message,
        now: UnixTime,
    ) -> Result<String, StoreError> {
        let Self::Bindings(env) = self else {
            return Err(unavailable("no families here"));
        };
        let call = Call {
            object: object_name(realm, family),
            url: format!("https://family/{}/{}", act.name, now.seconds()),
            act,
        };
        in_time(Box::pin(call.send(env))).await?
    }
}

/// A message to the object of a family.
struct Call<'a> {
    object: String,
    url: String,
    act: &'a Message,
}

impl Call<'_> {
    /// Sends the message, and once more when the runtime says that this may help.
    async fn send(&self, env: &Env) -> Result<String, StoreError> {
        match self.send_once(env).await {
            Err(error) if self.act.is_idempotent && is_retryable(&error) => {
                self.send_once(env).await
            }
            answer => answer,
        }
        .map_err(|error| unavailable(thrown(&error)))
    }

    /// Sends it by a stub of its own: one that has thrown is not good any more.
    async fn send_once(&self, env: &Env) -> worker::Result<String> {
        let stub = env.durable_object("GRANTS")?.get_by_name(&self.object)?;
        // Not by the SDK's `RequestInit`, which brings the code for all that it could be told.
        let init = web_sys::RequestInit::new();
        init.set_method("POST");
        init.set_body(&JsValue::from_str(&self.act.text));
        let request = web_sys::Request::new_with_str_and_init(&self.url, &init)?;
        let mut response = stub.fetch_with_request(request.into()).await?;
        match response.status_code() {
            200 => response.text().await,
            status => Err(format!("a family answered {status}").into()),
        }
    }
}

/// Waits for storage, but no longer than [`TIMEOUT`].
async fn in_time<F: Future + Unpin>(answer: F) -> Result<F::Output, StoreError> {
    match select(answer, Delay::from(TIMEOUT)).await {
        Either::Left((answer, _)) => Ok(answer),
        Either::Right(_) => Err(StoreError::Timeout),
    }
}

fn unavailable(detail: impl ToString) -> StoreError {
    StoreError::Unavailable {
        detail: detail.to_string(),
    }
}

/// Whether a Durable Object's error says `retryable` and not `overloaded`.
fn is_retryable(error: &Error) -> bool {
    let Error::UnknownJsError { original, .. } = error else {
        return false;
    };
    let says = |name: &str| {
        Reflect::get(original, &JsValue::from_str(name)).is_ok_and(|value| value.is_truthy())
    };
    says("retryable") && !says("overloaded")
}

/// What a Durable Object's error says, without its stack.
fn thrown(error: &Error) -> String {
    match error {
        Error::UnknownJsError { message, .. } => message.clone(),
        error => error.to_string(),
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
