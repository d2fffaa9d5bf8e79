//! What a request is served with: the moment, randomness, storage, and the notes for its audit
//! line. The core has no other source of any of them.

use std::rc::Rc;

use serde::Serialize;
use serde_json::Value;

use crate::client::ClientSecretsKey;
use crate::error::{Failure, Fault};
use crate::family::act::{Act, Message};
use crate::family::{FamilyId, Refusal, Secret};
use crate::json::Json;
use crate::not_before::NotBefore;
use crate::realm::Realm;
use crate::store::{Store, StoreError};
use crate::time::UnixTime;
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
    /// What became known on the way.
    pub audit: Audit,
}

impl<S> Context<'_, S> {
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
    /// The moments before which nothing in `realm` holds.
    ///
    /// # Errors
    /// A fault of the storage.
    pub async fn not_before(&mut self, realm: &Realm) -> Result<Rc<NotBefore>, Fault> {
        if let Some(known) = &self.not_before {
            return Ok(Rc::clone(known));
        }
        let read = self.store.not_before(&realm.name, self.now).await?;
        self.not_before = Some(Rc::clone(&read));
        Ok(read)
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
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the members are the words of the audit line")]
pub struct Audit {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jkt: Option<String>,
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    pub x5t_s256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered: Option<String>,
    /// What was done, where it is not a token that was issued.
    #[serde(skip)]
    pub done: Option<&'static str>,
    /// Why a client was told an error by way of the browser.
    #[serde(skip)]
    pub refused: Option<String>,
}
