//! What is written down of the secrets that hold signing keys, since those cannot be read back: one
//! value a secret at `signing-keys/{secret}`, of which docs/storage.md has the format.

use edge_token::json::Object;
use edge_token::rotation::{KeyFact, Slot, Slots};
use edge_token::time::{Seconds, UnixTime};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::target::{Pair, Target};
use crate::{Error, audit};

const VERSION: u32 = 1;

/// What a secret holds, or held, or may hold.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// Its keys; none for a secret that was not written by this tool.
    pub(super) keys: Option<Vec<KeyFact>>,
    /// The longest that tokens lived when it was written, if that was found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) token_lifetime: Option<Seconds>,
    pub(super) updated_at: UnixTime,
    pub(super) updated_by: String,
}

#[derive(Clone, Serialize)]
struct Facts {
    version: u32,
    #[serde(flatten)]
    written: Written,
    /// What writes were to store that did not finish.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pending: Vec<Written>,
}

impl Facts {
    fn parse(text: &str) -> Result<Self, String> {
        let mut members = Object::parse(text).map_err(|error| error.to_string())?;
        let version = members.require::<u32>("version", "a number");
        match version.map_err(|error| error.to_string())? {
            VERSION => (),
            other => return Err(format!("version {other} is not {VERSION}")),
        }
        let pending = members.take::<Vec<Value>>("pending", "a list of what was to be written");
        let pending = pending.map_err(|error| error.to_string())?;
        let written = |value| serde_json::from_value::<Written>(value).map_err(|e| e.to_string());
        Ok(Self {
            version: VERSION,
            written: written(Value::Object(members.into_members()))?,
            pending: pending
                .unwrap_or_default()
                .into_iter()
                .map(written)
                .collect::<Result<_, _>>()?,
        })
    }

    fn pair(&self, key: &str) -> Result<Pair, Error> {
        Ok(Pair {
            key: key.to_owned(),
            value: serde_json::to_string(self)?,
        })
    }
}

/// One of the two secrets.
pub(super) struct KnownSlot {
    pub(super) name: String,
    /// Whether there is such a secret.
    pub(super) exists: bool,
    /// The value in the namespace, if there is one.
    previous: Option<String>,
    facts: Option<Facts>,
}

impl KnownSlot {
    fn key(&self) -> String {
        format!("signing-keys/{}", self.name)
    }

    /// What it holds as far as is known. Of a secret that does not exist nothing holds that is
    /// written of it: it was removed, or never came to be.
    fn slot(&self) -> Slot {
        let Some(facts) = self.facts.as_ref().filter(|_| self.exists) else {
            return Slot {
                keys: (!self.exists).then(Vec::new),
                pending: Vec::new(),
            };
        };
        let pending = facts.pending.iter();
        Slot {
            keys: facts.written.keys.clone(),
            pending: pending.filter_map(|way| way.keys.clone()).collect(),
        }
    }

    /// Everything that was written or was to be.
    pub(super) fn written(&self) -> impl Iterator<Item = &Written> {
        let facts = self.facts.iter().filter(|_| self.exists);
        facts.flat_map(|facts| [&facts.written].into_iter().chain(&facts.pending))
    }

    /// The writes that did not finish.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Written> {
        self.written().skip(1)
    }

    /// Settles that the secret holds what the write says that did, and leaves that in the
    /// namespace with an audit line.
    pub(super) fn settle(
        &mut self,
        target: &Target,
        way: Written,
        line: Pair,
    ) -> Result<(), Error> {
        let facts = Facts {
            version: VERSION,
            written: way,
            pending: Vec::new(),
        };
        target.put(&[facts.pair(&self.key())?, line])?;
        self.facts = Some(facts);
        Ok(())
    }

    /// Overwrites the secret, so that whoever comes later knows of a write that did not finish.
    pub(super) fn store(
        &mut self,
        target: &Target,
        action: &str,
        new: Written,
        jwk_set: &str,
    ) -> Result<(), Error> {
        let held = Written {
            keys: self.slot().keys,
            token_lifetime: None,
            updated_at: new.updated_at,
            updated_by: new.updated_by.clone(),
        };
        let mut pending = match &self.facts {
            Some(facts) if self.exists => facts.clone(),
            _ => Facts {
                version: VERSION,
                written: held,
                pending: Vec::new(),
            },
        };
        pending.pending.push(new.clone());
        let key = self.key();
        target.put(&[pending.pair(&key)?])?;
        if let Err(error) = target.put_secret(&self.name, jwk_set) {
            return Err(self.put_back(target, error));
        }
        let kid = new.keys.iter().flatten().next().map(|key| key.kid.as_str());
        let line = audit::of_keys(action, &self.name, kid, new.updated_at, &new.updated_by)?;
        let (name, seen) = (self.name.clone(), kid.map(|kid| format!(" {kid}")));
        self.exists = true;
        self.settle(target, new, line).map_err(|error| {
            Error::State(format!(
                "{error}\nThe secret {name} was written all the same, but what is written down of \
                 it does not say so yet. When the namespace can be written again: `key settle \
                 {name}{}`.",
                seen.unwrap_or_default(),
            ))
        })
    }

    /// Puts what was written down of the secret back, since the secret was not written.
    fn put_back(&self, target: &Target, error: Error) -> Error {
        let (name, key) = (&self.name, self.key());
        let done = match &self.previous {
            Some(value) => target.put(&[Pair {
                key: key.clone(),
                value: value.clone(),
            }]),
            None => target.delete(&key),
        };
        Error::State(match done {
            Ok(()) => format!(
                "{error}\nThe secret {name} was not written, and what is written down of it is as \
                 it was."
            ),
            Err(second) => format!(
                "{error}\nThe secret {name} was not written, and what is written down of it could \
                 not be put back:\n{second}\nIt says that a write did not finish, until `key \
                 rotate` does it again."
            ),
        })
    }
}

/// The two secrets of a set, by the name of the first.
pub(super) struct KnownSlots(pub(super) [KnownSlot; 2]);

impl KnownSlots {
    /// Reads what is known, `existing` being the names of all secrets.
    pub(super) fn read(
        target: &Target,
        names: &[String; 2],
        existing: &[String],
    ) -> Result<Self, Error> {
        let empty = names.each_ref().map(|name| KnownSlot {
            name: name.clone(),
            exists: existing.contains(name),
            previous: None,
            facts: None,
        });
        let keys = empty.each_ref().map(KnownSlot::key);
        let mut values = target.values(&keys)?;
        let mut slots = empty;
        for slot in &mut slots {
            let key = slot.key();
            slot.previous = values.remove(&key);
            let facts = slot.previous.as_deref().map(Facts::parse).transpose();
            slot.facts = facts.map_err(|error| {
                Error::State(format!(
                    "the value at `{key}` is unusable: {error}. Correct it, or delete it: then the \
                     keys of {} are unknown",
                    slot.name
                ))
            })?;
        }
        Ok(Self(slots))
    }

    /// The secret of that name.
    pub(super) fn named(&mut self, name: &str) -> Result<&mut KnownSlot, Error> {
        let slot = self.0.iter_mut().find(|slot| slot.name == name);
        slot.ok_or_else(|| Error::State(format!("{name} is none of the two secrets")))
    }

    pub(super) fn name(&self, slot: usize) -> &str {
        self.0.get(slot).map_or("", |slot| &slot.name)
    }

    /// The longest that tokens lived whenever one of the secrets was written.
    pub(super) fn token_lifetime(&self) -> Option<Seconds> {
        let written = self.0.iter().flat_map(KnownSlot::written);
        written.filter_map(|written| written.token_lifetime).max()
    }

    pub(super) fn slots(&self, token_lifetime: Seconds) -> Slots {
        Slots {
            slots: self.0.each_ref().map(KnownSlot::slot),
            token_lifetime,
        }
    }
}
