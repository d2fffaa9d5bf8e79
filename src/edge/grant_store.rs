//! The Durable Object that stores one family, or the mark of one name that may be used once: it
//! reads what is stored, lets an act happen to it, and writes what became of it. What happens is the
//! core's to decide.

use worker::js_sys::futures::JsFuture;
use worker::{
    DurableObject, Env, Error, Request, Response, Result, State, Storage, console_error,
    durable_object,
};

use super::now;
use crate::family::{Family, act};
use crate::json::Json as _;
use crate::proof::replay;
use crate::stored;
use crate::time::UnixTime;

/// The key under which an object stores its family, as JSON.
const FAMILY: &str = "family";

/// The key under which it stores until when its name is used, in seconds.
const USED_UNTIL: &str = "used_until";

/// The acts that use a name and that ask whether it is used, and their two answers.
pub(super) const MARK: &str = "mark";
pub(super) const IS_MARKED: &str = "is-marked";
pub(super) const FIRST: &str = "first";
pub(super) const USED: &str = "used";

/// How long to wait for a version that can read what is stored, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// One family or mark.
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
        let now = now.max(super::now());
        match name {
            MARK => return mark(&storage, &message, now).await,
            IS_MARKED => return is_marked(&storage, now).await,
            _ => (),
        }
        let before = load(&storage).await?;
        let mut family = before.clone();
        let answer = act::decide(name, &message, &mut family, now).ok_or("no such act")?;
        match &family {
            Some(family) if before.as_ref() != Some(family) => {
                // First the alarm: without it, a family would stay for ever.
                if before.is_none() {
                    wake_at(&storage, family.ends_at()).await?;
                }
                storage.put_raw(FAMILY, family.to_text()).await?;
            }
            None if before.is_some() => remove(&storage).await?,
            _ => (),
        }
        Response::ok(answer)
    }

    /// Removes what has ended. A family may have been prolonged since the alarm was set, and an
    /// alarm may ring early. What this version cannot read is left for the version that wrote it.
    async fn alarm(&self) -> Result<Response> {
        let storage = self.state.storage();
        match ends(&storage).await {
            Ok(ends) => match stored::looks_again_at(ends, now()) {
                Some(moment) => wake_at(&storage, moment).await?,
                None => remove(&storage).await?,
            },
            Err(error) => {
                console_error!("an object's alarm: {error}");
                storage.set_alarm(DAY).await?;
            }
        }
        Response::empty()
    }
}

async fn read(storage: &Storage, key: &str) -> Result<Option<String>> {
    // Not by `Storage::get`, which deserializes anything.
    let value = JsFuture::from(storage.as_raw().get(key)?).await?;
    Ok(value.as_string())
}

async fn load(storage: &Storage) -> Result<Option<Family>> {
    let text = read(storage, FAMILY).await?;
    let family = text.map(|text| Family::parse(&text).map_err(unreadable));
    family.transpose()
}

/// When what the object stores ends: its family, and the use of its name.
async fn ends(storage: &Storage) -> Result<[Option<UnixTime>; 2]> {
    let family = load(storage).await?;
    let used_until = used_until(storage).await?;
    Ok([family.map(|family| family.ends_at()), used_until])
}

fn unreadable(why: stored::Unreadable) -> Error {
    Error::RustError(why.to_string())
}

/// Until when the object's name is used.
async fn used_until(storage: &Storage) -> Result<Option<UnixTime>> {
    let text = read(storage, USED_UNTIL).await?;
    let until = text.map(|text| replay::parse(&text).map_err(unreadable));
    until.transpose()
}

/// Tells whether the object's name is used.
async fn is_marked(storage: &Storage, now: UnixTime) -> Result<Response> {
    let is_used = replay::is_used(used_until(storage).await?, now);
    Response::ok(if is_used { USED } else { FIRST })
}

/// Uses the object's name until the moment that `message` tells.
async fn mark(storage: &Storage, message: &str, now: UnixTime) -> Result<Response> {
    let until = replay::parse(message).map_err(unreadable)?;
    let mut used_until = used_until(storage).await?;
    let is_first = replay::consume(&mut used_until, until, now);
    if is_first {
        wake_at(storage, until).await?;
        storage.put_raw(USED_UNTIL, replay::to_text(until)).await?;
    }
    Response::ok(if is_first { FIRST } else { USED })
}

async fn wake_at(storage: &Storage, moment: UnixTime) -> Result<()> {
    let seconds = i64::from(moment.since(now()).0);
    storage.set_alarm(seconds.saturating_mul(1000)).await
}

async fn remove(storage: &Storage) -> Result<()> {
    storage.delete_all().await?;
    storage.delete_alarm().await
}
