//! When which key does what: as JSON, and in words.

use edge_token::rotation::{Entry, Slot, Slots, State};
use edge_token::time::{Seconds, UnixTime};
use serde_json::{Value, json};

use super::facts::{KnownSlot, KnownSlots};
use crate::moment::{date, date_and_distance, distance, length};
use crate::output;

/// How long before the newest key ends it is time for the next.
pub(crate) const NOTICE: Seconds = Seconds(30 * 24 * 60 * 60);

/// The timetable of two secrets at a moment.
pub(super) struct Timetable<'a> {
    pub(super) known: &'a KnownSlots,
    pub(super) slots: &'a Slots,
    pub(super) now: UnixTime,
}

impl Timetable<'_> {
    fn slot(&self, entry: &Entry<'_>) -> Option<&KnownSlot> {
        self.known.0.get(entry.slot)
    }

    /// Since when a key is published, as far as is known.
    fn published_from(&self, entry: &Entry<'_>) -> Option<UnixTime> {
        let mut written = self.slot(entry)?.written();
        let written = written.find(|way| way.keys.iter().flatten().any(|key| key == entry.key));
        written.map(|written| written.updated_at)
    }

    pub(super) fn json(&self) -> Value {
        let rows = self.slots.timetable(self.now).into_iter().map(|entry| {
            json!({
                "kid": entry.key.kid,
                "secret": self.known.name(entry.slot),
                "state": entry.state,
                "published_from": self.published_from(&entry),
                "signs_from": entry.key.not_before,
                "signs_until": entry.signs_until,
                "retires_at": entry.retires_at,
                "exp": entry.key.expiration,
            })
        });
        rows.collect()
    }

    /// The table for people, and what they should know of it.
    pub(super) fn tell(&self) {
        let lifetime = u64::from(self.slots.token_lifetime.0);
        eprintln!(
            "At {}, with tokens that live {} at most:",
            date(self.now),
            length(lifetime)
        );
        // On a terminal the result says it, as a table.
        let is_told = !output::is_for_people();
        for entry in self.slots.timetable(self.now).iter().filter(|_| is_told) {
            let name = self.known.name(entry.slot);
            eprintln!("\n{}  {name}  {}", entry.key.kid, word(entry.state));
            let published = self.published_from(entry);
            for (what, moment) in [
                ("published from", published),
                ("signs from", Some(entry.key.not_before)),
                ("signs until", Some(entry.signs_until)),
                ("retires", Some(entry.retires_at)),
            ] {
                if let Some(moment) = moment {
                    let distance = distance(moment, self.now);
                    eprintln!("  {what:<14}  {}  {distance}", date(moment));
                }
            }
        }
        eprintln!();
        for warning in self.warnings() {
            eprintln!("{warning}");
        }
    }

    /// What to do, or to know.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for slot in &self.known.0 {
            if slot.exists && slot.written().next().is_none_or(|held| held.keys.is_none()) {
                warnings.push(format!("Note: {}", unknown(&slot.name)));
            }
            if slot.pending().next().is_some() {
                warnings.push(format!("Warning: {}", unsettled(slot)));
            }
        }
        let lifetime = length(u64::from(self.slots.token_lifetime.0));
        let name = self.known.name(0);
        if self.slots.slots.iter().all(Slot::is_empty) {
            warnings.push(format!(
                "Warning: there is no key: `key generate --secret {name}` makes the first."
            ));
        } else if !self.slots.signs(self.now) {
            warnings.push(format!(
                "Warning: no key signs tokens that live {lifetime} now: `key rotate --secret {name} \
                 --lead 0 --force` adds one that signs at once."
            ));
        } else if let Some(last) = self.last()
            && last < self.now.plus(NOTICE)
        {
            warnings.push(format!(
                "Warning: the newest key signs its last token at {}: make the next by `key rotate`.",
                date_and_distance(last, self.now)
            ));
        }
        warnings
    }

    /// When the newest key that is surely there stops to sign.
    pub(super) fn last(&self) -> Option<UnixTime> {
        let timetable = self.slots.timetable(self.now);
        let sure = |entry: &&Entry<'_>| entry.state != State::Pending;
        timetable
            .iter()
            .rev()
            .find(sure)
            .map(|entry| entry.signs_until)
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Pending => "pending: its write did not finish",
        State::Next => "next",
        State::Signing => "signing",
        State::Retiring => "retiring: it verifies only",
        State::Retired => "retired",
        State::Expired => "expired",
    }
}

/// What to know of a secret of which nothing is written down.
pub(super) fn unknown(name: &str) -> String {
    format!(
        "nothing is written down of the keys in {name}, as when they were uploaded by hand: they \
         are not in the timetable, and take no part in what is safe."
    )
}

/// What to do about a secret whose last write did not finish.
pub(super) fn unsettled(slot: &KnownSlot) -> String {
    let name = &slot.name;
    let mut text = format!("a write to {name} did not finish");
    for written in slot.pending() {
        text.push_str(&format!(
            ", begun by {} at {}",
            written.updated_by,
            date(written.updated_at)
        ));
    }
    text.push_str(
        ". Whether it came to the secret, the JWK Set of a realm shows, 6 minutes later at the \
         latest.",
    );
    for written in slot.written() {
        let mut kids = written.keys.iter().flatten().map(|key| &key.kid);
        match kids.next() {
            Some(kid) => text.push_str(&format!(" If {kid} is there: `key settle {name} {kid}`.")),
            None => text.push_str(&format!(
                " If no key of {name} is there: `key settle {name}`."
            )),
        }
    }
    text
}
