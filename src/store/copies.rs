//! Copies of what was read from storage, for as long as their reader wants them.

use std::any::Any;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;

use super::{Fetches, StoreError};
use crate::client::Client;
use crate::jose::PublicKeys;
use crate::not_before::NotBefore;
use crate::time::{Seconds, UnixTime};

/// For how long storage that failed is not asked again for what there is a copy of.
const RETRY_AFTER: Seconds = Seconds(5);

/// What there is of a name, and of a copy that storage could not confirm its age and why.
type Settled<T> = (Option<Rc<T>>, Option<(Seconds, StoreError)>);

/// Longer than this no answer takes.
const SLOWEST: Seconds = Seconds(5);

/// How old copies may be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Age {
    /// Until when a copy is as good as what is stored (RFC 9111 §5.2.2.1).
    pub max_age: Seconds,
    /// For how much longer it is better than none, when storage fails (RFC 5861 §4).
    pub stale_if_error: Seconds,
}

/// What an isolate keeps copies of.
#[derive(Debug)]
pub struct Memory {
    /// Of records of clients.
    pub clients: Copies<Client>,
    /// Of moments, by their realm.
    pub not_before: Copies<NotBefore>,
    /// Of keys, by their URL.
    pub issuer_keys: Copies<PublicKeys>,
    /// Who fetches them.
    pub fetches: Fetches,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            clients: Copies::new(1000),
            // There are as many as are configured; if that is more, it only costs reads.
            not_before: Copies::new(100),
            issuer_keys: Copies::new(100),
            fetches: Fetches::default(),
        }
    }
}

/// Copies by name, of which there are at most a number: then the one goes that was not used for the
/// longest time. What does not exist is never kept, so names that somebody made up take nobody's
/// place.
#[derive(Debug)]
pub struct Copies<T> {
    all: RefCell<All>,
    of: PhantomData<T>,
}

/// Copies of anything, so that their code exists once.
#[derive(Debug)]
struct All {
    max: usize,
    /// In the order of their names.
    copies: Vec<Kept>,
    /// How often one was used.
    uses: u64,
}

#[derive(Debug)]
struct Kept {
    name: String,
    /// `None` once it is gone, until another takes this place.
    value: Option<Rc<dyn Any>>,
    read_at: UnixTime,
    /// When storage failed to tell whether it still holds, or was last asked since then.
    failed_at: Option<UnixTime>,
    last_use: u64,
    allowance: Allowance,
}

/// How often a copy may still be read anew because it would refuse a request. Refusals are for
/// anybody to have, so without a bound each would be a read.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    left: u32,
    counted_at: UnixTime,
}

impl Allowance {
    /// So many reads at once; one a second comes back.
    const MAX: u32 = 10;

    fn new(now: UnixTime) -> Self {
        Self {
            left: Self::MAX,
            counted_at: now,
        }
    }

    /// Takes one of them, if one is left. A clock that was set back gives none back.
    fn take(&mut self, now: UnixTime) -> bool {
        let passed = now.since(self.counted_at).0;
        self.left = self.left.saturating_add(passed).min(Self::MAX);
        self.counted_at = now;
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or_default();
        left.is_some()
    }
}

impl Kept {
    /// Whether it was asked for after what was asked for `now`, and answered before. Not when the
    /// clock was set back since.
    fn overtook(&self, now: UnixTime) -> bool {
        now < self.read_at && self.read_at.since(now) <= SLOWEST
    }

    /// How old it is; `None` when the clock was set back since.
    fn age(&self, now: UnixTime) -> Option<Seconds> {
        (self.read_at <= now).then(|| now.since(self.read_at))
    }
}

impl<T: 'static> Copies<T> {
    /// None yet, and never more than `max`.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let (copies, uses) = (Vec::new(), 0);
        Self {
            all: RefCell::new(All { max, copies, uses }),
            of: PhantomData,
        }
    }

    /// The copy of that name, if storage need not be asked, and its age if that is because storage
    /// failed a moment ago.
    #[must_use]
    pub fn usable(&self, name: &str, age: Age, now: UnixTime) -> Option<(Rc<T>, Option<Seconds>)> {
        let (value, old) = self.all.borrow_mut().usable(name, age, now)?;
        Some((value.downcast().ok()?, old))
    }

    /// What storage said `now`, or the copy, its age and why it is needed if storage failed and that is
    /// tolerable.
    ///
    /// # Errors
    /// [`StoreError`] of the answer.
    pub fn settle(
        &self,
        name: &str,
        age: Age,
        now: UnixTime,
        answer: Result<Option<T>, StoreError>,
    ) -> Result<Settled<T>, StoreError> {
        let mut all = self.all.borrow_mut();
        match answer {
            Ok(Some(value)) => {
                let value = Rc::new(value);
                if age != Age::default() {
                    all.keep(name, Rc::clone(&value) as Rc<dyn Any>, now);
                }
                Ok((Some(value), None))
            }
            Err(error @ (StoreError::Unavailable { .. } | StoreError::Timeout)) => {
                let found = all.fall_back(name, age, now);
                let found = found.and_then(|(value, old)| Some((value.downcast().ok()?, old)));
                match found {
                    Some((value, old)) => Ok((Some(value), Some((old, error)))),
                    None => Err(error),
                }
            }
            // Whoever publishes keys may publish anything for a time: what was good still is.
            Err(error @ StoreError::UnusableKeys { .. }) => Err(error),
            // It is gone, or has become what only another version understands.
            gone => {
                all.remove(name, now);
                gone.map(|_| (None, None))
            }
        }
    }

    /// Whether a copy that would refuse a request may be read anew for it `now`, or such reads of
    /// it are used up: then what decides was read a second ago, or less.
    #[must_use]
    pub fn may_read_anew(&self, name: &str, now: UnixTime) -> bool {
        let mut all = self.all.borrow_mut();
        all.find(name)
            .is_none_or(|(copy, _)| copy.allowance.take(now))
    }

    /// Keeps none of them any more.
    pub fn forget(&self) {
        self.all.borrow_mut().copies.clear();
    }
}

impl All {
    fn usable(
        &mut self,
        name: &str,
        age: Age,
        now: UnixTime,
    ) -> Option<(Rc<dyn Any>, Option<Seconds>)> {
        let (copy, turn) = self.find(name)?;
        let old = copy.age(now)?;
        let told = match old < age.max_age {
            true => None,
            false => {
                let failed_at = copy.failed_at.filter(|_| is_tolerable(old, age))?;
                if failed_at > now || now.since(failed_at) >= RETRY_AFTER {
                    // This one asks, and the others do not wait with it.
                    copy.failed_at = Some(now);
                    return None;
                }
                Some(old)
            }
        };
        copy.last_use = turn;
        Some((Rc::clone(copy.value.as_ref()?), told))
    }

    /// Storage failed: the copy, if that is tolerable.
    fn fall_back(&mut self, name: &str, age: Age, now: UnixTime) -> Option<(Rc<dyn Any>, Seconds)> {
        let (copy, turn) = self.find(name)?;
        let old = copy.age(now).filter(|old| is_tolerable(*old, age))?;
        copy.failed_at = copy.failed_at.max(Some(now));
        copy.last_use = turn;
        Some((Rc::clone(copy.value.as_ref()?), old))
    }

    /// The copy of that name, and the number of its next use.
    fn find(&mut self, name: &str) -> Option<(&mut Kept, u64)> {
        let at = self.position(name).ok()?;
        self.uses = self.uses.saturating_add(1);
        Some((self.copies.get_mut(at)?, self.uses))
    }

    fn keep(&mut self, name: &str, value: Rc<dyn Any>, now: UnixTime) {
        self.uses = self.uses.saturating_add(1);
        let copy = Kept {
            name: name.to_owned(),
            value: Some(value),
            read_at: now,
            failed_at: None,
            last_use: self.uses,
            allowance: Allowance::new(now),
        };
        if let Ok(at) = self.position(name) {
            let place = self.copies.get_mut(at);
            if let Some(place) = place.filter(|known| !known.overtook(now)) {
                let allowance = place.allowance;
                *place = Kept { allowance, ..copy };
            }
            return;
        }
        if self.copies.len() >= self.max {
            let copies = self.copies.iter().enumerate();
            if let Some((oldest, _)) = copies.min_by_key(|(_, copy)| copy.last_use) {
                self.copies.remove(oldest);
            }
        }
        let (Ok(at) | Err(at)) = self.position(name);
        self.copies.insert(at, copy);
    }

    /// Takes a copy away, and keeps its place, so that a slow answer does not bring it back.
    fn remove(&mut self, name: &str, now: UnixTime) {
        if let Some((copy, _)) = self.find(name) {
            copy.value = None;
            if !copy.overtook(now) {
                copy.read_at = now;
            }
        }
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.copies
            .binary_search_by(|copy| copy.name.as_str().cmp(name))
    }
}

fn is_tolerable(old: Seconds, age: Age) -> bool {
    age.stale_if_error > Seconds(0) && old.0 < age.max_age.0.saturating_add(age.stale_if_error.0)
}
