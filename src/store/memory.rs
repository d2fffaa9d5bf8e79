//! A store in memory, for tests.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::{Limiter, Memory, Store, StoreError};
use crate::client::Client;
use crate::family::act::{self, Message};
use crate::family::{Family, FamilyId, object_name};
use crate::jose::PublicKeys;
use crate::json::Json as _;
use crate::name::{ClientId, RealmName};
use crate::not_before::NotBefore;
use crate::proof::replay::{self, Mark};
use crate::stored::Unreadable;
use crate::time::UnixTime;

/// A store in memory, for tests: it keeps records as their text and fails where
/// it is told to.
#[derive(Default)]
pub struct MemoryStore {
    memory: Memory,
    remembers: Cell<bool>,
    records: RefCell<HashMap<String, Result<String, StoreError>>>,
    reads: RefCell<Vec<String>>,
    /// What objects store, by their name.
    families: RefCell<HashMap<String, String>>,
    marks: RefCell<HashMap<String, String>>,
    limits: RefCell<HashMap<String, Result<u32, StoreError>>>,
    acts: RefCell<usize>,
    failure: RefCell<Option<StoreError>>,
}

impl MemoryStore {
    /// Puts the text of a record, or the failure to read it, where that client is looked up.
    pub fn put(&self, realm: &RealmName, id: &ClientId, record: Result<String, StoreError>) {
        self.put_at(id.record_key(realm), record);
    }

    /// The same for what is read elsewhere: the moments of a realm at their key, a JWK Set at its URL.
    pub fn put_at(&self, key: String, text: Result<String, StoreError>) {
        self.forget();
        self.records.borrow_mut().insert(key, text);
    }

    /// From now on what is put is not known at once, but when no copy is used any more.
    pub fn remember(&self) {
        self.remembers.set(true);
    }

    fn forget(&self) {
        if !self.remembers.get() {
            self.memory.clients.forget();
            self.memory.not_before.forget();
            self.memory.issuer_keys.forget();
        }
    }

    /// Removes what was put there.
    pub fn remove_at(&self, key: &str) {
        self.forget();
        self.records.borrow_mut().remove(key);
    }

    /// How often it was read.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.reads.borrow().len()
    }

    /// How often what is there was.
    #[must_use]
    pub fn reads_at(&self, key: &str) -> usize {
        let reads = self.reads.borrow();
        reads.iter().filter(|read| *read == key).count()
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

    /// Lets `change` happen to what is stored of each family: its name, and its text.
    pub fn change_families(&self, change: impl Fn(&str, &mut String)) {
        for (name, text) in self.families.borrow_mut().iter_mut() {
            change(name, text);
        }
    }

    /// Lets `change` happen to what is stored of each name that is used.
    pub fn change_replay_records(&self, change: impl Fn(&mut String)) {
        self.marks.borrow_mut().values_mut().for_each(change);
    }

    /// Lets a limiter count no more than `limit` for each key from now on, or fail.
    pub fn limit(&self, limiter: Limiter, limit: Result<u32, StoreError>) {
        let mut limits = self.limits.borrow_mut();
        limits.retain(|known, _| !known.starts_with(&format!("{limiter:?}")));
        limits.insert(format!("{limiter:?}"), limit);
    }

    /// Lets every act, use of a name and registration fail, until it is told `None`.
    pub fn fail_acts(&self, failure: Option<StoreError>) {
        self.failure.replace(failure);
    }

    fn read(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.reads.borrow_mut().push(key.to_owned());
        self.records.borrow().get(key).cloned().transpose()
    }

    fn begin_act(&self) -> Result<(), StoreError> {
        self.acts.replace_with(|acts| acts.saturating_add(1));
        self.failure.borrow().clone().map_or(Ok(()), Err)
    }
}

impl Store for MemoryStore {
    fn memory(&self) -> &Memory {
        &self.memory
    }

    async fn client(&self, realm: &RealmName, id: &ClientId) -> Result<Option<Client>, StoreError> {
        let key = id.record_key(realm);
        match self.read(&key)? {
            None => Ok(None),
            Some(record) => Client::parse(&record, id)
                .map(Some)
                .map_err(|error| StoreError::UnusableRecord { key, error }),
        }
    }

    fn object_id(&self, name: &str) -> Result<String, StoreError> {
        Ok(name.to_owned())
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
        let stored = families.get(&key).map(|text| Family::parse(text));
        let mut family = stored.transpose().map_err(unavailable)?;
        let answer = act::decide(act.name, &act.text, &mut family, now);
        match family {
            Some(family) => drop(families.insert(key, family.to_text())),
            None => drop(families.remove(&key)),
        }
        answer.ok_or(StoreError::UnreadableAct)
    }

    async fn consume(&self, mark: &Mark, now: UnixTime) -> Result<bool, StoreError> {
        self.begin_act()?;
        let mut marks = self.marks.borrow_mut();
        let mut used_until = used_until(&marks, mark)?;
        let is_first = replay::consume(&mut used_until, mark.until, now);
        let until = used_until.map(replay::to_text);
        marks.extend(until.map(|until| (mark.object_name.clone(), until)));
        Ok(is_first)
    }

    async fn is_consumed(&self, mark: &Mark, now: UnixTime) -> Result<bool, StoreError> {
        self.failure.borrow().clone().map_or(Ok(()), Err)?;
        let used_until = used_until(&self.marks.borrow(), mark)?;
        Ok(replay::is_used(used_until, now))
    }

    async fn not_before(&self, realm: &RealmName) -> Result<NotBefore, StoreError> {
        let key = NotBefore::record_key(realm);
        let record = self.read(&key)?;
        let moments = record.as_deref().map(NotBefore::parse).transpose();
        let moments = moments.map_err(|error| StoreError::UnusableRecord { key, error })?;
        Ok(moments.unwrap_or_default())
    }

    fn moment(&self, now: UnixTime) -> UnixTime {
        now
    }

    async fn pause(&self, now: UnixTime, _: u32) -> Result<UnixTime, StoreError> {
        Ok(now)
    }

    async fn issuer_keys(&self, url: &str) -> Result<PublicKeys, StoreError> {
        let set = self.read(url)?.unwrap_or_default();
        let keys = PublicKeys::parse(&set).map_err(|error| StoreError::UnusableKeys {
            url: url.to_owned(),
            error,
        })?;
        Ok(keys)
    }

    async fn register(&self, realm: &RealmName, client: &Client) -> Result<(), StoreError> {
        self.begin_act()?;
        let record = serde_json::to_string(client).map_err(|_| StoreError::UnreadableAct)?;
        self.put(realm, &client.client_id, Ok(record));
        Ok(())
    }

    async fn count(&self, limiter: Limiter, key: &str) -> Result<bool, StoreError> {
        let mut limits = self.limits.borrow_mut();
        let Some(limit) = limits.get(&format!("{limiter:?}")).cloned() else {
            return Ok(true);
        };
        let left = limits.entry(format!("{limiter:?} {key}")).or_insert(limit);
        let left = left.as_mut().map_err(|error| error.clone())?;
        let is_within = *left > 0;
        *left = left.saturating_sub(1);
        Ok(is_within)
    }
}

fn used_until(
    marks: &HashMap<String, String>,
    mark: &Mark,
) -> Result<Option<UnixTime>, StoreError> {
    let stored = marks.get(&mark.object_name);
    let until = stored.map(|text| replay::parse(text)).transpose();
    until.map_err(unavailable)
}

/// As an object that throws.
fn unavailable(why: Unreadable) -> StoreError {
    StoreError::Unavailable {
        detail: why.to_string(),
    }
}
