//! What a request is served with: the moment, randomness, storage, and the notes for its audit
//! line. The core has no other source of any of them.

use std::rc::Rc;

use serde_json::Value;

use crate::client::{Client, ClientSecretsKey};
use crate::error::{Failure, Fault, Rejection};
use crate::family::act::{Act, Message};
use crate::family::{FamilyId, Refusal, Secret, object_name, tag};
use crate::jose::PublicKeys;
use crate::json::Json;
use crate::name::ClientId;
use crate::not_before::{self, NotBefore};
use crate::proof::replay::Mark;
use crate::realm::Realm;
use crate::store::{Age, Limiter, Store, StoreError, Turn};
use crate::time::{Seconds, UnixTime};
use crate::uuid::Uuid;

/// Fills a slice with random octets.
pub type FillRandom<'a> = &'a dyn Fn(&mut [u8]) -> Result<(), getrandom::Error>;

/// What one request is served with.
pub struct Context<'a, S> {
    /// When all of it was there.
    pub now: UnixTime,
    /// Where randomness comes from.
    pub fill_random: FillRandom<'a>,
    /// Storage.
    pub store: &'a S,
    /// The address that the request came from.
    pub client_address: Option<&'a str>,
    /// The key of imported secrets' hashes, if there is one.
    pub client_secrets_key: Option<&'a ClientSecretsKey>,
    /// The realm's not-before moments, once something asked for them.
    pub not_before: Option<Rc<NotBefore>>,
    /// The clients' records that it was decided by.
    pub records: Records,
    /// Whether it was counted for a client's rate limit, which happens once.
    pub is_counted: bool,
    /// What became known on the way.
    pub audit: Audit,
}

/// Which records of clients a request was decided by, and what it has used up: a refusal that a
/// cached record decided is decided again by the record as it is stored, as the same request.
#[derive(Debug, Default)]
pub struct Records {
    /// From the cache, without a look at what is stored.
    cached: Vec<Rc<Client>>,
    /// As they are stored, instead of those that were cached; `None` for a client that is gone.
    renewed: Vec<(ClientId, Option<Rc<Client>>)>,
    /// The replay records that this request was the first to use.
    used: Vec<String>,
    /// Whether an answer that is no error says no, as a record has it.
    is_refusal: bool,
}

impl Records {
    fn renewed(&self, id: &ClientId) -> Option<&Option<Rc<Client>>> {
        let mut renewed = self.renewed.iter();
        renewed.find_map(|(known, client)| (known == id).then_some(client))
    }
}

impl<S> Context<'_, S> {
    /// Notes why an answer that is no error says no.
    pub fn refuse(&mut self, why: &Rejection) {
        self.audit.refused = Some(why.to_string());
        self.records.is_refusal = why.depends_on_record();
    }

    /// Whether a cached record decided that the request is refused.
    #[must_use]
    pub fn is_refused_by_cache<T>(&self, result: &Result<T, Failure>) -> bool {
        let depends_on_record = match result {
            Ok(_) => self.records.is_refusal,
            Err(failure) => failure.depends_on_record(),
        };
        depends_on_record && !self.records.cached.is_empty()
    }

    /// Random octets.
    ///
    /// # Errors
    /// [`Fault::Random`].
    pub fn random<const N: usize>(&self) -> Result<[u8; N], Fault> {
        let mut octets = [0; N];
        (self.fill_random)(&mut octets).map_err(Fault::Random)?;
        Ok(octets)
    }

    /// A random secret.
    ///
    /// # Errors
    /// [`Fault::Random`].
    pub fn secret(&self) -> Result<Secret, Fault> {
        self.random().map(Secret::new)
    }

    /// A random UUID.
    ///
    /// # Errors
    /// [`Fault::Random`].
    pub fn uuid(&self) -> Result<Uuid, Fault> {
        self.random().map(Uuid::from_random)
    }
}

impl<S: Store> Context<'_, S> {
    /// The client registered under `id` in `realm`, if there is one.
    ///
    /// # Errors
    /// A fault of the storage.
    pub async fn client(
        &mut self,
        realm: &Realm,
        id: &ClientId,
    ) -> Result<Option<Rc<Client>>, StoreError> {
        match self.copied_client(realm, id) {
            Some((copy, _)) => Ok(Some(copy)),
            None => self.read_client(realm, id).await,
        }
    }

    /// The copy of a client's record, if storage need not be asked, and whether that is because storage
    /// failed a moment ago.
    pub fn copied_client(&mut self, realm: &Realm, id: &ClientId) -> Option<(Rc<Client>, bool)> {
        if let Some(renewed) = self.records.renewed(id) {
            return Some((Rc::clone(renewed.as_ref()?), false));
        }
        let key = id.record_key(&realm.name);
        let copies = &self.store.memory().clients;
        let (copy, old) = copies.usable(&key, realm.age, self.now)?;
        self.audit.note_age(old);
        // While storage fails there is nothing newer to be had.
        let cached = &mut self.records.cached;
        if old.is_none() && !cached.iter().any(|known| Rc::ptr_eq(known, &copy)) {
            cached.push(Rc::clone(&copy));
        }
        Some((copy, old.is_some()))
    }

    /// The client as it is stored, or a copy if storage fails and that is tolerable.
    ///
    /// # Errors
    /// A fault of the storage.
    pub async fn read_client(
        &mut self,
        realm: &Realm,
        id: &ClientId,
    ) -> Result<Option<Rc<Client>>, StoreError> {
        if let Some(renewed) = self.records.renewed(id) {
            return Ok(renewed.clone());
        }
        let key = id.record_key(&realm.name);
        let answer = self.store.client(&realm.name, id).await;
        let copies = &self.store.memory().clients;
        let (client, stale) = copies.settle(&key, realm.age, self.now, answer)?;
        self.audit.note_stale(stale);
        let cached = &mut self.records.cached;
        cached.retain(|known| known.client_id != *id);
        Ok(client)
    }

    /// Reads anew the cached records that decided the request, each within its allowance of such
    /// reads; beyond it, what other requests have read meanwhile counts. Whether one of them has
    /// changed: then the request is to be decided again, as it came.
    ///
    /// # Errors
    /// A fault of the storage.
    pub async fn renew_records(&mut self, realm: &Realm) -> Result<bool, StoreError> {
        let mut has_changed = false;
        for cached in std::mem::take(&mut self.records.cached) {
            let id = &cached.client_id;
            let key = id.record_key(&realm.name);
            let copies = &self.store.memory().clients;
            let client = match copies.may_read_anew(&key, self.now) {
                true => self.read_client(realm, id).await?,
                false => {
                    let newest = copies.usable(&key, realm.age, self.now);
                    Some(newest.map_or_else(|| Rc::clone(&cached), |(newest, _)| newest))
                }
            };
            has_changed |= client.as_ref() != Some(&cached);
            self.records.renewed.push((id.clone(), client));
        }
        if has_changed {
            self.records.is_refusal = false;
            self.audit.begin_again();
        }
        Ok(has_changed)
    }

    /// Uses a name once: whether this request is the first to do so, also when it is decided again.
    ///
    /// # Errors
    /// A fault of the storage.
    pub async fn consume(&mut self, mark: &Mark) -> Result<bool, StoreError> {
        if self.records.used.contains(&mark.object_name) {
            return Ok(true);
        }
        let is_first = self.store.consume(mark, self.now).await?;
        if is_first {
            self.records.used.push(mark.object_name.clone());
        }
        Ok(is_first)
    }

    /// The moments before which nothing in `realm` holds.
    ///
    /// # Errors
    /// A fault of the storage.
    pub async fn not_before(&mut self, realm: &Realm) -> Result<Rc<NotBefore>, Fault> {
        if let Some(known) = &self.not_before {
            return Ok(Rc::clone(known));
        }
        let (copies, key) = (&self.store.memory().not_before, realm.name.as_str());
        let age = Age {
            max_age: not_before::MAX_AGE,
            ..realm.age
        };
        let moments = match copies.usable(key, age, self.now) {
            Some((copy, old)) => {
                self.audit.note_age(old);
                copy
            }
            None => {
                let answer = self.store.not_before(&realm.name).await;
                let (moments, stale) = copies.settle(key, age, self.now, answer.map(Some))?;
                self.audit.note_stale(stale);
                moments.unwrap_or_default()
            }
        };
        self.not_before = Some(Rc::clone(&moments));
        Ok(moments)
    }

    /// The keys of the JWK Set at a URL, read at most `max_age` ago. Of requests that want them at once
    /// one fetches them, and none for a while after that failed.
    ///
    /// # Errors
    /// A fault of the storage.
    pub async fn issuer_keys(
        &mut self,
        url: &str,
        max_age: Seconds,
    ) -> Result<Rc<PublicKeys>, StoreError> {
        let age = Age {
            max_age,
            stale_if_error: Seconds(0),
        };
        let memory = self.store.memory();
        let mut now = self.store.moment(self.now);
        let mut pauses = 0_u32;
        loop {
            if let Some((keys, _)) = memory.issuer_keys.usable(url, age, now) {
                return Ok(keys);
            }
            match memory.fetches.turn(url, now) {
                Turn::Fetch => break,
                Turn::Wait => now = self.store.pause(self.now, pauses).await?,
                Turn::Failed(error) => return Err(error),
            }
            pauses = pauses.saturating_add(1);
        }
        let answer = self.store.issuer_keys(url).await;
        let ended = self.store.moment(self.now);
        memory.fetches.ended(url, ended, answer.as_ref().err());
        let (keys, _) = memory.issuer_keys.settle(url, age, now, answer.map(Some))?;
        let keys = keys.unwrap_or_default();
        self.audit.ignored_keys = keys.told();
        Ok(keys)
    }

    /// Counts one more for `key`: whether it is within its limit. When nobody counts, it is, and the
    /// log says so.
    pub async fn is_within(&mut self, limiter: Limiter, key: &str) -> bool {
        let counted = self.store.count(limiter, key).await;
        counted.unwrap_or_else(|error| {
            self.audit.limiter_error = Some(format!("{limiter:?}: {error}"));
            true
        })
    }

    /// The id of a family of `realm` that is to begin.
    ///
    /// # Errors
    /// [`Fault::Random`], or a fault of the storage.
    pub fn family_id(&self, realm: &Realm) -> Result<FamilyId, Fault> {
        let id = self.uuid()?;
        Ok(self.tagged(realm, id)?)
    }

    /// The id that begins as this one does and ends in its tag, as those of all families do.
    fn tagged(&self, realm: &Realm, id: FamilyId) -> Result<FamilyId, StoreError> {
        let object = self.store.object_id(&object_name(&realm.name, id))?;
        Ok(id.ending_in(tag(&object)))
    }

    /// Lets an act happen to a family of `realm`.
    ///
    /// # Errors
    /// [`Rejection::Refused`](crate::error::Rejection::Refused), or a fault of the storage.
    pub async fn act<A: Act>(
        &mut self,
        realm: &Realm,
        family: FamilyId,
        act: A,
    ) -> Result<A::Answer, Failure> {
        let message = Message {
            name: A::NAME,
            text: act.to_text(),
            is_idempotent: act.is_idempotent(),
        };
        let answer = self.send(realm, family, &message).await?;
        Ok(A::Answer::from_json(answer).ok_or(StoreError::UnreadableAct)?)
    }

    /// The same for any act: what all of them share exists once.
    async fn send(
        &mut self,
        realm: &Realm,
        family: FamilyId,
        act: &Message,
    ) -> Result<Value, Failure> {
        if family != self.tagged(realm, family)? {
            return Err(Refusal::Unknown.into());
        }
        let answer = self.store.act(&realm.name, family, act, self.now).await?;
        let answer = Result::<Value, Refusal>::from_text(&answer);
        let answer = answer.ok_or(StoreError::UnreadableAct)?;
        // Of an unknown family somebody may have typed anything.
        if !matches!(answer, Err(Refusal::Unknown)) {
            self.audit.family = Some(family.to_string());
        }
        Ok(answer?)
    }
}

/// What becomes known of a request while it is served, for the log. It has no room for a secret:
/// of the client only a registered id stands here, never what somebody typed.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "the members are the words of the audit line")]
pub struct Audit {
    pub realm: Option<String>,
    pub client_id: Option<String>,
    pub auth_method: Option<&'static str>,
    pub secret_id: Option<String>,
    pub client_kid: Option<String>,
    /// What of a JWK Set that was read for it cannot be used.
    pub ignored_keys: Option<String>,
    pub jkt: Option<String>,
    pub x5t_s256: Option<String>,
    pub grant_type: Option<&'static str>,
    pub scope: Option<String>,
    pub kid: Option<String>,
    pub jti: Option<String>,
    pub family: Option<String>,
    pub sub: Option<String>,
    pub actor: Option<String>,
    pub registered: Option<String>,
    pub record_age: Option<Seconds>,
    pub storage_error: Option<String>,
    pub limiter_error: Option<String>,
    pub ray_id: Option<String>,
    pub colo: Option<String>,
    /// What was done, where it is not a token that was issued.
    pub done: Option<&'static str>,
    /// Why a client was told an error by way of the browser.
    pub refused: Option<String>,
}

impl Audit {
    /// The members of the line, in its order; those without a value are not in it.
    #[must_use]
    pub fn members(&self) -> [(&'static str, Option<&str>); 20] {
        [
            ("realm", self.realm.as_deref()),
            ("client_id", self.client_id.as_deref()),
            ("auth_method", self.auth_method),
            ("secret_id", self.secret_id.as_deref()),
            ("client_kid", self.client_kid.as_deref()),
            ("ignored_keys", self.ignored_keys.as_deref()),
            ("jkt", self.jkt.as_deref()),
            ("x5t#S256", self.x5t_s256.as_deref()),
            ("grant_type", self.grant_type),
            ("scope", self.scope.as_deref()),
            ("kid", self.kid.as_deref()),
            ("jti", self.jti.as_deref()),
            ("family", self.family.as_deref()),
            ("sub", self.sub.as_deref()),
            ("actor", self.actor.as_deref()),
            ("registered", self.registered.as_deref()),
            ("storage_error", self.storage_error.as_deref()),
            ("limiter_error", self.limiter_error.as_deref()),
            ("ray_id", self.ray_id.as_deref()),
            ("colo", self.colo.as_deref()),
        ]
    }

    /// Forgets what was found out about a request that is decided again, but not with what.
    fn begin_again(&mut self) {
        let before = std::mem::take(self);
        *self = Self {
            realm: before.realm,
            record_age: before.record_age,
            storage_error: before.storage_error,
            limiter_error: before.limiter_error,
            ray_id: before.ray_id,
            colo: before.colo,
            ..Self::default()
        };
    }

    /// Notes that a copy was used because storage failed.
    fn note_age(&mut self, age: Option<Seconds>) {
        self.record_age = self.record_age.max(age);
    }

    /// The same, and why.
    fn note_stale(&mut self, stale: Option<(Seconds, StoreError)>) {
        if let Some((age, error)) = stale {
            self.note_age(Some(age));
            self.storage_error = Some(error.to_string());
        }
    }

    /// Whether it went on without something that it should have had.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        self.record_age.is_some() || self.limiter_error.is_some()
    }

    /// Notes which request it was, by the header `CF-Ray`: an id in 16 hexadecimal digits, and where
    /// it was served, in capitals.
    pub fn note_ray(&mut self, ray: Option<&str>) {
        let Some((id, colo)) = ray.and_then(|ray| ray.split_once('-')) else {
            return;
        };
        let is_id = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id && colo.len() == 3 && colo.bytes().all(|byte| byte.is_ascii_uppercase()) {
            self.ray_id = Some(id.to_owned());
            self.colo = Some(colo.to_owned());
        }
    }
}
