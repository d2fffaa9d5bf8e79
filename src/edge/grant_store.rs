//! The Durable Object that stores one family: it reads the family, lets an act happen to it, and
//! writes what became of it. What happens is the core's to decide.

use worker::js_sys::futures::JsFuture;
use worker::{
    DurableObject, Env, Request, Response, Result, State, Storage, console_error, durable_object,
};

use super::now;
use crate::family::{Family, act};
use crate::time::UnixTime;
use crate::wire::Wire as _;

/// The key under which an object stores its family, as JSON.
const FAMILY: &str = "family";

/// How long to wait for a version that can read a family, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// One family.
#[durable_object(alarm)]
pub struct GrantStore {
    state: State,
}

impl DurableObject for GrantStore {
    fn new(state: State, _: Env) -> Self {
        Self { state }
    }

    /// Lets the act happen that `/{name}/{now}` and the body tell.
    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let path = request.path();
        let message = request.text().await?;
        let (name, now) = path
            .trim_start_matches('/')
            .split_once('/')
            .and_then(|(name, now)| Some((name, UnixTime::from_seconds(now.parse().ok()?))))
            .ok_or("no act")?;
        // From here on only storage is waited for. Until it answers the runtime delivers nothing
        // else to this object, so no other act comes between.
        let storage = self.state.storage();
        let before = load(&storage).await?;
        let mut family = before.clone();
        let now = now.max(super::now());
        let answer = act::decide(name, &message, &mut family, now).ok_or("no such act")?;
        match &family {
            Some(family) if before.as_ref() != Some(family) => {
                // First the alarm: without it, a family would stay for ever.
                if before.is_none() {
                    wake_at_end(&storage, family).await?;
                }
                storage.put_raw(FAMILY, family.to_text()).await?;
            }
            None if before.is_some() => remove(&storage).await?,
            _ => (),
        }
        Response::ok(answer)
    }

    /// Removes the family when it has ended. It may have been prolonged since the alarm was set. One
    /// that this version cannot read is left for the version that wrote it.
    async fn alarm(&self) -> Result<Response> {
        let storage = self.state.storage();
        match load(&storage).await {
            Ok(Some(family)) if now() < family.ends_at() => wake_at_end(&storage, &family).await?,
            Ok(_) => remove(&storage).await?,
            Err(error) => {
                console_error!("a family's alarm: {error}");
                storage.set_alarm(DAY).await?;
            }
        }
        Response::empty()
    }
}

async fn load(storage: &Storage) -> Result<Option<Family>> {
    // Not by `Storage::get`, which deserializes anything.
    let value = JsFuture::from(storage.as_raw().get(FAMILY)?).await?;
    let text = value.as_string();
    let family = text.map(|text| Family::from_text(&text).ok_or("the family cannot be read"));
    Ok(family.transpose()?)
}

async fn wake_at_end(storage: &Storage, family: &Family) -> Result<()> {
    let seconds = i64::from(family.ends_at().since(now()).0);
    storage.set_alarm(seconds.saturating_mul(1000)).await
}

async fn remove(storage: &Storage) -> Result<()> {
    storage.delete_all().await?;
    storage.delete_alarm().await
}
