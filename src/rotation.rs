//! When signing keys take over from one another, over two secrets that nobody can read back.
//!
//! The arithmetic of the tool's `key rotate`, `key list` and `key revoke`; which key signs, the
//! service itself decides ([`crate::jose::SigningKeys`]), and by the same rule. What is written down
//! of a secret may be unsure, because a write did not finish: then every way that it can be is gone
//! through, and only what is safe in all of them counts as safe.

use serde::{Deserialize, Serialize};

use crate::http::MAX_AGE;
use crate::time::{Seconds, UnixTime};

/// How long until every location has a secret or a record that was written.
pub const PROPAGATION: Seconds = Seconds(60);

/// How far the clocks of those who verify tokens may be behind.
pub const SKEW: Seconds = Seconds(60);

/// For how long a key must be published before it signs: until every location publishes it, and
/// every cache of what was published before has ended.
pub const LEAD: Seconds = Seconds(MAX_AGE.saturating_add(PROPAGATION.0));

/// What is public of a signing key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFact {
    /// Its name.
    pub kid: String,
    /// From when it signs.
    #[serde(rename = "nbf")]
    pub not_before: UnixTime,
    /// Until when it is published.
    #[serde(rename = "exp")]
    pub expiration: UnixTime,
}

/// What is known of a secret that holds signing keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Slot {
    /// Its keys; `None` for a secret of which nothing is written down.
    pub keys: Option<Vec<KeyFact>>,
    /// The keys that it holds instead if a write that did not finish came to it, for each such.
    pub pending: Vec<Vec<KeyFact>>,
}

impl Slot {
    /// A slot with these keys.
    #[must_use]
    pub const fn known(keys: Vec<KeyFact>) -> Self {
        Self {
            keys: Some(keys),
            pending: Vec::new(),
        }
    }

    /// Whether no key can lie in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_some() && self.all_keys().next().is_none()
    }

    /// All keys that may lie in it.
    pub fn all_keys(&self) -> impl Iterator<Item = &KeyFact> {
        self.ways().flatten().flatten()
    }

    /// Whether a key of that name may lie in it.
    #[must_use]
    pub fn holds(&self, kid: &str) -> bool {
        self.all_keys().any(|key| key.kid == kid)
    }

    /// The keys that it holds, for every way that it can be; `None` for unknown ones.
    pub fn ways(&self) -> impl Iterator<Item = Option<&Vec<KeyFact>>> {
        let pending = self.pending.iter().map(Some);
        [self.keys.as_ref()].into_iter().chain(pending)
    }

    /// Whether a key is there only if a write that did not finish came to the secret.
    #[must_use]
    pub fn is_pending(&self, key: &KeyFact) -> bool {
        self.pending.iter().any(|keys| keys.contains(key))
    }
}

/// The two secrets of a set of signing keys.
#[derive(Clone, Debug)]
pub struct Slots {
    /// What is known of each.
    pub slots: [Slot; 2],
    /// The longest that a token lives which is signed with their keys.
    pub token_lifetime: Seconds,
}

/// What a key does.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A write that did not finish was to store it: nobody knows whether it is there.
    Pending,
    /// It is published and will sign.
    Next,
    /// It signs.
    Signing,
    /// It verifies tokens that it signed, and signs no more.
    Retiring,
    /// No token lives that it signed.
    Retired,
    /// Its own time is over.
    Expired,
}

/// A row of the timetable.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry<'a> {
    /// In which slot the key lies.
    pub slot: usize,
    /// The key.
    pub key: &'a KeyFact,
    /// What it does.
    pub state: State,
    /// When it signs its last token.
    pub signs_until: UnixTime,
    /// When the last token that it signed has ended everywhere.
    pub retires_at: UnixTime,
}

/// A key to add, and what is unsafe about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// The slot that is to hold it alone.
    pub slot: usize,
    /// From when it signs.
    pub not_before: UnixTime,
    /// When it ends.
    pub expiration: UnixTime,
    /// Why it had better not be done.
    pub hazards: Vec<Hazard>,
}

/// What would break something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hazard {
    /// The key would sign before every verifier can know it.
    Lead,
    /// The key would end before the first long-lived token that it is to sign.
    Lifetime,
    /// No key would sign between the two moments.
    Gap {
        /// From when.
        from: UnixTime,
        /// Until when.
        until: UnixTime,
    },
    /// Both slots hold keys that are needed.
    NoFreeSlot {
        /// When the first of them is free, if that can be told.
        until: Option<UnixTime>,
    },
}

/// Why there can be no plan at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoPlan {
    /// There is no key to take over from.
    NoKeys,
    /// A write to this slot did not finish, and what follows depends on what came of it.
    Unsettled {
        /// Which.
        slot: usize,
    },
}

/// What the revocation of a key comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revocation<'a> {
    /// The slot that holds the key.
    pub slot: usize,
    /// Other keys in it that are needed and would be lost.
    pub others: Vec<&'a KeyFact>,
    /// Whether a new key must sign at once.
    pub replace: bool,
}

impl Slots {
    /// All keys, in the order in which they take over from one another.
    #[must_use]
    pub fn timetable(&self, now: UnixTime) -> Vec<Entry<'_>> {
        let worlds = self.worlds();
        let mut entries = Vec::new();
        for (index, slot) in self.slots.iter().enumerate() {
            entries.extend(slot.all_keys().map(|key| Entry {
                slot: index,
                key,
                state: self.state(slot, key, now),
                signs_until: latest(&worlds, key, World::signs_until),
                retires_at: latest(&worlds, key, World::retires_at),
            }));
        }
        entries.sort_by(|a, b| order(a.key).cmp(&order(b.key)));
        entries
    }

    /// Whether some key signs the longest-lived tokens at that moment; a secret of which nothing
    /// is known may hold one.
    #[must_use]
    pub fn signs(&self, now: UnixTime) -> bool {
        let signs = |world: &World| world.unknown || world.signing(now).is_some();
        self.worlds().iter().all(signs)
    }

    /// Whether the slot can be overwritten without losing anything that is needed.
    #[must_use]
    pub fn is_free(&self, slot: usize, now: UnixTime) -> bool {
        let slot = self.slots.get(slot);
        slot.is_some_and(|slot| slot.keys.is_some() && self.needed(slot, now).next().is_none())
    }

    /// Plans a key that begins to sign `lead` from now and ends `lifetime` seconds after that.
    ///
    /// # Errors
    /// [`NoPlan`].
    pub fn plan(&self, now: UnixTime, lead: Seconds, lifetime: u64) -> Result<Plan, NoPlan> {
        if self.slots.iter().all(Slot::is_empty) {
            return Err(NoPlan::NoKeys);
        }
        let not_before = now.plus(lead);
        let expiration = not_before.seconds().saturating_add(lifetime);
        let key = KeyFact {
            kid: String::new(),
            not_before,
            expiration: UnixTime::from_seconds(expiration),
        };
        let gap = |slot| self.with(slot, vec![key.clone()]).gap(now, key.not_before);
        let mut hazards = Vec::new();
        // A write that did not finish is done again rather than left behind.
        let unfinished = |slot: &usize| {
            let slot = self.slots.get(*slot);
            slot.is_some_and(|slot| !slot.pending.is_empty())
        };
        let rank = |slot: &usize| {
            let is_vacant = self.is_vacant(*slot);
            (
                gap(*slot).is_none(),
                unfinished(slot),
                is_vacant,
                *slot == 0,
            )
        };
        let free = [0, 1].into_iter().filter(|slot| self.is_free(*slot, now));
        let slot = match (free.max_by_key(rank), [0, 1].into_iter().find(unfinished)) {
            (Some(slot), _) => slot,
            (None, Some(slot)) => return Err(NoPlan::Unsettled { slot }),
            (None, None) => {
                hazards.push(Hazard::NoFreeSlot {
                    until: self.free_from(now),
                });
                self.dispensable(now)
            }
        };
        if lead < LEAD {
            hazards.push(Hazard::Lead);
        }
        if not_before.plus(self.token_lifetime) > key.expiration {
            hazards.push(Hazard::Lifetime);
        } else if let Some(from) = gap(slot) {
            let until = not_before;
            hazards.push(Hazard::Gap { from, until });
        }
        Ok(Plan {
            slot,
            not_before,
            expiration: key.expiration,
            hazards,
        })
    }

    /// What it takes that a key verifies and signs no more; `None` when it is in no slot.
    #[must_use]
    pub fn revocation(&self, kid: &str, now: UnixTime) -> Option<Revocation<'_>> {
        let slot = self.slots.iter().position(|slot| slot.holds(kid))?;
        let others = self.needed(self.slots.get(slot)?, now);
        let others = others.filter(|key| key.kid != kid).collect();
        let signs = |world: &World| world.signing(now).is_some_and(|key| key.kid == kid);
        let replace = self.worlds().iter().any(signs) || !self.with(slot, Vec::new()).signs(now);
        Some(Revocation {
            slot,
            others,
            replace,
        })
    }

    /// The keys of a slot that must not be lost: those whose tokens may live, and those that sign
    /// or will. A key whose write did not finish is not needed while it is sure not to sign.
    fn needed<'a>(&self, slot: &'a Slot, now: UnixTime) -> impl Iterator<Item = &'a KeyFact> {
        let worlds = self.worlds();
        slot.all_keys().filter(move |key| {
            let is_before = slot.is_pending(key) && now.plus(PROPAGATION) <= key.not_before;
            !is_before && now < latest(&worlds, key, World::retires_at)
        })
    }

    /// The keys of a slot that are lost to those who need them when it is overwritten.
    pub fn lost(&self, slot: usize, now: UnixTime) -> impl Iterator<Item = &KeyFact> {
        let slot = self.slots.get(slot).into_iter();
        slot.flat_map(move |slot| self.needed(slot, now))
    }

    /// When the first slot is free whose keys are known.
    fn free_from(&self, now: UnixTime) -> Option<UnixTime> {
        let worlds = self.worlds();
        let known = self.slots.iter().filter(|slot| slot.keys.is_some());
        let free = known.filter_map(|slot| {
            let needed = self.needed(slot, now);
            needed
                .map(|key| latest(&worlds, key, World::retires_at))
                .max()
        });
        free.min()
    }

    /// The slot to give up when none is free: not the one that signs, nor that which may.
    fn dispensable(&self, now: UnixTime) -> usize {
        let worth = |slot: usize| {
            let slot = self.slots.get(slot)?;
            let signs = |world: &World| world.signing(now).is_some_and(|key| slot.holds(&key.kid));
            let newest = slot.all_keys().map(order).max();
            Some((self.worlds().iter().any(signs), slot.keys.is_none(), newest))
        };
        usize::from(worth(1) <= worth(0))
    }

    fn state(&self, slot: &Slot, key: &KeyFact, now: UnixTime) -> State {
        let worlds = self.worlds();
        let signs = |world: &World| world.signing(now) == Some(key);
        match () {
            () if key.expiration <= now => State::Expired,
            () if slot.is_pending(key) => State::Pending,
            () if latest(&worlds, key, World::retires_at) <= now => State::Retired,
            () if now < key.not_before => State::Next,
            () if worlds.iter().any(signs) => State::Signing,
            () => State::Retiring,
        }
    }

    fn is_vacant(&self, slot: usize) -> bool {
        let keys = self.slots.get(slot).and_then(|slot| slot.keys.as_ref());
        keys.is_some_and(Vec::is_empty)
    }

    /// The same with a slot that was overwritten.
    fn with(&self, overwritten: usize, keys: Vec<KeyFact>) -> Self {
        let mut this = self.clone();
        if let Some(slot) = this.slots.get_mut(overwritten) {
            *slot = Slot::known(keys);
        }
        this
    }

    /// The first moment from `from` to `until` at which it is not sure that some key signs.
    fn gap(&self, from: UnixTime, until: UnixTime) -> Option<UnixTime> {
        let worlds = self.worlds().into_iter().filter(|world| !world.unknown);
        let gap = |world: World| {
            let changes = world.keys.iter().flat_map(|key| {
                let last = key.expiration.minus(self.token_lifetime);
                [key.not_before, last.plus(Seconds(1))]
            });
            changes
                .chain([from])
                .filter(|moment| (from..=until).contains(moment))
                .filter(|moment| world.signing(*moment).is_none())
                .min()
        };
        worlds.filter_map(gap).min()
    }

    /// Every way that the secrets can be.
    fn worlds(&self) -> Vec<World> {
        let [first, second] = &self.slots;
        let mut worlds = Vec::new();
        for one in first.ways() {
            for other in second.ways() {
                let keys = [one, other].into_iter().flatten().flatten();
                let mut keys = keys.cloned().collect::<Vec<_>>();
                keys.sort_by(|a, b| order(a).cmp(&order(b)));
                worlds.push(World {
                    keys,
                    unknown: one.is_none() || other.is_none(),
                    token_lifetime: self.token_lifetime,
                });
            }
        }
        worlds
    }
}

/// One way that the secrets can be.
struct World {
    /// Their keys, in the order in which they take over from one another.
    keys: Vec<KeyFact>,
    /// Whether there are others, of which nothing is known.
    unknown: bool,
    token_lifetime: Seconds,
}

impl World {
    /// The key that signs the longest-lived tokens at that moment.
    fn signing(&self, now: UnixTime) -> Option<&KeyFact> {
        let newest = self.keys.iter().rfind(|key| key.not_before <= now);
        newest.filter(|key| now.plus(self.token_lifetime) <= key.expiration)
    }

    fn signs_until(&self, key: &KeyFact) -> UnixTime {
        let last = key.expiration.minus(self.token_lifetime);
        let last = self
            .next(key)
            .map_or(last, |next| last.min(next.not_before));
        last.max(key.not_before)
    }

    fn retires_at(&self, key: &KeyFact) -> UnixTime {
        let next = self.next(key).map(|next| next.not_before);
        let last = next.map(|moment| moment.plus(self.token_lifetime).plus(SKEW));
        last.map_or(key.expiration, |moment| moment.min(key.expiration))
    }

    /// The key that takes over from another.
    fn next(&self, key: &KeyFact) -> Option<&KeyFact> {
        self.keys.iter().find(|other| order(other) > order(key))
    }
}

/// The latest that a moment of a key is in any world that has the key.
fn latest(
    worlds: &[World],
    key: &KeyFact,
    moment: impl Fn(&World, &KeyFact) -> UnixTime,
) -> UnixTime {
    let worlds = worlds.iter().filter(|world| world.keys.contains(key));
    let moments = worlds.map(|world| moment(world, key));
    moments.max().unwrap_or(key.expiration)
}

/// Keys take over from one another in the order of their `nbf`, and of their names if that is one.
fn order(key: &KeyFact) -> (UnixTime, &str) {
    (key.not_before, &key.kid)
}

#[cfg(test)]
mod tests;
