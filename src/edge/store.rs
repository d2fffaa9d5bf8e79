//! The [`Store`] of the edge: client records in Workers KV, families in Durable Objects.

use std::time::Duration;

use futures_util::future::{Either, select};
use wasm_bindgen::{JsCast as _, JsValue};
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Array, Function, Object, Promise, Reflect, global};
use worker::worker_sys::web_sys;
use worker::{Date, Delay, Env, Error};

use super::grant_store::{FIRST, IS_MARKED, MARK, USED};
use super::{octets, read_at_most};
use crate::client::Client;
use crate::family::act::Message;
use crate::family::{FamilyId, object_name};
use crate::jose::PublicKeys;
use crate::name::{ClientId, RealmName};
use crate::not_before::NotBefore;
use crate::proof::replay::{self, Mark};
use crate::store::{Limiter, Memory, Store, StoreError};
use crate::time::UnixTime;

/// For how long a location may answer from its own copy, in seconds; KV allows no less than 30.
const CACHE_TTL: u32 = 30;

/// How long storage may take, in milliseconds. A read that hangs never ends by itself.
const TIMEOUT: u64 = 3000;

/// How long a request may wait for all that it asks storage, in milliseconds.
const PATIENCE: u64 = 4500;

/// How long a limiter may take, in milliseconds: without one, the request goes on.
const LIMITER_TIMEOUT: u64 = 500;

/// How long an object must have for its answer, or it is not asked, in milliseconds: what it does cannot
/// be undone. A fetch for others must have as long.
const LEAST_TIME: u64 = 1000;

/// After how many milliseconds the runtime gives up a call of an object, if nobody did before.
const ABORT_AFTER: u32 = 3500;

/// How long a request waits at first for what another one fetches, in milliseconds.
const FIRST_PAUSE: u64 = 10;

/// The most octets of an issuer's JWK Set.
const MAX_JWK_SET: usize = 64 * 1024;

/// The storage that a request meets.
pub(super) enum EdgeStore<'a> {
    /// What the Worker's bindings lead to.
    Bindings(Bindings<'a>),
    /// One made-up record, for the request that no caller sent.
    MadeUp(String, Memory),
}

/// The Worker's bindings, for one request.
#[derive(Clone, Copy)]
pub(super) struct Bindings<'a> {
    env: &'a Env,
    memory: &'a Memory,
    /// When the request began, in milliseconds.
    began_at: u64,
}

impl<'a> EdgeStore<'a> {
    /// The storage of a request that begins now.
    pub(super) fn of(env: &'a Env, memory: &'a Memory) -> Self {
        Self::Bindings(Bindings {
            env,
            memory,
            began_at: Date::now().as_millis(),
        })
    }
}

impl Store for EdgeStore<'_> {
    fn memory(&self) -> &Memory {
        match self {
            Self::Bindings(bindings) => bindings.memory,
            Self::MadeUp(_, memory) => memory,
        }
    }

    async fn client(&self, realm: &RealmName, id: &ClientId) -> Result<Option<Client>, StoreError> {
        let key = id.record_key(realm);
        let bindings = match self {
            Self::Bindings(bindings) => bindings,
            Self::MadeUp(record, _) => return read(record, key, id),
        };
        match bindings.text_at(&key).await? {
            Some(record) => read(&record, key, id),
            None => Ok(None),
        }
    }

    /// The platform makes objects' ids out of their names, in a way that is the namespace's own.
    fn object_id(&self, name: &str) -> Result<String, StoreError> {
        let namespace = self.bindings()?.env.durable_object("GRANTS");
        let id = namespace.and_then(|namespace| Ok(namespace.id_from_name(name)?.to_string()));
        id.map_err(|error| unavailable(thrown(&error)))
    }

    async fn act(
        &self,
        realm: &RealmName,
        family: FamilyId,
        act: &Message,
        now: UnixTime,
    ) -> Result<String, StoreError> {
        let call = Call {
            object: &object_name(realm, family),
            url: format!("https://family/{}/{}", act.name, now.seconds()),
            text: &act.text,
            is_idempotent: act.is_idempotent,
        };
        self.bindings()?.send(call).await
    }

    async fn consume(&self, mark: &Mark, now: UnixTime) -> Result<bool, StoreError> {
        // After a lost answer nobody knows who used it.
        let is_free = self.mark(mark, MARK, false, now).await?;
        Ok(is_free)
    }

    async fn is_consumed(&self, mark: &Mark, now: UnixTime) -> Result<bool, StoreError> {
        let is_free = self.mark(mark, IS_MARKED, true, now).await?;
        Ok(!is_free)
    }

    async fn not_before(&self, realm: &RealmName) -> Result<NotBefore, StoreError> {
        let key = NotBefore::record_key(realm);
        let record = self.bindings()?.text_at(&key).await?;
        let moments = record.as_deref().map(NotBefore::parse).transpose();
        let moments = moments.map_err(|error| StoreError::UnusableRecord { key, error })?;
        Ok(moments.unwrap_or_default())
    }

    fn moment(&self, now: UnixTime) -> UnixTime {
        match self {
            Self::Bindings(_) => super::now(),
            Self::MadeUp(..) => now,
        }
    }

    async fn pause(&self, _: UnixTime, times: u32) -> Result<UnixTime, StoreError> {
        // Who has less time than a fetch may need does not begin one after it has waited.
        if self.bindings()?.left() < LEAST_TIME {
            return Err(StoreError::Timeout);
        }
        let pause = FIRST_PAUSE.saturating_mul(2_u64.saturating_pow(times.min(5)));
        Delay::from(Duration::from_millis(pause)).await;
        Ok(super::now())
    }

    async fn issuer_keys(&self, url: &str) -> Result<PublicKeys, StoreError> {
        let keys = PublicKeys::parse(&self.bindings()?.fetch(url).await?);
        let keys = keys.map_err(|error| StoreError::UnusableKeys {
            url: url.to_owned(),
            error,
        })?;
        Ok(keys)
    }

    async fn register(&self, realm: &RealmName, client: &Client) -> Result<(), StoreError> {
        let record = serde_json::to_string(client).map_err(unavailable)?;
        let key = client.client_id.record_key(realm);
        let arguments = [key.as_str().into(), record.as_str().into()];
        self.bindings()?.clients("put", arguments).await.map(drop)
    }

    async fn count(&self, limiter: Limiter, key: &str) -> Result<bool, StoreError> {
        let Self::Bindings(bindings) = self else {
            return Ok(true);
        };
        let name = match limiter {
            Limiter::Rate => "RATE_LIMITER",
            Limiter::Failure => "FAILURE_LIMITER",
        };
        if Reflect::get(bindings.env, &name.into()).is_ok_and(|limiter| limiter.is_undefined()) {
            return Ok(true);
        }
        let asked = Object::new();
        let told = Reflect::set(&asked, &"key".into(), &key.into());
        told.map_err(|error| unavailable(said(&error)))?;
        let asked = [asked.into()];
        let answer = bindings
            .call(name, "limit", &asked, LIMITER_TIMEOUT)
            .await?;
        let answer = Reflect::get(&answer, &"success".into());
        let is_within = answer.ok().and_then(|success| success.as_bool());
        is_within.ok_or_else(|| unavailable("a limiter gave no answer"))
    }
}

impl EdgeStore<'_> {
    /// Asks the object of a mark, whose answer is whether the name was free.
    async fn mark(
        &self,
        mark: &Mark,
        act: &str,
        is_idempotent: bool,
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        let call = Call {
            object: &mark.object_name,
            url: format!("https://mark/{act}/{}", now.seconds()),
            text: &replay::to_text(mark.until),
            is_idempotent,
        };
        match self.bindings()?.send(call).await?.as_str() {
            FIRST => Ok(true),
            USED => Ok(false),
            _ => Err(StoreError::UnreadableAct),
        }
    }

    fn bindings(&self) -> Result<&Bindings<'_>, StoreError> {
        match self {
            Self::Bindings(bindings) => Ok(bindings),
            Self::MadeUp(..) => Err(unavailable("no such storage here")),
        }
    }
}

/// Reads the record at a key.
fn read(record: &str, key: String, id: &ClientId) -> Result<Option<Client>, StoreError> {
    Client::parse(record, id)
        .map(Some)
        .map_err(|error| StoreError::UnusableRecord { key, error })
}

impl Bindings<'_> {
    /// The text at a key of the namespace, if there is one.
    async fn text_at(&self, key: &str) -> Result<Option<String>, StoreError> {
        let options = Object::new();
        let told = Reflect::set(&options, &"cacheTtl".into(), &CACHE_TTL.into());
        told.map_err(|error| unavailable(said(&error)))?;
        let value = self.clients("get", [key.into(), options.into()]).await?;
        match value.as_string() {
            None if value.is_null() => Ok(None),
            text => text.map(Some).ok_or_else(|| unavailable("KV gave no text")),
        }
    }

    /// Fetches the text at a URL of the configuration: with a 200, and from there alone.
    async fn fetch(&self, url: &str) -> Result<String, StoreError> {
        let call = async {
            let init = Object::new();
            Reflect::set(&init, &"redirect".into(), &"manual".into())?;
            let fetch = Reflect::get(&global(), &"fetch".into())?.dyn_into::<Function>()?;
            let answer = fetch.call2(&JsValue::UNDEFINED, &url.into(), &init)?;
            let answer = JsFuture::from(answer.dyn_into::<Promise>()?).await?;
            let answer = answer.dyn_into::<web_sys::Response>()?;
            match answer.status() {
                200 => octets(read_at_most(&answer, MAX_JWK_SET)).await,
                status => Err(format!("answered {status}").into()),
            }
        };
        let failed = |said: &str| unavailable(format!("{url}: {said}"));
        let octets = self.in_time(Box::pin(call)).await;
        let octets = octets.map_err(|_| failed("no answer in time"))?;
        let octets = octets.map_err(|error| failed(&thrown(&error)))?;
        if octets.len() > MAX_JWK_SET {
            return Err(failed("too long"));
        }
        String::from_utf8(octets).map_err(|_| failed("no UTF-8"))
    }

    /// Calls a method of the namespace of clients.
    async fn clients(&self, method: &str, arguments: [JsValue; 2]) -> Result<JsValue, StoreError> {
        self.call("CLIENTS", method, &arguments, TIMEOUT).await
    }

    /// Calls a method of a binding. Not by the SDK, whose options bring the code to serialize
    /// anything.
    async fn call(
        &self,
        binding: &str,
        method: &str,
        arguments: &[JsValue],
        timeout: u64,
    ) -> Result<JsValue, StoreError> {
        let call = async {
            let binding = Reflect::get(self.env, &binding.into())?;
            let method = Reflect::get(&binding, &method.into())?.dyn_into::<Function>()?;
            let arguments = arguments.iter().collect::<Array>();
            let promise = method.apply(&binding, &arguments)?.dyn_into::<Promise>()?;
            JsFuture::from(promise).await
        };
        let answer = self.within(timeout, Box::pin(call)).await?;
        answer.map_err(|error| unavailable(said(&error)))
    }

    /// Sends a message to an object.
    async fn send(&self, call: Call<'_>) -> Result<String, StoreError> {
        if self.left() < LEAST_TIME {
            return Err(StoreError::Timeout);
        }
        self.in_time(Box::pin(call.send(self.env))).await?
    }

    /// How long the request may still wait, in milliseconds.
    fn left(&self) -> u64 {
        let waited = Date::now().as_millis().saturating_sub(self.began_at);
        PATIENCE.saturating_sub(waited)
    }

    /// Waits for storage, but no longer than [`TIMEOUT`].
    async fn in_time<F: Future + Unpin>(&self, answer: F) -> Result<F::Output, StoreError> {
        self.within(TIMEOUT, answer).await
    }

    /// Waits for an answer, but no longer than that, and than the request has [`PATIENCE`].
    async fn within<F: Future + Unpin>(
        &self,
        timeout: u64,
        answer: F,
    ) -> Result<F::Output, StoreError> {
        let timeout = timeout.min(self.left());
        match select(answer, Delay::from(Duration::from_millis(timeout))).await {
            Either::Left((answer, _)) => Ok(answer),
            Either::Right(_) => Err(StoreError::Timeout),
        }
    }
}

/// A message to an object.
struct Call<'a> {
    object: &'a str,
    url: String,
    text: &'a str,
    is_idempotent: bool,
}

impl Call<'_> {
    /// Sends the message, and once more when the runtime says that this may help.
    async fn send(&self, env: &Env) -> Result<String, StoreError> {
        match self.send_once(env).await {
            Err(error) if self.is_idempotent && is_retryable(&error) => self.send_once(env).await,
            answer => answer,
        }
        .map_err(|error| unavailable(thrown(&error)))
    }

    /// Sends it by a stub of its own: one that has thrown is not good any more.
    async fn send_once(&self, env: &Env) -> worker::Result<String> {
        let stub = env.durable_object("GRANTS")?.get_by_name(self.object)?;
        // Not by the SDK's `RequestInit`, which brings the code for all that it could be told.
        let init = web_sys::RequestInit::new();
        init.set_method("POST");
        init.set_body(&JsValue::from_str(self.text));
        // For when a panic meanwhile has ended whoever waits here: without an end of its own the call
        // of an object that died of the same panic would keep the caller waiting for ever.
        let end = web_sys::AbortSignal::timeout_with_u32(ABORT_AFTER);
        init.set_signal(Some(&end));
        let request = web_sys::Request::new_with_str_and_init(&self.url, &init)?;
        let mut response = stub.fetch_with_request(request.into()).await?;
        match response.status_code() {
            200 => response.text().await,
            status => Err(format!("an object answered {status}").into()),
        }
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

/// What a JavaScript error says: its `message`.
fn said(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into()).unwrap_or_default();
    message
        .as_string()
        .unwrap_or_else(|| "no message".to_owned())
}
